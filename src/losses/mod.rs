//! Losses: what a prediction and a target are compared by.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::graph::{Builder, Squash, Value};
use crate::ops::{
    BINARY_CROSSENTROPY, BINARY_CROSSENTROPY_LOGITS, LossValue, MEAN_SQUARED_ERROR, Targets, pointwise_loss,
};

/// A loss: the mean over the rows of a batch, and over their elements.
pub trait Loss: Debug + Send + Sync {
    /// Its name in the field: `binary_crossentropy`.
    fn name(&self) -> &'static str;

    /// The loss of predictions `p` against targets of the same shape. `column` is that of the loss' weight in the step
    /// table; without one there is no gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes differ.
    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue>;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// `−t ln p − (1 − t) ln(1 − p)`, the mean over the last axis and over the batch.
///
/// Where p is a sigmoid of the model, loss and gradient are computed from its logits, which is stable everywhere; else
/// p is clipped to [1e-7, 1 − 1e-7].
///
/// # Defaults
/// `from_logits(false)`, `label_smoothing(0.0)`. Source: Keras' `BinaryCrossentropy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl BinaryCrossentropy {
    /// Whether predictions are logits and no probabilities.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// s, where a target t counts as `t (1 − s) + s / 2`.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
}

impl Loss for BinaryCrossentropy {
    fn name(&self) -> &'static str {
        "binary_crossentropy"
    }

    fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.label_smoothing) {
            return Ok(());
        }
        Err(Error::argument("label_smoothing", "a share from 0 to 1", self.label_smoothing))
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let smoothed = (1.0 - self.label_smoothing, 0.5 * self.label_smoothing);
        if self.from_logits {
            // Its hits are those of z > 0; an accuracy is that of the prediction itself, p > 0.5.
            let loss = pointwise_loss(g, &BINARY_CROSSENTROPY_LOGITS, p, targets, smoothed, column)?;
            return Ok(LossValue { hits: None, ..loss });
        }
        match g.logits_of(p, Squash::Sigmoid) {
            Some(z) => pointwise_loss(g, &BINARY_CROSSENTROPY_LOGITS, z, targets, smoothed, column),
            None => pointwise_loss(g, &BINARY_CROSSENTROPY, p, targets, smoothed, column),
        }
    }
}

/// `(p − t)²`, the mean over the last axis and over the batch. Source: Keras' `MeanSquaredError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquaredError;

impl Loss for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean_squared_error"
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        pointwise_loss(g, &MEAN_SQUARED_ERROR, p, targets, (1.0, 0.0), column)
    }
}
