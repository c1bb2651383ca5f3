//! Workloads that are timed: what `wgrad bench` and `cargo bench` run, the same as other frameworks run beside it.
//!
//! Sizes, data, first weights, losses and the order of batches are those of drivers for PyTorch, JAX, Keras, Burn and
//! candle, so that a row can be compared with theirs. BENCHMARKS.md says how each is timed, and what its limit is.

mod data;
mod fit;
mod matmul;
mod measured;
mod models;
mod startup;
mod training;

use std::process::Command;

pub use data::matmul_operands;
pub use matmul::Chain;
pub use measured::{Measured, Statistics};
pub use models::{Training, training};
pub use startup::MARK as FIRST_STEP;

use crate::device::{Device, Peaks};
use crate::error::Result;

/// Timed blocks of a workload.
pub const BLOCKS: usize = 7;
/// Seconds of a block, unless a single unit of work takes longer.
pub const BLOCK_SECONDS: f64 = 0.5;
/// Seconds that a workload may take in all; one that would take longer is left out.
pub const MOST_SECONDS: f64 = 60.0;

/// Where workloads run, and what they are compared with.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The device.
    pub device: &'a Device,
    /// What it can do at most.
    pub peaks: Peaks,
    /// A fresh process that trains one step on this device and prints [`FIRST_STEP`] and the loss that
    /// [`first_step`] gives.
    pub first_step: &'a dyn Start,
}

/// Makes the command of a fresh process.
pub trait Start: std::fmt::Debug {
    /// The command.
    ///
    /// # Errors
    /// Where the path of this program is not known.
    fn command(&self) -> std::io::Result<Command>;
}

/// What came of a workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its figures.
    Measured(Measured),
    /// Why it was left out.
    LeftOut(String),
}

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Products of square matrices of this many rows.
    Matmul(usize),
    /// Steps of a training.
    Steps,
    /// Ten epochs of `fit`.
    Fit,
    /// A fresh process.
    Startup,
    /// Launches of a step of the first model.
    Launches,
    /// Bytes that those launches bind.
    Bytes,
    /// Microseconds of such a step.
    StepTime,
}

/// All workloads, in the order in which they run.
pub const WORKLOADS: &[Workload] = &[
    Workload { name: "matmul_256", kind: Kind::Matmul(256) },
    Workload { name: "matmul_512", kind: Kind::Matmul(512) },
    Workload { name: "matmul_1024", kind: Kind::Matmul(1024) },
    Workload { name: "matmul_2048", kind: Kind::Matmul(2048) },
    Workload { name: "mlp_small_b32", kind: Kind::Steps },
    Workload { name: "mlp_small_launches", kind: Kind::Launches },
    Workload { name: "mlp_small_bytes", kind: Kind::Bytes },
    Workload { name: "mlp_small_step_time", kind: Kind::StepTime },
    Workload { name: "multi_output_b64", kind: Kind::Steps },
    Workload { name: "mnist_mlp_b128", kind: Kind::Steps },
    Workload { name: "mnist_mlp_b32", kind: Kind::Steps },
    Workload { name: "fit_epoch", kind: Kind::Fit },
    Workload { name: "startup_to_first_step", kind: Kind::Startup },
];

impl Workload {
    /// Its name: that of the drivers of other frameworks where they have it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it, for about as long as its blocks take.
    ///
    /// # Errors
    /// Those of training, and [`Error::Io`](crate::Error::Io) where no process can be started.
    pub fn run(&self, bench: &Bench<'_>) -> Result<Outcome> {
        match self.kind {
            Kind::Matmul(n) => matmul::run(bench, self.name, n),
            Kind::Steps => training::rate(bench, &training(self.name)?),
            Kind::StepTime => training::microseconds(bench, self.name),
            Kind::Launches => training::launches(bench, self.name),
            Kind::Bytes => training::bytes(bench, self.name),
            Kind::Fit => fit::run(bench, self.name),
            Kind::Startup => startup::run(bench, self.name),
        }
    }
}

/// The loss of the first step of `mlp_small`: what a fresh process is timed by.
///
/// # Errors
/// Those of training.
pub fn first_step(device: &Device) -> Result<f64> {
    models::small().first_loss(device)
}
