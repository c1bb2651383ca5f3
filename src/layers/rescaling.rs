//! Numbers brought to another range.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::{add, constant, multiply};

/// `y = scale x + offset`, any shape: pixels from 0 to 255 to numbers from 0 to 1 by `Rescaling::new(1.0 / 255.0)`.
///
/// # Defaults
/// `offset(0.0)`. Source: Keras' `Rescaling`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescaling {
    scale: f64,
    offset: f64,
}

impl Rescaling {
    /// A layer that multiplies by `scale`.
    pub fn new(scale: f64) -> Self {
        Self { scale, offset: 0.0 }
    }

    /// What is added afterwards.
    pub fn offset(mut self, offset: f64) -> Self {
        self.offset = offset;
        self
    }
}

impl Layer for Rescaling {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let (g, x) = (scope.builder(), one("rescaling", x)?);
        if [self.scale, self.offset].iter().any(|v| !(*v as f32).is_finite()) {
            let got = format!("{} and {}", self.scale, self.offset);
            return Err(Error::argument("scale and offset", "numbers that f32 holds", got));
        }
        let scaled = multiply(g, x, constant(g, self.scale)?)?;
        Ok(vec![if self.offset == 0.0 { scaled } else { add(g, scaled, constant(g, self.offset)?)? }])
    }

    fn config(&self) -> Config {
        Config::new("Rescaling", self)
    }
}
