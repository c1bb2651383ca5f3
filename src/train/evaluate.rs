//! `evaluate`: loss and metrics on rows that are given.

use crate::error::{Error, Result};
use crate::model::{Mode, Model};
use crate::tensor::IntoTensors;
use crate::train::history::Logs;
use crate::train::pass::{Pass, in_order};

/// Rows of a batch outside of training.
pub(crate) const BATCH: usize = 32;

impl Model {
    /// The loss and the metrics on rows `x` with targets `y`, by name. Nothing is trained.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the model, [`Error::Argument`] before `compile`.
    pub fn evaluate(&mut self, x: impl IntoTensors, y: impl IntoTensors) -> Result<Logs> {
        self.compiled()?;
        let rows = self.rows(["x", "y"], x.into_tensors()?, y.into_tensors()?)?;
        if rows.count == 0 {
            return Err(Error::shape("x", "at least one row", 0));
        }
        let batch = BATCH.min(rows.count);
        let index = self.load(Mode::Evaluate, batch, rows.count)?;
        let loaded = &mut self.loaded[index];
        rows.upload(&mut *loaded.executable, &loaded.feed)?;
        let mut pass = Pass::begin(loaded, batch, &in_order(rows.count)?, 0)?;
        while !pass.turn(&mut *loaded.executable, 1)? {}
        Ok(pass.logs(&loaded.graph, ""))
    }
}
