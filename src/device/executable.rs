//! What runs a loaded graph: a closed, small interface that knows no op.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::graph::{Buffer, Float, Graph, StepState, StepTable, Value, Words};
use crate::program::Program;
use crate::runtime::DeviceSlice;
use crate::shape::{Dtype, Type};
use crate::tensor::Tensor;

/// What the host uploads as a value.
#[derive(Clone, Copy, Debug)]
pub enum Upload<'a> {
    /// For a value of dtype f32.
    Tensor(&'a Tensor),
    /// For a value of dtype u32.
    Index(&'a [u32]),
}

impl Upload<'_> {
    pub(super) fn check(&self, ty: &Type) -> Result<()> {
        let (dtype, len) = match self {
            Self::Tensor(tensor) => (Dtype::F32, tensor.len()),
            Self::Index(index) => (Dtype::U32, index.len()),
        };
        if (dtype, len) == (ty.dtype, ty.len()) {
            return Ok(());
        }
        Err(Error::shape("upload", ty.to_string(), format!("{len} of {dtype}")))
    }

    pub(super) fn widen(&self) -> Buffer<f64> {
        match self {
            Self::Tensor(tensor) => Buffer::Float(tensor.to_f64().into_owned()),
            Self::Index(index) => Buffer::Index(index.to_vec()),
        }
    }
}

/// The results of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Of the partial results in f32.
    pub sums: Vec<f64>,
    /// Of the partial results in u32.
    pub counts: Vec<u32>,
}

impl Row {
    /// Step `at` of the results of all steps of a graph.
    pub(super) fn of<F: Float>(graph: &Graph, buffers: [Option<&Buffer<F>>; 2], at: usize) -> Self {
        let width = |i: usize| graph.results.map_or(0, |r| graph.ty(r[i]).shape.without_batch().len());
        let at = |i: usize| at * width(i)..(at + 1) * width(i);
        let sums = buffers[0].and_then(|b| b.float().get(at(0))).unwrap_or_default();
        let counts = buffers[1].and_then(|b| b.indices().get(at(1))).unwrap_or_default();
        Self { sums: sums.iter().map(|v| v.to_f64()).collect(), counts: counts.to_vec() }
    }
}

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Where it stood at the last submission that has finished.
    pub words: Words,
    /// Results of steps that finished since the last look, in order.
    pub rows: Vec<Row>,
    /// Submissions that have not finished.
    pub in_flight: usize,
}

/// All memory of a program, as a check looks at it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The words of each arena.
    pub arenas: Vec<Vec<u32>>,
    /// The step protocol.
    pub step: StepState<f64>,
}

/// A graph loaded on a device.
pub trait Executable: fmt::Debug + Send {
    /// Sets data.
    ///
    /// # Errors
    /// [`Error::Shape`] where dtype or length are not the value's.
    fn upload(&mut self, value: Value, data: Upload<'_>) -> Result<()>;

    /// Goes to the step of a table that it begins at. Nothing may be in flight.
    ///
    /// # Errors
    /// [`Error::Argument`] where the table does not fit the graph.
    fn begin(&mut self, table: &StepTable) -> Result<()>;

    /// Says how long the device may work on one submission, and how long [`poll`](Self::poll) may wait for one. Until it
    /// is said, a submission is as long as is good, and a wait as long as it takes.
    fn pace(&mut self, submission: Duration, wait: Duration);

    /// Runs a step that changes nothing, and waits for it: what a driver puts off until a kernel is first launched is done
    /// before the first step that counts. [`begin`](Self::begin) comes after it.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn warm(&mut self) -> Result<()> {
        Ok(())
    }

    /// Sends off the next steps, at most `most` and as many as a submission should have; gives their number.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn submit(&mut self, most: u32) -> Result<u32>;

    /// Looks at what has finished; with `wait`, waits for the oldest submission, as long as it may.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] where the receipt of a submission is wrong, or does not come.
    fn poll(&mut self, wait: bool) -> Result<Status>;

    /// What a value holds: with [`Reuse::On`](crate::program::Reuse::On) only until another one is computed that has its memory
    /// next.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn download(&mut self, value: Value) -> Result<Buffer<f64>>;

    /// Where a value lies on a GPU.
    fn slice(&self, value: Value) -> Option<DeviceSlice> {
        let _ = value;
        None
    }

    /// Runs the launches of one node, and waits: what checks do.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn run_node(&mut self, node: usize) -> Result<()>;

    /// The step protocol as it stands, in f64.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn step(&mut self) -> Result<StepState<f64>>;

    /// The bits of the flag that were set since the step began.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn flag(&mut self) -> Result<u32> {
        Ok(self.step()?.flag)
    }

    /// What it runs; the oracle runs the graph itself.
    fn program(&self) -> Option<&Program>;

    /// Fills all arenas, goes to the first step of a table, runs the launches of one node, and gives back what all
    /// memory holds then: what checks do, in one submission. `None` where there are no arenas.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn run_on(&mut self, node: usize, arenas: &[Vec<u32>], table: &StepTable) -> Result<Option<Image>> {
        let _ = (node, arenas, table);
        Ok(None)
    }
}
