//! The CPU in f64: the oracle as a device, slow and exact.

use std::time::Duration;

use crate::device::cpu::CpuStorage;
use crate::device::{Executable, Row, Status, Upload, lock};
use crate::error::Result;
use crate::graph::{Buffer, StepState, StepTable, Value};
use crate::oracle::Oracle;
use crate::program::Program;
use crate::runtime::clock::Clock;

/// Steps that one submission runs.
const STEPS: u32 = 4;

/// A graph on the oracle.
#[derive(Debug)]
pub struct ExactExecutable {
    oracle: Oracle,
    storage: CpuStorage<f64>,
    steps: u32,
    rows: Vec<Row>,
    /// How long a submission may take.
    most: Duration,
}

impl ExactExecutable {
    /// Interprets a graph on the variables of a model.
    pub fn new(oracle: Oracle, storage: CpuStorage<f64>) -> Self {
        Self { oracle, storage, steps: 0, rows: vec![], most: Duration::MAX }
    }
}

impl Executable for ExactExecutable {
    fn upload(&mut self, value: Value, data: Upload<'_>) -> Result<()> {
        data.check(self.oracle.graph().ty(value))?;
        self.oracle.set(value, data.widen())
    }

    fn begin(&mut self, table: &StepTable) -> Result<()> {
        table.check(self.oracle.graph())?;
        self.oracle.begin(table);
        self.oracle.read(&lock(&self.storage)?); // for a step that is run node by node
        self.steps = table.len() as u32;
        self.rows.clear();
        Ok(())
    }

    fn pace(&mut self, submission: Duration, wait: Duration) {
        self.most = submission.min(wait); // a submission is done when it returns
    }

    fn submit(&mut self, most: u32) -> Result<u32> {
        let count = most.min(STEPS).min(self.steps.saturating_sub(self.oracle.step.words.step));
        let mut variables = lock(&self.storage)?;
        let clock = Clock::start();
        for done in 0..count {
            if done > 0 && clock.elapsed() >= self.most {
                return Ok(done);
            }
            let at = self.oracle.step.words.step as usize;
            self.oracle.run(&mut variables)?;
            if self.oracle.step.words.halt == 0
                && let Some(results) = self.oracle.graph().results
            {
                let buffers = results.map(|v| Some(self.oracle.get(v)));
                self.rows.push(Row::of(self.oracle.graph(), buffers, at));
            }
        }
        Ok(count)
    }

    fn poll(&mut self, _wait: bool) -> Result<Status> {
        Ok(Status { words: self.oracle.step.words, rows: std::mem::take(&mut self.rows), in_flight: 0 })
    }

    fn download(&mut self, value: Value) -> Result<Buffer<f64>> {
        Ok(self.oracle.get(value).clone())
    }

    fn run_node(&mut self, node: usize) -> Result<()> {
        self.oracle.run_node(node)
    }

    fn program(&self) -> Option<&Program> {
        None
    }

    fn step(&mut self) -> Result<StepState<f64>> {
        Ok(self.oracle.step.clone())
    }
}
