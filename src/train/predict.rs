//! `predict`: the outputs for rows that are given.

use crate::error::{Error, Result};
use crate::graph::Buffer;
use crate::model::{Mode, Model, Trained};
use crate::shape::Shape;
use crate::tensor::{IntoTensors, Tensor};
use crate::train::evaluate::BATCH;
use crate::train::pass::{Pass, in_order};

impl Model {
    /// The output for rows `x`, `[rows, …]`; none for none. Of a model with one output: see [`Model::predict_all`].
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the model, [`Error::Argument`] where it has several outputs.
    pub fn predict(&mut self, x: impl IntoTensors) -> Result<Tensor> {
        if self.outputs.len() > 1 {
            let got = self.output_names().join(", ");
            return Err(Error::argument("predict", "a model with one output; `predict_all` gives several", got));
        }
        let mut all = self.predict_all(x)?;
        all.pop().map(|(_, tensor)| tensor).ok_or_else(|| Error::shape("predict", "one output", 0))
    }

    /// The outputs for rows `x` with their names, in the model's order.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the model.
    pub fn predict_all(&mut self, x: impl IntoTensors) -> Result<Vec<(String, Tensor)>> {
        let rows = self.input_rows("x", x.into_tensors()?)?;
        let shapes: Vec<(String, Shape)> =
            self.outputs.iter().map(|(name, ty)| (name.clone(), ty.shape.with_batch(rows.count))).collect();
        if rows.count == 0 {
            return shapes.into_iter().map(|(name, shape)| Ok((name, Tensor::new(shape, vec![])?))).collect();
        }
        let batch = BATCH.min(rows.count);
        let exact = self.device.is_exact();
        let loaded = (self as &mut dyn Trained).ready((Mode::Predict, batch, rows.count, false))?;
        rows.upload(loaded)?;
        let mut pass = Pass::begin(loaded, batch, &in_order(rows.count)?, &[], 0)?;
        while !pass.turn(&mut *loaded.executable, 1)? {}
        let outputs = loaded.feed.outputs.clone();
        let download = |((name, shape), output)| Ok((name, tensor(shape, loaded.executable.download(output)?, exact)?));
        shapes.into_iter().zip(outputs).map(download).collect()
    }
}

/// In f64 where the device has computed in f64; else every value is an f32.
fn tensor(shape: Shape, buffer: Buffer<f64>, exact: bool) -> Result<Tensor> {
    match exact {
        true => Tensor::from_f64(shape, buffer.float().to_vec()),
        false => Tensor::new(shape, buffer.float().iter().map(|&v| v as f32).collect()),
    }
}
