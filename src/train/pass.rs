//! One pass over data: steps sent off, results added up.

use crate::device::{Executable, Status, Upload};
use crate::error::{Error, Result};
use crate::graph::{Graph, StepTable};
use crate::model::{Feed, Loaded};
use crate::shape::Type;
use crate::tensor::Tensor;
use crate::train::history::Logs;

/// Rows for the inputs of a model, and targets and weights for its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) x: Vec<Tensor>,
    pub(crate) y: Vec<Tensor>,
    pub(crate) count: usize,
}

impl Rows {
    /// Checks tensors against the types of a model's rows. A last axis of 1 may be left out: `[n]` for `[n, 1]`.
    ///
    /// `names` are what errors call them.
    pub(crate) fn new(
        names: [&str; 2],
        (x, y): (Vec<Tensor>, Vec<Tensor>),
        inputs: &[&Type],
        outputs: &[&Type],
    ) -> Result<Self> {
        let count = x.first().map_or(0, Tensor::rows);
        let x = fitting(names[0], x, inputs, count)?;
        let y = fitting(names[1], y, outputs, count)?;
        Ok(Self { x, y, count })
    }

    /// The rows of a range.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Result<Self> {
        let slice = |all: &[Tensor]| all.iter().map(|t| t.slice_rows(range.clone())).collect::<Result<Vec<_>>>();
        Ok(Self { x: slice(&self.x)?, y: slice(&self.y)?, count: range.len() })
    }

    /// Uploads them for a graph.
    pub(crate) fn upload(&self, executable: &mut dyn Executable, feed: &Feed) -> Result<()> {
        for (&value, tensor) in feed.inputs.iter().zip(&self.x).chain(feed.targets.iter().zip(&self.y)) {
            executable.upload(value, Upload::Tensor(tensor))?;
        }
        let ones = Tensor::full([self.count], 1.0)?;
        feed.weights.iter().try_for_each(|&value| executable.upload(value, Upload::Tensor(&ones)))
    }
}

fn fitting(name: &str, tensors: Vec<Tensor>, rows: &[&Type], count: usize) -> Result<Vec<Tensor>> {
    if tensors.len() != rows.len() {
        return Err(Error::shape(name, format!("{} tensors", rows.len()), tensors.len()));
    }
    let fit = |(tensor, row): (Tensor, &&Type)| {
        let wanted = row.shape.with_batch(count);
        let column = matches!(wanted.dims(), [others @ .., 1] if tensor.shape().dims() == others);
        let nothing = count == 0 && tensor.is_empty() && wanted.is_empty();
        if *tensor.shape() == wanted || column || nothing {
            tensor.reshape(wanted)
        } else {
            Err(Error::shape(name, wanted.to_string(), tensor.shape()))
        }
    };
    tensors.into_iter().zip(rows).map(fit).collect()
}

/// Rows one after the other.
pub(crate) fn in_order(rows: usize) -> Result<Vec<u32>> {
    let n = u32::try_from(rows).map_err(|_| Error::argument("rows", "below 2^32", rows))?;
    Ok((0..n).collect())
}

/// A pass over all rows of a loaded graph.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    steps: u32,
    sent: u32,
    rows: Vec<u32>,
    /// Totals of the finished steps: sums, then counts.
    totals: [Vec<f64>; 2],
    finished: usize,
}

impl Pass {
    /// Brings the order of the rows and what changes from step to step to the device; `iteration` is the first step's
    /// number over all passes.
    pub(crate) fn begin(loaded: &mut Loaded, batch: usize, order: &[u32], iteration: u64) -> Result<Self> {
        let rows: Vec<u32> = order.chunks(batch.max(1)).map(|chunk| chunk.len() as u32).collect();
        let column = |step: usize| loaded.graph.columns.iter().map(|c| (c.rule)(iteration + step as u64)).collect();
        let table = StepTable { columns: (0..rows.len()).map(column).collect(), rows, first: 0 };
        if let Some(permutation) = loaded.feed.permutation {
            loaded.executable.upload(permutation, Upload::Index(order))?;
        }
        loaded.executable.begin(&table)?;
        Ok(Self { steps: table.len() as u32, rows: table.rows, ..Self::default() })
    }

    /// Sends off steps and takes what has finished; waits only where there is nothing to send. Says whether all are
    /// done.
    pub(crate) fn turn(&mut self, executable: &mut dyn Executable, epoch: u64) -> Result<bool> {
        let left = self.steps - self.sent;
        let sent = executable.submit(left)?;
        self.sent += sent;
        let status = executable.poll(sent == 0)?;
        self.take(&status);
        if status.words.halt != 0 {
            let step = u64::from(status.words.step) + 1;
            return Err(match status.words.bad_index {
                0 => Error::NotFinite { what: "loss or gradient".into(), epoch, step },
                _ => Error::BadIndex { rows: self.rows.iter().map(|&r| u64::from(r)).sum(), epoch, step },
            });
        }
        let done = self.finished == self.steps as usize;
        if !done && self.sent == self.steps && status.in_flight == 0 {
            // No more will come, and to wait for it would be to hang.
            let (finished, steps) = (self.finished, self.steps);
            return Err(Error::DeviceLost { reason: format!("of {steps} steps that ran, {finished} were counted") });
        }
        Ok(done)
    }

    fn take(&mut self, status: &Status) {
        for row in &status.rows {
            add(&mut self.totals[0], row.sums.iter().copied());
            add(&mut self.totals[1], row.counts.iter().map(|&c| f64::from(c)));
            self.finished += 1;
        }
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

    /// The means over the rows of the steps that have finished.
    pub(crate) fn logs(&self, graph: &Graph, prefix: &str) -> Logs {
        let rows: f64 = self.rows.iter().take(self.finished).map(|&r| f64::from(r)).sum();
        let mut logs = Logs::new();
        for report in &graph.reports {
            let total = graph.result_column(report.partials).and_then(|(kind, i)| self.totals[kind].get(i));
            if let Some(total) = total {
                let mean = total / (rows * report.terms_per_row as f64);
                logs.insert(format!("{prefix}{}", report.name), if report.root { mean.sqrt() } else { mean });
            }
        }
        logs
    }
}

fn add(totals: &mut Vec<f64>, row: impl Iterator<Item = f64>) {
    for (i, value) in row.enumerate() {
        match totals.get_mut(i) {
            Some(total) => *total += value,
            None => totals.push(value),
        }
    }
}
