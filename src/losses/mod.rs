//! Losses: what a prediction and a target are compared by.

mod crossentropy;
mod regression;

use std::fmt::Debug;

pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use regression::{Huber, MeanAbsoluteError, MeanSquaredError};

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::ops::{LossValue, Targets};
use crate::shape::Type;
use crate::tensor::Tensor;

/// A loss: the mean over the rows of a batch, and over their elements.
pub trait Loss: Debug + Send + Sync {
    /// Its name in the field: `binary_crossentropy`.
    fn name(&self) -> &'static str;

    /// The type of a target for an output of this type, both without the batch axis: the same for most.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for an output that the loss does not take.
    fn target(&self, output: &Type) -> Result<Type> {
        Ok(output.clone())
    }

    /// Refuses targets `[rows, …]` that the loss cannot take, before anything runs.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) with the first that is wrong.
    fn check_targets(&self, y: &Tensor, output: &Type) -> Result<()> {
        let _ = (y, output);
        Ok(())
    }

    /// The loss of predictions `p` against targets. `column` is that of the loss' weight in the step table; without one
    /// there is no gradient.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) where the shapes do not fit.
    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue>;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) with the setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
