//! A model of layers in a row.

use crate::device::Device;
use crate::error::Result;
use crate::layers::{Network, Placed};
use crate::model::Model;

/// Layers in a row, in the making.
///
/// ```
/// use wgrad::layers::{Dense, Layer};
/// use wgrad::{Device, Relu, Sequential, Sigmoid};
/// let model = Sequential::new()
///     .add(Dense::new(64).activation(Relu).input_shape([10]))
///     .add(Dense::new(1).activation(Sigmoid))
///     .build(&Device::cpu())?;
/// assert_eq!(model.weight_names(), ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sequential {
    layers: Vec<Placed>,
    name: Option<String>,
    seed: u64,
}

impl Sequential {
    /// No layers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a layer. The first one says its `input_shape`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Into<Placed>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// The name of the model.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
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
    /// [`Error::Layer`](crate::Error::Layer) around what is wrong in a layer;
    /// [`Error::Argument`](crate::Error::Argument) where there is no layer, or no input shape.
    pub fn build(self, device: &Device) -> Result<Model> {
        let name = self.name.unwrap_or_else(|| "sequential".into());
        Model::place(Network::sequential(self.layers)?, name, self.seed, device)
    }

    /// The same as a layer of another model, which says its input shape.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where there is no layer, or a name that two have.
    pub fn into_layer(self) -> Result<Placed> {
        Ok(Placed::from(Network::sequential(self.layers)?))
    }
}
