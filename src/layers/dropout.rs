//! Dropout as a layer.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, Stream, one};
use crate::ops::dropout;

/// In training a share `rate` of the elements becomes 0 and the others are divided by `1 − rate`; else x itself.
///
/// The elements that are kept depend on the model's seed, the step and the layer's place alone. Source: Keras'
/// `Dropout`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    rate: f64,
}

impl Dropout {
    /// A layer that drops a share `rate`, from 0 to 1.
    pub fn new(rate: f64) -> Self {
        Self { rate }
    }
}

impl Layer for Dropout {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let x = one("dropout", x)?;
        let Stream { seed, layer } = scope.random();
        // Made in any case, so that a rate that makes no sense is refused; dropped where nothing reads it.
        let dropped = dropout(scope.builder(), x, self.rate, seed, layer)?;
        Ok(vec![if scope.training() { dropped } else { x }])
    }

    fn config(&self) -> Config {
        Config::new("Dropout", self)
    }
}
