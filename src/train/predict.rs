//! `predict`: the outputs for rows that are given.

use crate::error::{Error, Result};
use crate::graph::{Buffer, Value};
use crate::model::{Key, Loaded, Mode, Model, Trained};
use crate::runtime::DeviceSlice;
#[cfg(doc)]
use crate::runtime::Gpu;
use crate::shape::Shape;
use crate::tensor::{IntoTensors, Tensor};
use crate::train::evaluate::BATCH;
use crate::train::pass::{Pass, in_order};
use crate::train::rows::Rows;
use crate::train::run::Run;

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
        let shapes = self.shapes(rows.count);
        if rows.count == 0 {
            return shapes.into_iter().map(|(name, shape)| Ok((name, Tensor::new(shape, vec![])?))).collect();
        }
        let exact = self.device.is_exact();
        let loaded = self.predicted(&rows)?;
        let outputs = loaded.feed.outputs.clone();
        let download = |((name, shape), output)| Ok((name, tensor(shape, loaded.executable.download(output)?, exact)?));
        shapes.into_iter().zip(outputs).map(download).collect()
    }

    /// The outputs for rows `x` with their names, left where they are: f32 on the device, `[rows, …]`, until the next
    /// prediction. For a program that goes on with them on its own device; see [`Gpu::from_wgpu`].
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the model, [`Error::Unsupported`] on the CPU and for no rows.
    pub fn predict_on_device(&mut self, x: impl IntoTensors) -> Result<Vec<(String, DeviceSlice)>> {
        let rows = self.input_rows("x", x.into_tensors()?)?;
        let names = self.shapes(rows.count).into_iter().map(|(name, _)| name);
        let (what, fix) = ("an output on the device".to_string(), "predict rows on a GPU, or use `predict_all`");
        let none = || Error::Unsupported { what: what.clone(), fix: fix.into() };
        if rows.count == 0 {
            return Err(none());
        }
        let loaded = self.predicted(&rows)?;
        let outputs = loaded.feed.outputs.iter();
        let slice = |(name, output): (String, &Value)| Ok((name, loaded.executable.slice(*output).ok_or_else(none)?));
        names.zip(outputs).map(slice).collect()
    }

    /// The names of the outputs with their shapes for a number of rows.
    fn shapes(&self, rows: usize) -> Vec<(String, Shape)> {
        self.outputs.iter().map(|(name, ty)| (name.clone(), ty.shape.with_batch(rows))).collect()
    }

    /// The graph that has predicted these rows.
    fn predicted(&mut self, rows: &Rows) -> Result<&mut Loaded> {
        let batch = BATCH.min(rows.count);
        let loaded = (self as &mut dyn Trained).ready(Key { mode: Mode::Predict, batch, data: rows.layout() })?;
        rows.upload(loaded)?;
        let mut pass = Pass::begin(loaded, batch, &in_order(rows.count)?, &[], 0)?;
        while !pass.turn(&mut *loaded.executable, 1)? {}
        Ok(loaded)
    }
}

impl Run<'_> {
    /// The outputs of the model that is trained, for rows `x`, with the weights so far: see [`Model::predict_all`].
    ///
    /// # Errors
    /// Those of [`Model::predict_all`]; [`Error::Argument`] for the run of a [`Step`](crate::train::Step), which may
    /// have several models.
    pub fn predict_all(&mut self, x: impl IntoTensors) -> Result<Vec<(String, Tensor)>> {
        self.model()?.predict_all(x)
    }

    /// The same, left on the device: see [`Model::predict_on_device`].
    ///
    /// # Errors
    /// Those of [`Run::predict_all`] and [`Model::predict_on_device`].
    pub fn predict_on_device(&mut self, x: impl IntoTensors) -> Result<Vec<(String, DeviceSlice)>> {
        self.model()?.predict_on_device(x)
    }
}

/// In f64 where the device has computed in f64; else every value is an f32.
fn tensor(shape: Shape, buffer: Buffer<f64>, exact: bool) -> Result<Tensor> {
    match exact {
        true => Tensor::from_f64(shape, buffer.float().to_vec()),
        false => Tensor::new(shape, buffer.float().iter().map(|&v| v as f32).collect()),
    }
}
