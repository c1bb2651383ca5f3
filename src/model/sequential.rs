//! A model of layers in a row.

use std::sync::Arc;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::graph::{Builder, Variables};
use crate::layers::{Initializer, Layer, Scope, Vars};
use crate::model::{Model, Placed, in_layer};
use crate::program::Options;
use crate::shape::Type;

/// Layers in a row, in the making.
///
/// ```
/// use wgrad::{Device, Relu, Sequential, Sigmoid, layers::Dense};
/// let model = Sequential::new()
///     .add(Dense::new(64).activation(Relu).input_shape([10]))
///     .add(Dense::new(1).activation(Sigmoid))
///     .build(&Device::cpu())?;
/// assert_eq!(model.weight_names(), ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    layers: Vec<Box<dyn Layer>>,
    seed: u64,
}

impl Sequential {
    /// No layers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a layer. The first one says its `input_shape`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The seed of the first weights; 0 by default, so that a program repeats itself.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The model, with its weights on `device`.
    ///
    /// # Errors
    /// [`Error::Layer`] around what is wrong in a layer; [`Error::Argument`] where there is no layer, or no input shape.
    pub fn build(self, device: &Device) -> Result<Model> {
        let first = self.layers.first().ok_or_else(|| Error::argument("layers", "at least one", "none"))?;
        let shape = first.input_shape().ok_or_else(|| {
            in_layer(
                0,
                &first.config().snake_case(),
                Error::argument(
                    "input_shape",
                    "the shape of a row, as `.input_shape([10])` on the first layer",
                    "none",
                ),
            )
        })?;
        shape.checked_len("input_shape")?;
        let input = Type::f32(shape);
        let (mut variables, mut initializers) = (Variables::default(), vec![]);
        let (mut placed, mut output): (Vec<Placed>, Type) = (vec![], input.clone());
        for (index, layer) in self.layers.into_iter().enumerate() {
            let name = unused(&layer.config().snake_case(), &placed);
            if let Some(shape) = layer.input_shape().filter(|shape| *shape != output.shape) {
                let error = Error::argument("input_shape", format!("{}, what comes in", output.shape), shape);
                return Err(in_layer(index, &name, error));
            }
            let ty = place(&*layer, &name, &output, &mut variables, &mut initializers)
                .map_err(|source| in_layer(index, &name, source))?;
            output = ty.clone();
            placed.push(Placed { name, layer, output: ty });
        }
        let variables = Arc::new(variables);
        let storage = device.storage(&variables, &Options::default())?;
        for (index, (variable, initializer)) in variables.iter().zip(initializers).enumerate() {
            storage.write(index, &initializer.values(&variable.ty.shape, self.seed, index as u32)?)?;
        }
        Ok(Model {
            name: "sequential".into(),
            layers: placed,
            input,
            output,
            device: device.clone(),
            variables,
            storage,
            compiled: None,
            loaded: vec![],
            iterations: 0,
        })
    }
}

/// Builds a layer for rows of type `input`, and traces it alone: gives the type of its rows.
fn place(
    layer: &dyn Layer,
    name: &str,
    input: &Type,
    variables: &mut Variables,
    initializers: &mut Vec<Initializer>,
) -> Result<Type> {
    layer.build(&mut Vars::new(variables, initializers, name), std::slice::from_ref(input))?;
    let builder = Builder::new(Arc::new(variables.clone()));
    let x = builder.data(Type::f32(input.shape.with_batch(1)).batched(true));
    let outputs = layer.call(&Scope::new(&builder, variables, name, false), &[x])?;
    match outputs[..] {
        [y] if !builder.ty(y).batched => Err(Error::shape("output", "[batch, …]", builder.ty(y).shape)),
        [y] => Ok(Type::f32(builder.ty(y).shape.without_batch())),
        _ => Err(Error::shape(name, "one output", outputs.len())),
    }
}

/// The name, with `_1`, `_2`, … where it is taken.
fn unused(name: &str, placed: &[Placed]) -> String {
    let taken = |name: &str| placed.iter().any(|p| p.name == name);
    let numbered = (1..).map(|i| format!("{name}_{i}"));
    std::iter::once(name.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}
