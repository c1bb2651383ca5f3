//! `evaluate`: loss and metrics on rows that are given; `train_on_batch` and `test_on_batch`: one step.

use crate::error::{Error, Result};
use crate::model::{Key, Mode, Model, Trained};
use crate::tensor::{IntoTensors, Tensors};
use crate::train::halt::Halt;
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
        self.once(Mode::Evaluate, x.into_tensors()?, y.into_tensors()?, BATCH)
    }

    /// One step of training on all rows as one batch; gives the loss and the metrics of the predictions before it.
    ///
    /// # Errors
    /// Those of [`Model::fit`].
    pub fn train_on_batch(&mut self, x: impl IntoTensors, y: impl IntoTensors) -> Result<Logs> {
        let logs = self.once(Mode::Train, x.into_tensors()?, y.into_tensors()?, usize::MAX)?;
        self.iterations += 1;
        Ok(logs)
    }

    /// The loss and the metrics on all rows as one batch. Nothing is trained.
    ///
    /// # Errors
    /// Those of [`Model::evaluate`].
    pub fn test_on_batch(&mut self, x: impl IntoTensors, y: impl IntoTensors) -> Result<Logs> {
        self.once(Mode::Evaluate, x.into_tensors()?, y.into_tensors()?, usize::MAX)
    }

    /// One pass over rows in their order, in batches of at most `most`.
    fn once(&mut self, mode: Mode, x: Tensors, y: Tensors, most: usize) -> Result<Logs> {
        self.compiled()?;
        let rows = self.rows(["x", "y"], x, y)?;
        if rows.count == 0 {
            return Err(Error::shape("x", "at least one row", 0));
        }
        let batch = most.min(rows.count);
        let iteration = if mode == Mode::Train { self.iterations } else { 0 };
        let key = Key { mode, batch, data: rows.layout() };
        let loaded = (self as &mut dyn Trained).ready(key)?;
        rows.upload(loaded)?;
        let order = in_order(rows.count)?;
        let mut pass = Pass::begin(loaded, batch, &order, &[], iteration)?;
        loop {
            match pass.turn(&mut *loaded.executable, 1) {
                Ok(true) => return Ok(pass.logs("")),
                Ok(false) => {}
                Err(error) => {
                    let halt = Halt { key, rows: &rows, order: &order, table: pass.table() };
                    return Err(halt.named(self, error));
                }
            }
        }
    }
}
