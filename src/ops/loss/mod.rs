//! Losses: loss, weighted gradient and hits in one launch.

pub mod class;
mod class_bars;
pub mod class_cases;
mod class_fast;
pub mod column_sums;
pub mod pointwise;
mod pointwise_fast;
mod row;
mod rows;

pub use class::{ClassKind, ClassLoss, ClassTargets, class_loss};
pub use column_sums::{ColumnSums, ColumnTerms, column_sums};
pub use pointwise::{PointwiseLoss, pointwise_loss};
pub use row::{LossFunction, LossRow, LossRowDef, loss_row};
pub use rows::{
    BINARY_ACCURACY, BINARY_CROSSENTROPY, BINARY_CROSSENTROPY_LOGITS, BinaryAccuracy, HUBER, Huber, LOSS_ROWS,
    MEAN_ABSOLUTE_ERROR, MEAN_SQUARED_ERROR, OWN_LOSS,
};

use crate::error::{Error, Result};
use crate::graph::{Bind, Builder, Float, Launch, Operand, Param, Role, StepState, Value};
use crate::ops::rows::{gathered, row_of};
use crate::shape::Type;

/// Keras' `epsilon`, and with it the clip of probabilities.
const EPSILON: f64 = 1e-7;

/// What a loss gives to a step.
#[derive(Clone, Copy, Debug)]
pub struct LossValue {
    /// What the gradient is by: the prediction, or its logits.
    pub prediction: Value,
    /// The weighted gradient of the mean over the batch.
    pub gradient: Value,
    /// `[groups]`: sums of the weighted losses.
    pub sums: Value,
    /// `[groups]`: counts of hits.
    pub counts: Value,
    /// What the counts are, where the loss counts hits.
    pub hits: Option<Hits>,
    /// How many terms of the sums a row of the batch gives.
    pub terms_per_row: usize,
}

/// What counts as a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hits {
    /// An element above 0.5 where its target is 1, and not above where it is 0.
    Binary,
    /// The largest prediction at the class of the target, targets of this kind.
    Class(ClassTargets),
}

/// Targets `[batch, …]` and the weights of their rows `[batch]`.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// The targets.
    pub y: Value,
    /// A weight per row.
    pub weights: Value,
}

/// The inputs of a loss, and the rows of a batch where y and w are rows of resident data.
fn inputs(g: &Builder, p: Value, targets: Targets) -> (Vec<Value>, Option<usize>) {
    let batch = g.ty(targets.y).shape.dims().first().copied();
    let taken = gathered(g, targets.y).zip(gathered(g, targets.weights)).filter(|([_, p], [_, q])| p == q);
    match taken {
        Some(([y, permutation], [w, _])) => (vec![p, y, w, permutation], batch),
        None => (vec![p, targets.y, targets.weights], None),
    }
}

/// Predictions, targets and weights among the inputs of a loss, whose rows fit.
fn operands<'a>(op: &str, inputs: &[&'a Type], gathered: Option<usize>) -> Result<[&'a Type; 3]> {
    let (p, y, w) = match (inputs, gathered) {
        ([p, y, w], None) | ([p, y, w, _], Some(_)) => (*p, *y, *w),
        _ => return Err(Error::shape(op, "predictions, targets, weights", inputs.len())),
    };
    let batch = p.shape.dims().first().copied().unwrap_or(1);
    let rows = y.shape.dims().first().copied().unwrap_or(1);
    let targets = gathered.unwrap_or(rows);
    if targets != batch {
        return Err(Error::shape(op, format!("predictions for {targets} targets"), p));
    }
    if w.vector(op, "weights")? != rows {
        return Err(Error::shape(op, format!("{batch} targets with a weight each"), w));
    }
    Ok([p, y, w])
}

/// The row of y and w that row `i` of the batch is; `None`, and the flag set, where there is none.
fn data_row<F: Float>(
    step: &mut StepState<F>,
    gathered: Option<usize>,
    permutation: &[u32],
    y: &Type,
    i: usize,
) -> Option<usize> {
    match gathered {
        None => Some(i),
        Some(batch) => row_of(step, permutation, batch, y.shape.dims().first().copied().unwrap_or(0), i),
    }
}

/// Binds what every loss does: what it reads, gradient, partial results, flag.
fn bind(launch: Launch, gathered: Option<usize>) -> Launch {
    let partials = Bind::Span(Role::Partials, vec![Operand::Output(1), Operand::Output(2)]);
    bind_read(launch, gathered).output(0).bind(partials).bind(Bind::FlagWrite)
}

/// Binds predictions, targets, weights, step.
fn bind_read(launch: Launch, gathered: Option<usize>) -> Launch {
    let span = |i: usize| match gathered {
        None => Bind::One(Operand::Input(i)),
        Some(_) => Bind::Span(Role::Data, vec![Operand::Input(i), Operand::Input(3)]),
    };
    let launch = launch.flag("GATHERED", gathered.is_some());
    launch.input(0).bind(span(1)).bind(span(2)).bind(Bind::Step)
}

/// Where targets, weights and partial results stand in these bindings.
fn places(launch: Launch, gathered: Option<usize>, y: &Type) -> Launch {
    places_read(launch, gathered, y)
        .param("sums", Param::Offset { bind: 5, member: 0 })
        .param("counts", Param::Offset { bind: 5, member: 1 })
}

/// Where targets and weights stand in these bindings.
fn places_read(launch: Launch, gathered: Option<usize>, y: &Type) -> Launch {
    let at = |bind: usize, member: usize| match gathered {
        None => Param::U32(0),
        Some(_) => Param::Offset { bind, member },
    };
    launch
        .param("y", at(1, 0))
        .param("y_permutation", at(1, 1))
        .param("w", at(2, 0))
        .size("data_rows", y.shape.dims().first().copied().unwrap_or(1))
}

/// There is no derivative of partial sums: a loss brings its gradient.
fn no_gradient<T>(op: &str) -> Result<T> {
    Err(Error::Unsupported {
        what: format!("the gradient of the partial sums of {op}"),
        fix: "minimize the loss itself: it brings its gradient".into(),
    })
}
