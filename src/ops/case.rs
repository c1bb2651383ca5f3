//! What an op family is tested on: ops with inputs of awkward sizes, from which the checks make values.

use std::sync::Arc;

use crate::graph::{Op, VariableKind};
use crate::ops::unary::Function;
use crate::shape::{Dtype, Type};

/// Sizes at the edges of tiles, chunks and workgroups.
pub const EDGES: &[usize] = &[0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 255, 256, 257, 1000, 1025];

/// Which values an input may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Any finite number of the regime.
    Any,
    /// Numbers from -10 to 10 and no other: what an op of a program's own is asked for at least.
    Moderate,
    /// Numbers from 0 on: second moments, weights of rows.
    NotNegative,
    /// Numbers up to 0: logarithms of probabilities.
    NotPositive,
    /// Numbers from 0 to 1, both included.
    Probability,
    /// 0 or 1.
    Label,
    /// Whole numbers from 0 on and below this, as f32.
    Class(usize),
    /// Indices below this, in any order.
    Index(usize),
    /// Any number that a function is defined for.
    Argument(Function),
    /// What the derivative of a function wants: any numbers, or the function's values of any numbers.
    Seen(Function),
}

/// An input of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its type.
    pub ty: Type,
    /// What it may hold.
    pub domain: Domain,
    /// The kind of variable that it is; `None` for data.
    pub variable: Option<VariableKind>,
}

/// One op with the types of its inputs.
#[derive(Clone, Debug)]
pub struct Case {
    /// The op.
    pub op: Arc<dyn Op>,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// Rows of the batch that count, and rows of the batch.
    pub rows: (usize, usize),
    /// The columns of the step table.
    pub columns: Vec<f64>,
    /// The step that it runs at, of 0 and 1.
    pub step: usize,
    /// Whether it is so large that it is run on two kinds of values only.
    pub brief: bool,
}

impl Case {
    /// A case of `op`, whose inputs hold any numbers: at step 1, or at step 0 where indices may be those of one batch.
    pub fn new(op: impl Op + 'static, inputs: impl IntoIterator<Item = Type>) -> Self {
        let inputs: Vec<Input> =
            inputs.into_iter().map(|ty| Input { ty, domain: Domain::Any, variable: None }).collect();
        let step = usize::from(inputs.iter().all(|input| input.ty.dtype == Dtype::F32));
        Self { op: Arc::new(op), inputs, rows: (1, 1), columns: vec![], step, brief: false }
    }

    /// Says what input `i` may hold.
    pub fn domain(mut self, i: usize, domain: Domain) -> Self {
        if let Some(input) = self.inputs.get_mut(i) {
            input.domain = domain;
        }
        self
    }

    /// Says that inputs `range` are variables, which an output updates.
    pub fn variables(mut self, range: std::ops::Range<usize>, kind: VariableKind) -> Self {
        self.inputs[range].iter_mut().for_each(|input| input.variable = Some(kind));
        self
    }

    /// Says how many rows of the batch count.
    pub fn rows(mut self, count: usize, batch: usize) -> Self {
        self.rows = (count, batch);
        self
    }

    /// Says which step it runs at: permutations have a batch more for step 1.
    pub fn step(mut self, step: usize) -> Self {
        self.step = step;
        self
    }

    /// Says that it is large: it is run on few kinds of values.
    pub fn brief(mut self) -> Self {
        self.brief = true;
        self
    }

    /// Fills the columns of the step table.
    pub fn columns(mut self, columns: &[f64]) -> Self {
        self.columns = columns.to_vec();
        self
    }
}

/// Ops that share a file, with what they are tested on.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The file's name.
    pub name: &'static str,
    /// Makes its cases.
    pub cases: fn() -> Vec<Case>,
}
