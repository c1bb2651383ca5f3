//! One pass over data: steps sent off, results added up.

use std::sync::Arc;

use crate::device::{Executable, Row, Status, Upload};
use crate::error::{Error, Result};
use crate::graph::{CHUNK, Column, Graph, Over, Part, Report, StepTable};
use crate::model::Loaded;
use crate::tensor::Tensor;
use crate::train::history::Logs;

/// Rows one after the other.
pub(crate) fn in_order(rows: usize) -> Result<Vec<u32>> {
    let n = u32::try_from(rows).map_err(|_| Error::argument("rows", "below 2^32", rows))?;
    Ok((0..n).collect())
}

/// A pass over all rows of a loaded graph.
#[derive(Debug)]
pub(crate) struct Pass {
    graph: Arc<Graph>,
    table: StepTable,
    sent: u32,
    /// Of each output, the sum of the weights of each step's rows; empty where all are 1.
    weights: Vec<Vec<f64>>,
    /// Of each report, what its parts have come to.
    totals: Vec<Vec<f64>>,
    /// What was summed element by element, once all steps have finished.
    kept: Option<Vec<f64>>,
    finished: usize,
}

impl Pass {
    /// Brings the order of the rows and what changes from step to step to the device; `iteration` is the first step's
    /// number over all passes.
    pub(crate) fn begin(
        loaded: &mut Loaded,
        batch: usize,
        order: &[u32],
        weights: &[Option<Tensor>],
        iteration: u64,
    ) -> Result<Self> {
        let graph = Arc::clone(&loaded.graph);
        let rows: Vec<u32> = order.chunks(batch.max(1)).map(|chunk| chunk.len() as u32).collect();
        let columns = (0..rows.len() as u64).map(|step| columns(&graph, iteration + step)).collect::<Result<_>>()?;
        let table = StepTable { columns, rows, first: 0 };
        if let Some(permutation) = loaded.feed.permutation {
            loaded.executable.upload(permutation, Upload::Index(order))?;
        }
        loaded.executable.begin(&table)?;
        let of_steps = |weights: &Option<Tensor>| match weights {
            None => vec![],
            Some(weights) => {
                let weights = weights.to_f64();
                let of = |chunk: &[u32]| chunk.iter().filter_map(|&row| weights.get(row as usize)).sum();
                order.chunks(batch.max(1)).map(of).collect()
            }
        };
        let totals = graph.reports.iter().map(|report| vec![0.0; report.parts.len()]).collect();
        let weights = weights.iter().map(of_steps).collect();
        Ok(Self { graph, table, sent: 0, weights, totals, kept: None, finished: 0 })
    }

    fn steps(&self) -> usize {
        self.table.len()
    }

    /// What changes from step to step.
    pub(crate) fn table(&self) -> &StepTable {
        &self.table
    }

    /// Sends off steps and takes what has finished; waits only where there is nothing to send. Says whether all are
    /// done.
    pub(crate) fn turn(&mut self, executable: &mut dyn Executable, epoch: u64) -> Result<bool> {
        let left = self.steps() as u32 - self.sent;
        let sent = executable.submit(left)?;
        self.sent += sent;
        let status = executable.poll(sent == 0)?;
        self.take(&status);
        if status.words.halt != 0 {
            let step = u64::from(status.words.step) + 1;
            return Err(match status.words.bad_index {
                0 => Error::NotFinite { what: "a loss or gradient".into(), direction: None, rows: vec![], epoch, step },
                _ => Error::BadIndex { rows: self.table.rows.iter().map(|&r| u64::from(r)).sum(), epoch, step },
            });
        }
        let done = self.finished == self.steps();
        if done {
            self.keep(executable)?;
        }
        if !done && self.sent as usize == self.steps() && status.in_flight == 0 {
            // No more will come, and to wait for it would be to hang.
            let (finished, steps) = (self.finished, self.steps());
            return Err(Error::DeviceLost { reason: format!("of {steps} steps that ran, {finished} were counted") });
        }
        Ok(done)
    }

    fn take(&mut self, status: &Status) {
        for row in &status.rows {
            let step = self.finished;
            for (report, totals) in self.graph.reports.iter().zip(&mut self.totals) {
                for (part, total) in report.parts.iter().zip(totals) {
                    *total += of_step(&self.graph, &self.table, part, row, step);
                }
            }
            self.finished += 1;
        }
    }

    /// Reads what was summed element by element.
    fn keep(&mut self, executable: &mut dyn Executable) -> Result<()> {
        let Some(kept) = &self.graph.kept else { return Ok(()) };
        let rows = executable.download(kept.sums)?;
        let width = self.graph.ty(kept.sums).shape.without_batch().len();
        let mut sums = vec![0.0; width];
        for row in rows.float().chunks(width.max(1)).take(self.finished.div_ceil(CHUNK)) {
            sums.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
        }
        self.kept = Some(sums);
        Ok(())
    }

    /// Steps that have finished.
    pub(crate) fn finished(&self) -> usize {
        self.finished
    }

    /// Steps that were sent off.
    pub(crate) fn sent(&self) -> usize {
        self.sent as usize
    }

    /// Waits for what was sent off.
    pub(crate) fn drain(&mut self, executable: &mut dyn Executable) -> Result<()> {
        loop {
            let status = executable.poll(true)?;
            self.take(&status);
            if status.in_flight == 0 {
                return Ok(());
            }
        }
    }

    /// What the steps that have finished report; what is summed element by element, at the end alone.
    pub(crate) fn logs(&self, prefix: &str) -> Logs {
        let of = |(report, totals): (&Report, &Vec<f64>)| {
            let mut numbers = vec![];
            for (part, &total) in report.parts.iter().zip(totals) {
                match part.over {
                    Over::Each => numbers.extend(self.kept.as_ref()?.get(self.graph.kept_range(part.partials)?)?),
                    over => numbers.push(self.number(over, total)),
                }
            }
            Some((format!("{prefix}{}", report.name), report.finish.of(&numbers)))
        };
        self.graph.reports.iter().zip(&self.totals).filter_map(of).collect()
    }

    /// What a sum over the steps that have finished comes to.
    fn number(&self, over: Over, total: f64) -> f64 {
        match (over, self.count(over)) {
            (Over::Weights { .. }, 0.0) => 0.0,
            (_, count) => total / count,
        }
    }

    /// What a sum over the steps that have finished is divided by.
    fn count(&self, over: Over) -> f64 {
        let rows: f64 = self.table.rows.iter().take(self.finished).map(|&r| f64::from(r)).sum();
        match over {
            Over::Rows(terms) => rows * terms as f64,
            Over::Weights { output, terms } => match self.weights.get(output) {
                Some(weights) if !weights.is_empty() => weights.iter().take(self.finished).sum::<f64>() * terms as f64,
                _ => rows * terms as f64,
            },
            Over::Steps => rows,
            Over::Nothing | Over::Each => 1.0,
        }
    }
}

/// The columns of the step table for a step, counted from 0 over all passes.
fn columns(graph: &Graph, step: u64) -> Result<Vec<f64>> {
    let column = |column: &Column| match (column.rule)(step) {
        value if (value as f32).is_finite() => Ok(value),
        value => {
            let place = format!("{} at step {step}", column.name);
            Err(Error::argument(place, "a finite number that f32 holds", value))
        }
    };
    graph.columns.iter().map(column).collect()
}

/// What a step adds to a part of a report.
fn of_step(graph: &Graph, table: &StepTable, part: &Part, row: &Row, step: usize) -> f64 {
    let value = match graph.result_column(part.partials) {
        Some((0, column)) => row.sums.get(column).copied(),
        Some((_, column)) => row.counts.get(column).map(|&count| f64::from(count)),
        None => None,
    };
    let weight = part.weight.and_then(|column| table.columns.get(step)?.get(column).copied()).unwrap_or(1.0);
    let rows = table.rows.get(step).map_or(0.0, |&rows| f64::from(rows));
    let times = if part.over == Over::Steps { rows } else { 1.0 };
    value.unwrap_or(0.0) * weight * times
}
