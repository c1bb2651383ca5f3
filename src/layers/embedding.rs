//! Rows of a table that is trained.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Initializer, Layer, Regularizer, Scope, Vars, one, one_type};
use crate::ops::gather;
use crate::shape::{Dtype, Type};

/// `y = table[x]`: x whole numbers below `input_dim`, `[batch, …]`, table `[input_dim, output_dim]`, y
/// `[batch, …, output_dim]`.
///
/// # Defaults
/// `embeddings` uniform in ±0.05. Source: Keras' `Embedding`.
///
/// # Errors
/// A number from `input_dim` on is refused before a run on the host, and in the kernel: it is never clamped.
///
/// ```
/// use wgrad::layers::{Embedding, Layer, Symbol};
/// let words = Symbol::ids([20]);
/// let vectors = Embedding::new(1000, 16).on(&words); // [20, 16] per row
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    input_dim: usize,
    output_dim: usize,
    embeddings_initializer: Initializer,
    embeddings_regularizer: Option<Regularizer>,
}

impl Embedding {
    /// A table of `input_dim` rows of `output_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        let embeddings_initializer = Initializer::RandomUniform { min: -0.05, max: 0.05 };
        Self { input_dim, output_dim, embeddings_initializer, embeddings_regularizer: None }
    }

    /// How the table begins.
    pub fn embeddings_initializer(mut self, initializer: Initializer) -> Self {
        self.embeddings_initializer = initializer;
        self
    }

    /// What the table adds to the loss.
    pub fn embeddings_regularizer(mut self, regularizer: Regularizer) -> Self {
        self.embeddings_regularizer = Some(regularizer);
        self
    }
}

impl Layer for Embedding {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        let input = one_type("embedding", inputs)?;
        if input.dtype != Dtype::U32 {
            return Err(Error::shape("input", "whole numbers, as `Symbol::ids` gives", input));
        }
        if self.input_dim == 0 || self.output_dim == 0 {
            let got = format!("{} and {}", self.input_dim, self.output_dim);
            return Err(Error::argument("input_dim and output_dim", "at least 1", got));
        }
        vars.add("embeddings", [self.input_dim, self.output_dim], self.embeddings_initializer)
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let table = scope.var("embeddings")?;
        if let Some(regularizer) = self.embeddings_regularizer {
            regularizer.add(scope, table)?;
        }
        Ok(vec![gather(scope.builder(), table, one("embedding", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Embedding", self)
    }

    fn ids_below(&self, _input: usize) -> Option<usize> {
        Some(self.input_dim)
    }
}
