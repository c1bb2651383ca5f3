//! Models: layers that are connected, with their variables on a device.

mod compile;
mod save;
mod sequential;
mod summary;
mod trace;

use std::sync::Arc;

pub use sequential::Sequential;
pub(crate) use trace::{Feed, Loaded, Mode};

use crate::device::{Device, Storage};
use crate::error::{Error, Result};
use crate::graph::{Builder, Value, VariableKind, Variables};
use crate::layers::{Layer, Scope};
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::Optimizer;
use crate::program::Options;
use crate::shape::Type;
use crate::tensor::Tensor;

/// A model on a device: made by [`Sequential::build`].
#[derive(Debug)]
pub struct Model {
    pub(crate) name: String,
    pub(crate) layers: Vec<Placed>,
    /// Without the batch axis.
    pub(crate) input: Type,
    /// Without the batch axis.
    pub(crate) output: Type,
    pub(crate) device: Device,
    pub(crate) variables: Arc<Variables>,
    pub(crate) storage: Storage,
    pub(crate) compiled: Option<Compiled>,
    /// Programs that were made, one per mode: made again when the batch size or the number of rows changes.
    pub(crate) loaded: Vec<Loaded>,
    /// Steps that were trained since `compile`.
    pub(crate) iterations: u64,
}

/// A layer at its place in a model.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) name: String,
    pub(crate) layer: Box<dyn Layer>,
    /// Without the batch axis.
    pub(crate) output: Type,
}

/// What a model is trained by.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) loss: Box<dyn Loss>,
    /// With their keys in the logs.
    pub(crate) metrics: Vec<(String, Box<dyn Metric>)>,
}

impl Model {
    /// Where it trains and predicts.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables of its layers and of its optimizer.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The outputs for `x`, in a graph that has the model's variables.
    ///
    /// # Errors
    /// [`Error::Layer`] around what is wrong in a layer.
    pub fn call(&self, g: &Builder, x: &[Value], training: bool) -> Result<Vec<Value>> {
        self.layers.iter().enumerate().try_fold(x.to_vec(), |x, (index, placed)| {
            let scope = Scope::new(g, &self.variables, &placed.name, training);
            placed.layer.call(&scope, &x).map_err(|source| in_layer(index, &placed.name, source))
        })
    }

    /// The variable of a name, as `dense/kernel`, read from the device.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none, [`Error::DeviceLost`].
    pub fn weight(&self, name: &str) -> Result<Tensor> {
        let (index, ty) = self.find(name)?;
        self.storage.read(index, &ty)
    }

    /// Sets the variable of a name.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none, [`Error::Shape`] where the shape differs.
    pub fn set_weight(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let (index, ty) = self.find(name)?;
        if *tensor.shape() != ty.shape {
            return Err(Error::shape(name, ty.shape.to_string(), tensor.shape()));
        }
        self.storage.write(index, tensor)
    }

    /// The names of what is trained, in the order of the layers.
    pub fn weight_names(&self) -> Vec<&str> {
        let trained = self.variables.iter().filter(|v| v.kind != VariableKind::Moment);
        trained.map(|v| v.name.as_str()).collect()
    }

    fn find(&self, name: &str) -> Result<(usize, Type)> {
        let found = self.variables.iter().enumerate().find(|(_, v)| v.name == name);
        let names = || self.weight_names().join(", ");
        found
            .map(|(index, v)| (index, v.ty.clone()))
            .ok_or_else(|| Error::argument("weight", format!("one of {}", names()), name))
    }

    /// Moves to another set of variables: those that stay keep their values, the others become 0.
    pub(crate) fn set_variables(&mut self, variables: Arc<Variables>) -> Result<()> {
        let storage = self.device.storage(&variables, &Options::default())?;
        for (index, variable) in variables.iter().enumerate() {
            let before = self.variables.iter().position(|v| v == variable);
            if let (Some(before), false) = (before, variable.kind == VariableKind::Moment) {
                storage.write(index, &self.storage.read(before, &variable.ty)?)?;
            }
        }
        self.loaded.clear();
        (self.variables, self.storage) = (variables, storage);
        Ok(())
    }
}

/// An error with the layer that it comes from.
pub(crate) fn in_layer(index: usize, name: &str, source: Error) -> Error {
    Error::Layer { index, name: name.into(), source: Box::new(source) }
}
