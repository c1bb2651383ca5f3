//! The step protocol: the words that say where a run stands, and the table of what changes from step to step.
//!
//! ```text
//! step buffer:  [STEP, HALT, SEQUENCE, BAD_INDEX] then a row per step: [rows, column 0, column 1, …]
//! flag buffer:  [bits]
//! ```
//! Kernels read the row that the step word points at. `step_end` alone writes these words; the bits of the flag are
//! set by whoever meets a number that is not finite, or an index out of range.

use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::float::Float;
use crate::shape::Type;

/// Words in front of the table.
pub const HEADER: usize = 4;
/// The step that runs; the row of the table.
pub const STEP: usize = 0;
/// Not 0 once a step was flagged; from then on nothing changes.
pub const HALT: usize = 1;
/// Counts steps since load, while halted too; starts at 1.
pub const SEQUENCE: usize = 2;
/// Not 0 where an index out of range was the reason.
pub const BAD_INDEX: usize = 3;

/// The bit of the flag for a number that is not finite.
pub const FLAG_NOT_FINITE: u32 = 1;
/// The bit of the flag for an index out of range.
pub const FLAG_BAD_INDEX: u32 = 2;

/// Gradients from here on count as not finite: their squares would pass the largest f32.
pub const GRADIENT_LIMIT: f64 = 9_223_372_036_854_775_808.0; // 2^63

/// What the host reads back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Steps that were done.
    pub step: u32,
    /// Not 0: the step at `step` was flagged and did not change anything.
    pub halt: u32,
    /// Steps that ran since load, plus 1.
    pub sequence: u32,
    /// Not 0: an index out of range was the reason.
    pub bad_index: u32,
}

impl Words {
    /// From the first words of a step buffer.
    pub fn from_words(words: &[u32]) -> Self {
        let at = |i: usize| words.get(i).copied().unwrap_or(0);
        Self { step: at(STEP), halt: at(HALT), sequence: at(SEQUENCE), bad_index: at(BAD_INDEX) }
    }

    /// As they stand in a step buffer.
    pub fn to_words(self) -> [u32; HEADER] {
        let mut words = [0; HEADER];
        words[STEP] = self.step;
        words[HALT] = self.halt;
        words[SEQUENCE] = self.sequence;
        words[BAD_INDEX] = self.bad_index;
        words
    }
}

/// What changes from step to step, computed on the host in f64: a row per step.
#[derive(Clone, Debug, Default)]
pub struct StepTable {
    /// Rows of the batch that count, per step.
    pub rows: Vec<u32>,
    /// The graph's columns, `[step][column]`.
    pub columns: Vec<Vec<f64>>,
    /// The step that a run begins at: the first one, but for checks of later ones.
    pub first: u32,
}

impl StepTable {
    /// The number of steps.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Refuses a table that does not fit a graph: more steps than it has rows of results, more rows than a batch, or
    /// another number of columns.
    ///
    /// # Errors
    /// [`Error::Argument`] with what does not fit.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let steps = graph.steps();
        let batched = graph.types.iter().filter(|ty| ty.batched).filter_map(|ty| ty.shape.dims().first());
        let most = batched.min().map_or(u32::MAX as usize, |&batch| batch);
        let refuse = |name: &str, most: usize, got: usize| Err(Error::argument(name, format!("at most {most}"), got));
        if self.len() > steps || self.columns.len() != self.len() {
            return refuse("steps", steps, self.len().max(self.columns.len()));
        }
        if self.first as usize > self.len() {
            return refuse("the step to begin at", self.len(), self.first as usize);
        }
        if let Some(&rows) = self.rows.iter().find(|&&rows| rows as usize > most) {
            return refuse("rows of a step", most, rows as usize);
        }
        match self.columns.iter().find(|row| row.len() != graph.columns.len()) {
            Some(row) => Err(Error::argument("columns of a step", graph.columns.len().to_string(), row.len())),
            None => Ok(()),
        }
    }

    /// The rows as they stand in a step buffer, `width` words each.
    pub fn to_words(&self, width: usize) -> Vec<u32> {
        let mut words = Vec::with_capacity(self.len() * width);
        for (&rows, columns) in self.rows.iter().zip(&self.columns) {
            words.push(rows);
            words.extend(columns.iter().map(|&c| (c as f32).to_bits()));
            words.resize(words.len().next_multiple_of(width), 0);
        }
        words
    }
}

/// The step and flag buffers on the CPU.
#[derive(Clone, Debug)]
pub struct StepState<F> {
    /// Where the run stands.
    pub words: Words,
    /// The bits that were set in this step.
    pub flag: u32,
    rows: Vec<u32>,
    columns: Vec<Vec<F>>,
}

impl StepState<f64> {
    /// As it stands in a step buffer with rows of `width` words.
    pub fn from_words(words: &[u32], width: usize, flag: u32) -> Self {
        let table = words.get(HEADER..).unwrap_or_default().chunks_exact(width.max(1));
        let (rows, columns) =
            table.map(|row| (row[0], row[1..].iter().map(|&w| f32::from_bits(w).into()).collect())).unzip();
        Self { words: Words::from_words(words), flag, rows, columns }
    }
}

impl<F: Float> StepState<F> {
    /// With an empty table.
    pub fn new() -> Self {
        let words = Words { sequence: 1, ..Words::default() };
        Self { words, flag: 0, rows: vec![], columns: vec![] }
    }

    /// The same in f64.
    pub fn widen(&self) -> StepState<f64> {
        let columns = self.columns.iter().map(|row| row.iter().map(|c| c.to_f64()).collect()).collect();
        StepState { words: self.words, flag: self.flag, rows: self.rows.clone(), columns }
    }

    /// Goes to the row of a new table that it says; the sequence goes on.
    pub fn begin(&mut self, table: &StepTable) {
        self.words = Words { step: table.first, sequence: self.words.sequence, ..Words::default() };
        self.flag = 0;
        self.rows.clone_from(&table.rows);
        self.columns = table.columns.iter().map(|row| row.iter().map(|&c| F::of(c)).collect()).collect();
    }

    /// Rows of the batch that count in this step.
    pub fn rows(&self) -> usize {
        self.rows.get(self.words.step as usize).map_or(0, |&rows| rows as usize)
    }

    /// Rows of a value along axis 0: those that count, where axis 0 is the batch.
    pub fn rows_of(&self, ty: &Type) -> usize {
        let rows = ty.shape.dims().first().copied().unwrap_or(1);
        if ty.batched { rows.min(self.rows()) } else { rows }
    }

    /// A column's value in this step.
    pub fn column(&self, column: usize) -> F {
        self.columns.get(self.words.step as usize).and_then(|row| row.get(column)).copied().unwrap_or(F::ZERO)
    }

    /// Where this step's rows begin in a permutation, for batches of `batch` rows.
    pub fn offset(&self, batch: usize) -> usize {
        self.words.step as usize * batch
    }

    /// Sets a bit of the flag.
    pub fn flag(&mut self, bit: u32) {
        self.flag |= bit;
    }

    /// Sets the flag for a value that is not finite.
    pub fn flag_value(&mut self, value: F) {
        if !value.is_finite() {
            self.flag(FLAG_NOT_FINITE);
        }
    }

    /// Sets the flag for a gradient that is not finite, or so large that its square is not.
    pub fn flag_gradient(&mut self, gradient: F) {
        if gradient.is_nan() || gradient.abs() >= F::of(GRADIENT_LIMIT) {
            self.flag(FLAG_NOT_FINITE);
        }
    }

    /// Whether the state must not change in this step.
    pub fn halted(&self) -> bool {
        self.flag != 0 || self.words.halt != 0
    }

    /// The end of a step: latches the flag, and goes on unless halted.
    pub fn end(&mut self) {
        self.words.halt |= self.flag;
        self.words.bad_index |= self.flag & FLAG_BAD_INDEX;
        self.flag = 0;
        self.words.sequence = self.words.sequence.wrapping_add(1);
        if self.words.halt == 0 {
            self.words.step += 1;
        }
    }
}

impl<F: Float> Default for StepState<F> {
    fn default() -> Self {
        Self::new()
    }
}
