//! A rectifier whose slope is trained.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::graph::Value;
use crate::layers::{Config, Initializer, Layer, Regularizer, Scope, Vars, one, one_type};
use crate::ops::{Neg, Relu, Subtract, binary, multiply, unary};
use crate::shape::Type;

/// `max(x, 0) − alpha max(−x, 0)`: x `[batch, …]`, alpha `[…]`, a slope for each element of a row.
///
/// # Defaults
/// `alpha` 0. Source: Keras' `PReLU`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PRelu {
    alpha_initializer: Initializer,
    alpha_regularizer: Option<Regularizer>,
}

impl Default for PRelu {
    fn default() -> Self {
        Self { alpha_initializer: Initializer::Zeros, alpha_regularizer: None }
    }
}

impl PRelu {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// How alpha begins.
    pub fn alpha_initializer(mut self, initializer: Initializer) -> Self {
        self.alpha_initializer = initializer;
        self
    }

    /// What alpha adds to the loss.
    pub fn alpha_regularizer(mut self, regularizer: Regularizer) -> Self {
        self.alpha_regularizer = Some(regularizer);
        self
    }
}

impl Layer for PRelu {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        vars.add("alpha", one_type("p_relu", inputs)?.shape.clone(), self.alpha_initializer)
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let (g, x, alpha) = (scope.builder(), one("p_relu", x)?, scope.var("alpha")?);
        if let Some(regularizer) = self.alpha_regularizer {
            regularizer.add(scope, alpha)?;
        }
        let below = unary(g, Relu, unary(g, Neg, x)?)?;
        Ok(vec![binary(g, Subtract, unary(g, Relu, x)?, multiply(g, below, alpha)?)?])
    }

    fn config(&self) -> Config {
        Config::new("PRelu", self)
    }
}
