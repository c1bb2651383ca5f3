//! The graph: ops with static shapes, several inputs and outputs each, and the state that they read and write.

mod builder;
mod cpu;
mod float;
mod launch;
mod op;
mod pointwise;
mod step;
mod tolerance;
mod variable;
mod wgsl;

use std::fmt;
use std::sync::Arc;

pub(crate) use builder::drop_unread;
pub use builder::{Builder, Squash};
pub use cpu::{Alone, CpuKernel, CpuVariant, TEAM_SCRATCH, Team};
pub use float::{F1, F2, Float};
pub use launch::{
    Bind, CHUNK, Caps, Constant, Launch, MOST_BINDINGS, MOST_TRIPS, Operand, Param, Role, Site, Variant, term_ranges,
};
pub(crate) use op::is_foreign;
pub use op::{Args, Buffer, Inputs, Op, OpDef, call};
pub use pointwise::Pointwise;
pub(crate) use pointwise::call_of;
pub use step::{FLAG_BAD_INDEX, FLAG_NOT_FINITE, GRADIENT_LIMIT, HEADER, StepState, StepTable, Words};
pub use tolerance::{Measure, TINY, Tolerance, UNIT, chunked_sum, sum as sum_bar, ulp};
pub use variable::{ALIGN_WORDS, Variable, VariableKind, Variables, padded};
pub use wgsl::{Composed, Source, compose};
pub(crate) use wgsl::{declared, shader};

use crate::error::{Direction, Error, Result};
use crate::shape::Type;

/// A value of a graph: a tensor that an op gives, a variable, or data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An output of a node.
    Node {
        /// The node.
        node: usize,
        /// Which of its outputs.
        output: usize,
    },
    /// A variable's value at the begin of the step.
    Variable(usize),
    /// Data that the host uploads.
    Data,
}

/// An op at its place in a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub op: Arc<dyn Op>,
    /// What it reads.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub outputs: Vec<Value>,
    /// Where in a model it comes from, for messages.
    pub place: Place,
}

/// Where in a model an op comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The part of the model, in words: "layer `dense`".
    pub part: Option<Arc<str>>,
    /// Whether it gives values or their gradients.
    pub direction: Direction,
}

/// A column of the step table: a number per step, computed by the host.
#[derive(Clone)]
pub struct Column {
    /// Its name, for people.
    pub name: String,
    /// Its value at a step, counted from 0 over all epochs.
    pub rule: Arc<dyn Fn(u64) -> f64 + Send + Sync>,
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({})", self.name)
    }
}

/// Something that is reported of the steps of a pass: a number made of partial results.
#[derive(Clone, Debug)]
pub struct Report {
    /// The key in the logs.
    pub name: String,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// How: from a number per part, over all steps so far.
    pub finish: Finish,
}

impl Report {
    /// The mean over rows of which each has some terms.
    pub fn mean(name: &str, partials: Value, terms_per_row: usize) -> Self {
        let part = Part { partials, weight: None, over: Over::Rows(terms_per_row) };
        Self { name: name.into(), parts: vec![part], finish: Finish::sum() }
    }
}

/// Partial results, and what becomes of them over the steps of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// `[groups]`, f32 or u32: a step's number is their sum. Of [`Over::Each`] f32, and a number each.
    pub partials: Value,
    /// The column of the step table that a step's number is multiplied with.
    pub weight: Option<usize>,
    /// What the sum over steps is divided by.
    pub over: Over,
}

/// What a sum over steps is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Rows times terms per row: the mean.
    Rows(usize),
    /// Weights of the rows of an output, times terms per row: the weighted mean; 0 where all weights are.
    Weights {
        /// Whose rows.
        output: usize,
        /// Terms per row.
        terms: usize,
    },
    /// Steps, each counted as often as it has rows: the mean of what belongs to a step and to no row of it.
    Steps,
    /// Nothing: the sum.
    Nothing,
    /// Nothing, and element by element: a sum for each of the partial results. They stay on the device until the end of
    /// a pass, so what is made of them is not known before.
    Each,
}

/// The sums of [`Over::Each`]: where they are kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What is added up, each a range of a row.
    pub partials: Vec<Value>,
    /// `[rows, …]`: a row holds the sums of up to [`CHUNK`] steps.
    pub sums: Value,
}

/// What makes a number of several.
type Number = dyn Fn(&[f64]) -> f64 + Send + Sync;

/// A number made of a number per part, or of several of [`Over::Each`].
#[derive(Clone)]
pub struct Finish(Arc<Number>);

impl Finish {
    /// By a function of the numbers of the parts, one after the other.
    pub fn new(of: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(of))
    }

    /// Their sum.
    pub fn sum() -> Self {
        Self::new(|parts| parts.iter().sum())
    }

    /// The number.
    pub fn of(&self, parts: &[f64]) -> f64 {
        (self.0)(parts)
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finish")
    }
}

/// A whole program for one mode and batch size: what the oracle interprets and what a program is made of.
#[derive(Clone, Debug)]
pub struct Graph {
    /// In the order in which they run.
    pub nodes: Vec<Node>,
    /// Of each value.
    pub types: Vec<Type>,
    /// Of each value.
    pub origins: Vec<Origin>,
    /// What it reads and writes beyond a step.
    pub variables: Arc<Variables>,
    /// Values that the variables have after the step, by variable.
    pub writes: Vec<(usize, Value)>,
    /// What the host uploads, in order.
    pub data: Vec<Value>,
    /// Of the step table, after the rows that count.
    pub columns: Vec<Column>,
    /// What a step reports; in the order of the row of results.
    pub reports: Vec<Report>,
    /// Values that somebody outside reads.
    pub outputs: Vec<Value>,
    /// The sums and the counts of every step, `[steps, columns]`: outputs of `step_end`.
    pub results: Option<[Value; 2]>,
    /// What is summed element by element, where something is; an output.
    pub kept: Option<Kept>,
}

impl Graph {
    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        &self.types[value.0]
    }

    /// Refuses a graph that no program can run as it is meant: an op that reads a value before it is made, and a
    /// variable that is written by a value which does not share its storage.
    ///
    /// # Errors
    /// [`Error::Argument`] with the op or the variable.
    pub fn check(&self) -> Result<()> {
        for (at, node) in self.nodes.iter().enumerate() {
            let late = |v: &&Value| matches!(self.origins[v.0], Origin::Node { node, .. } if node >= at);
            if node.inputs.iter().any(|v| late(&v)) {
                let got = "one that a write of state, or the end of the step, gives";
                return Err(Error::argument(format!("an input of {}", node.op.name()), "a value made before it", got));
            }
        }
        for &(index, value) in &self.writes {
            if self.shared(value) != Some(Origin::Variable(index)) {
                let name = self.variables.get(index).map_or("a variable", |v| v.name.as_str());
                return Err(Error::argument(name, "to be written by an op that shares its storage", "another value"));
            }
        }
        Ok(())
    }

    /// Where the storage of a value comes from, through the ops that share it.
    pub(crate) fn shared(&self, value: Value) -> Option<Origin> {
        match self.origins[value.0] {
            Origin::Node { .. } => self.shared(self.shared_input(value)?),
            origin => Some(origin),
        }
    }

    /// The value whose storage an op's output shares.
    fn shared_input(&self, value: Value) -> Option<Value> {
        let Origin::Node { node, output } = self.origins[value.0] else { return None };
        let node = self.nodes.get(node)?;
        let (_, input) = node.op.aliases().into_iter().find(|(o, _)| *o == output)?;
        node.inputs.get(input).copied()
    }

    /// Whether each value is read by a node, written to a variable, or read from outside.
    pub fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.types.len()];
        let read = self.nodes.iter().flat_map(|n| n.inputs.iter());
        let kept = self.writes.iter().map(|(_, v)| v).chain(&self.outputs).chain(self.results.iter().flatten());
        for value in read.chain(kept) {
            used[value.0] = true;
        }
        used
    }

    /// Where partial results end up: 0 and the column of the sums, or 1 and the column of the counts.
    pub fn result_column(&self, partials: Value) -> Option<(usize, usize)> {
        let end = self.nodes.last().filter(|node| self.results.is_some_and(|r| node.outputs.contains(&r[0])))?;
        let dtype = self.ty(partials).dtype;
        let column = end.inputs.iter().filter(|v| self.ty(**v).dtype == dtype).position(|v| *v == partials)?;
        Some((usize::from(dtype == crate::shape::Dtype::U32), column))
    }

    /// Where a row of [`Graph::kept`] holds the sums of partial results.
    pub fn kept_range(&self, partials: Value) -> Option<std::ops::Range<usize>> {
        let of = &self.kept.as_ref()?.partials;
        let at = of.iter().position(|v| *v == partials)?;
        let begin = of[..at].iter().map(|v| self.ty(*v).len()).sum();
        Some(begin..begin + self.ty(partials).len())
    }

    /// Rows of the step table that there is room for: as many as rows of results; two without any.
    pub fn steps(&self) -> usize {
        self.results.map_or(2, |[sums, _]| self.ty(sums).shape.dims()[0])
    }

    /// Words of a row of the step table.
    pub fn step_width(&self) -> usize {
        1 + self.columns.len()
    }
}
