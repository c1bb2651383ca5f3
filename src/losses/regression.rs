//! Losses of numbers: how far predictions are from their targets.

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::losses::Loss;
use crate::ops::{self, LossFunction, LossValue, MEAN_ABSOLUTE_ERROR, MEAN_SQUARED_ERROR, Targets, pointwise_loss};

/// `(p − t)²`, the mean over the last axis and over the batch. Source: Keras' `MeanSquaredError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquaredError;

impl Loss for MeanSquaredError {
    fn name(&self) -> &str {
        "mean_squared_error"
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        pointwise_loss(g, &MEAN_SQUARED_ERROR, p, targets, (1.0, 0.0), column)
    }
}

/// `│p − t│`, the mean over the last axis and over the batch. Its slope at 0 is 0. Source: Keras' `MeanAbsoluteError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanAbsoluteError;

impl Loss for MeanAbsoluteError {
    fn name(&self) -> &str {
        "mean_absolute_error"
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        pointwise_loss(g, &MEAN_ABSOLUTE_ERROR, p, targets, (1.0, 0.0), column)
    }
}

/// `(p − t)² / 2` up to a distance of delta, from there on `delta (│p − t│ − delta / 2)`; the mean over the last axis
/// and over the batch.
///
/// # Defaults
/// `delta(1.0)`. Source: Keras' `Huber`.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl Huber {
    /// The distance from which on the loss is a line.
    pub fn delta(mut self, delta: f64) -> Self {
        self.delta = delta;
        self
    }
}

impl Loss for Huber {
    fn name(&self) -> &str {
        "huber"
    }

    fn check(&self) -> Result<()> {
        let delta = self.delta as f32;
        if delta > 0.0 && delta.is_finite() {
            return Ok(());
        }
        Err(Error::argument("delta", "a finite number above 0", self.delta))
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let function = LossFunction::from(ops::Huber { delta: self.delta });
        pointwise_loss(g, function, p, targets, (1.0, 0.0), column)
    }
}
