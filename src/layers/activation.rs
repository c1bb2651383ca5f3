//! An activation as a layer.

use crate::error::Result;
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::ActivationFunction;
use crate::shape::Shape;

/// A layer `y = f(x)`, for inputs of any shape. A softmax is over the last axis.
///
/// ```
/// use wgrad::{Relu, layers::Activation};
/// let layer = Activation::new(Relu);
/// ```
#[derive(Clone, Debug)]
pub struct Activation {
    function: ActivationFunction,
    input_shape: Option<Shape>,
}

impl Activation {
    /// The layer of a function.
    pub fn new(function: impl Into<ActivationFunction>) -> Self {
        Self { function: function.into(), input_shape: None }
    }

    /// The shape of one input row, on the first layer.
    pub fn input_shape(mut self, shape: impl Into<Shape>) -> Self {
        self.input_shape = Some(shape.into());
        self
    }
}

impl Layer for Activation {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![self.function.apply(scope.builder(), one("activation", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Activation", serde_json::json!({ "activation": self.function.name() }))
    }

    fn input_shape(&self) -> Option<Shape> {
        self.input_shape.clone()
    }
}
