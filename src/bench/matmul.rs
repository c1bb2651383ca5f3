//! Chains of products of square matrices.

use std::sync::Arc;
use std::time::Instant;

use crate::bench::measured::{blocks, units_of_block};
use crate::bench::{BLOCKS, Bench, MOST_SECONDS, Measured, Outcome, Statistics, matmul_operands};
use crate::device::{Device, Executable, Upload, Work};
use crate::error::{Error, Result};
use crate::graph::{Builder, StepTable, Value, Variables};
use crate::ops::{Matmul, matmul, step_end};
use crate::program::Options;
use crate::shape::Type;

/// Products of a chain.
const PRODUCTS: usize = 8;
/// Chains of a block at most: rows of a table that is on the device.
const MOST_CHAINS: usize = 65_536;
/// The rows of matrices by which the time of larger ones is foreseen.
const SMALL: usize = 256;

/// `y = A A A A A A A A x` of matrices `[n, n]`, loaded on a device: a chain is a step.
#[derive(Debug)]
pub struct Chain {
    executable: Box<dyn Executable>,
    y: Value,
    launches: usize,
}

impl Chain {
    /// With the matrices of [`matmul_operands`] on the device.
    ///
    /// # Errors
    /// [`Error::Limit`] and [`Error::OutOfMemory`] where they do not fit the device.
    pub fn new(device: &Device, n: usize) -> Result<Self> {
        let variables = Arc::new(Variables::default());
        let g = Builder::new(Arc::clone(&variables));
        let (a, x) = (g.data(Type::f32([n, n])), g.data(Type::f32([n, n])));
        let y = (0..PRODUCTS).try_fold(x, |y, _| matmul(&g, a, y, Matmul::default()))?;
        g.output(y);
        step_end(&g, MOST_CHAINS)?;
        let (graph, options) = (Arc::new(g.finish()), Options::default());
        let storage = device.storage(&variables, &options)?;
        let mut executable = device.load(&graph, &storage, &options)?;
        for (value, tensor) in [a, x].into_iter().zip(matmul_operands(n)?) {
            executable.upload(value, Upload::Tensor(&tensor))?;
        }
        let launches = match device.adapter() {
            Some(_) => executable.program().map_or(0, |program| program.launches().count()),
            None => 0,
        };
        Ok(Self { executable, y, launches })
    }

    /// Runs the chain `times` times over, and waits; gives the seconds of one.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn run(&mut self, times: usize) -> Result<f64> {
        let times = times.clamp(1, MOST_CHAINS);
        let table = StepTable { rows: vec![1; times], columns: vec![vec![]; times], first: 0 };
        self.executable.begin(&table)?;
        let start = Instant::now();
        let mut left = times as u32;
        loop {
            let sent = self.executable.submit(left)?;
            left -= sent;
            let status = self.executable.poll(sent == 0)?;
            if left == 0 && status.in_flight == 0 {
                return Ok(start.elapsed().as_secs_f64() / times as f64);
            }
        }
    }

    /// The first element of y.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn element(&mut self) -> Result<f64> {
        let y = self.executable.download(self.y)?;
        y.float().first().copied().ok_or_else(|| Error::shape("y", "an element", "none"))
    }
}

/// GFLOP/s.
pub fn run(bench: &Bench<'_>, name: &'static str, n: usize) -> Result<Outcome> {
    if n > SMALL {
        let mut small = Chain::new(bench.device, SMALL)?;
        small.run(1)?;
        let foreseen = small.run(1)? * (n as f64 / SMALL as f64).powi(3);
        if foreseen * (BLOCKS + 1) as f64 > MOST_SECONDS {
            return Ok(Outcome::LeftOut(format!("eight products would take {foreseen:.0} s")));
        }
    }
    let mut chain = Chain::new(bench.device, n)?;
    let mut seconds = chain.run(1)?;
    if seconds < 0.5 {
        seconds = chain.run(units_of_block(5.0 * seconds))?; // a tenth of a second, and submissions find their length
    }
    let times = units_of_block(seconds);
    let seconds = blocks(|| chain.run(times))?;
    let flops = (2 * PRODUCTS) as f64 * (n as f64).powi(3);
    let rates: Vec<f64> = seconds.iter().map(|seconds| flops / seconds / 1e9).collect();
    let matrix = 4.0 * (n * n) as f64;
    let work =
        Work { flops, bytes: (3 * PRODUCTS) as f64 * matrix, memory: 3.0 * matrix, launches: chain.launches as f64 };
    let measured = Measured::new(name, bench.device, "GFLOP/s", Statistics::of(&rates, true));
    Ok(Outcome::Measured(measured.limit(flops / bench.peaks.seconds(work) / 1e9, true)))
}
