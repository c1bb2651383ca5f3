//! How far numbers are from their targets, made of ops.

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::losses::from_fn;
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{Abs, Rsqrt, Square, constant, divide, maximum, minimum, multiply, subtract, sum, unary};

/// Keras' `epsilon`.
const EPSILON: f64 = 1e-7;

/// `Σ p t / (|p| |t|)` over the last axis, the mean over the rest: 1 for one direction, −1 for opposite ones. Source:
/// Keras' `CosineSimilarity`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CosineSimilarity;

impl Metric for CosineSimilarity {
    fn name(&self) -> &str {
        "cosine_similarity"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        check_targets(self.name(), g, observed)?;
        let similarity = from_fn("cosine_similarity", |g, y, p| {
            let last = g.ty(p).shape.rank().saturating_sub(1);
            let product = multiply(g, unit(g, y, last)?, unit(g, p, last)?)?;
            sum(g, product, &[last], false)
        });
        Metric::call(&similarity, g, observed)
    }
}

/// Refuses targets that are not like the predictions: ops would stretch them.
fn check_targets(metric: &str, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<()> {
    let (p, y) = (g.ty(p), g.ty(targets.y));
    if p.shape == y.shape { Ok(()) } else { Err(Error::shape(metric, format!("targets as {p}"), y)) }
}

/// Rows along an axis, divided by their length.
fn unit(g: &Builder, x: Value, axis: usize) -> Result<Value> {
    let squares = sum(g, unary(g, Square, x)?, &[axis], true)?;
    let share = minimum(g, unary(g, Rsqrt, squares)?, constant(g, 1.0 / EPSILON)?)?;
    multiply(g, x, share)
}

/// `100 │p − t│ / max(│t│, 1e-7)`, the mean over rows and elements. Source: Keras' `MeanAbsolutePercentageError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanAbsolutePercentageError;

impl Metric for MeanAbsolutePercentageError {
    fn name(&self) -> &str {
        "mean_absolute_percentage_error"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        check_targets(self.name(), g, observed)?;
        let error = from_fn("mean_absolute_percentage_error", |g, y, p| {
            let size = maximum(g, unary(g, Abs, y)?, constant(g, EPSILON)?)?;
            let off = divide(g, unary(g, Abs, subtract(g, y, p)?)?, size)?;
            multiply(g, off, constant(g, 100.0)?)
        });
        Metric::call(&error, g, observed)
    }
}
