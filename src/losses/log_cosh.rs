//! The logarithm of a hyperbolic cosine.

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::losses::Loss;
use crate::losses::own::of_value;
use crate::ops::{LossValue, Softplus, Subtract, Targets, add, binary, constant, multiply, unary};

/// `ln cosh(p − t)`, the mean over the last axis and over the batch: a square near 0, a line far from it.
///
/// Computed as `d + softplus(−2 d) − ln 2` of the difference d, which passes no limit of f32. Source: Keras' `LogCosh`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCosh;

impl Loss for LogCosh {
    fn name(&self) -> &str {
        "log_cosh"
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let d = binary(g, Subtract, p, targets.y)?;
        let tail = unary(g, Softplus, multiply(g, d, constant(g, -2.0)?)?)?;
        let value = add(g, add(g, d, tail)?, constant(g, -std::f64::consts::LN_2)?)?;
        of_value(self.name(), g, value, targets, column)
    }
}
