//! `predict`: the outputs for rows that are given.

use crate::error::{Error, Result};
use crate::graph::Buffer;
use crate::model::{Mode, Model};
use crate::shape::Shape;
use crate::tensor::{IntoTensors, Tensor};
use crate::train::evaluate::BATCH;
use crate::train::pass::{Pass, Rows, in_order};

impl Model {
    /// The outputs for rows `x`, `[rows, …]`; none for none.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the model.
    pub fn predict(&mut self, x: impl IntoTensors) -> Result<Tensor> {
        let rows = Rows::new(["x", "y"], (x.into_tensors()?, vec![]), &[&self.input], &[])?;
        let shape = self.output.shape.with_batch(rows.count);
        if rows.count == 0 {
            return Tensor::new(shape, vec![]);
        }
        let batch = BATCH.min(rows.count);
        let index = self.load(Mode::Predict, batch, rows.count)?;
        let loaded = &mut self.loaded[index];
        rows.upload(&mut *loaded.executable, &loaded.feed)?;
        let mut pass = Pass::begin(loaded, batch, &in_order(rows.count)?, 0)?;
        while !pass.turn(&mut *loaded.executable, 1)? {}
        let output = loaded.feed.outputs.first().ok_or_else(|| Error::shape("predict", "one output", 0))?;
        tensor(shape, loaded.executable.download(*output)?, self.device.is_exact())
    }
}

/// In f64 where the device has computed in f64; else every value is an f32.
fn tensor(shape: Shape, buffer: Buffer<f64>, exact: bool) -> Result<Tensor> {
    match exact {
        true => Tensor::from_f64(shape, buffer.float().to_vec()),
        false => Tensor::new(shape, buffer.float().iter().map(|&v| v as f32).collect()),
    }
}
