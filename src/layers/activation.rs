//! An activation as a layer.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::ActivationFunction;

/// A layer `y = f(x)`, for inputs of any shape. A softmax is over the last axis.
///
/// A function with parameters has them as fields: Keras' `ELU(alpha=0.7)` is `Activation::new(Elu { alpha: 0.7 })`.
///
/// ```
/// use wgrad::{Elu, Relu, layers::Activation};
/// let layers = [Activation::new(Relu), Activation::new(Elu { alpha: 0.7 })];
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    activation: ActivationFunction,
}

impl Activation {
    /// The layer of a function.
    pub fn new(function: impl Into<ActivationFunction>) -> Self {
        Self { activation: function.into() }
    }
}

impl Layer for Activation {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![self.activation.apply(scope.builder(), one("activation", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Activation", self)
    }
}
