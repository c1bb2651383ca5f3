//! A model of layers that are connected in any way.

use crate::device::Device;
use crate::error::Result;
use crate::layers::{Network, Placed, Symbol, Symbols};
use crate::model::Model;

/// Layers between inputs and outputs, in the making: what [`Model::new`] gives.
#[derive(Clone, Debug)]
pub struct Functional {
    inputs: Vec<Symbol>,
    outputs: Vec<Symbol>,
    name: String,
    seed: u64,
}

impl Model {
    /// A model of all layers that lead from `inputs` to `outputs`; [`Functional::build`] puts it on a device.
    ///
    /// ```
    /// use wgrad::layers::{Add, Dense, Layer, Symbol};
    /// use wgrad::{Device, Model, Relu, Sigmoid, Softmax};
    /// let x = Symbol::input([10]);
    /// let trunk = Dense::new(64).activation(Relu).on(&x);
    /// let binary = Dense::new(1).activation(Sigmoid).named("binary_output").on(&trunk);
    /// let multiclass = Dense::new(5).activation(Softmax).named("multiclass_output").on(&trunk);
    /// let model = Model::new(&x, [&binary, &multiclass]).build(&Device::cpu())?;
    /// assert_eq!(model.output_names(), ["binary_output", "multiclass_output"]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    #[allow(clippy::new_ret_no_self)]
    pub fn new(inputs: impl Symbols, outputs: impl Symbols) -> Functional {
        Functional { inputs: inputs.symbols(), outputs: outputs.symbols(), name: "functional".into(), seed: 0 }
    }
}

impl Functional {
    /// The name of the model.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
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
    /// [`Error::Argument`](crate::Error::Argument) for an output that an input is missing for, an input that nothing
    /// reads and a name that two have; [`Error::Layer`](crate::Error::Layer) around what is wrong in a layer.
    pub fn build(self, device: &Device) -> Result<Model> {
        Model::place(Network::functional(&self.inputs, &self.outputs)?, self.name, self.seed, device)
    }

    /// The same as a layer of another model.
    ///
    /// # Errors
    /// Those of [`Functional::build`] that are not about a layer.
    pub fn into_layer(self) -> Result<Placed> {
        Ok(Placed::from(Network::functional(&self.inputs, &self.outputs)?))
    }
}
