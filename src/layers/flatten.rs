//! Rows of any shape as rows of one axis.

use crate::error::Result;
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::flatten;
use crate::shape::Shape;

/// `[batch, …]` as `[batch, features]`: the same elements in the same order. Source: Keras' `Flatten`.
#[derive(Clone, Debug, Default)]
pub struct Flatten {
    input_shape: Option<Shape>,
}

impl Flatten {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shape of one input row, on the first layer.
    pub fn input_shape(mut self, shape: impl Into<Shape>) -> Self {
        self.input_shape = Some(shape.into());
        self
    }
}

impl Layer for Flatten {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![flatten(scope.builder(), one("flatten", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Flatten", ())
    }

    fn input_shape(&self) -> Option<Shape> {
        self.input_shape.clone()
    }
}
