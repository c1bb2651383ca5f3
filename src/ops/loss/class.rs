//! The op of a loss of classes: cross-entropy of a distribution over the last axis.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Builder, CpuVariant, FLAG_BAD_INDEX, FLAG_NOT_FINITE, Float, GRADIENT_LIMIT, Launch, Measure, Node, OpDef,
    Param, Site, TINY, Tolerance, Value, Variant, chunked_sum, shader, ulp,
};
use crate::ops::loss::class_bars::bars;
use crate::ops::loss::class_fast::variants;
use crate::ops::loss::{EPSILON, Hits, LossValue, Targets, bind, data_row, inputs, no_gradient, operands, places};
use crate::ops::softmax::{Lanes, exp_sum, top};
use crate::shape::{Dtype, Type};

/// What the predictions of a loss of classes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// Numbers that are divided by their sum: `q = clip(p / Σ p)`, clipped to [1e-7, 1 − 1e-7].
    Probabilities,
    /// Logits of a softmax q.
    Logits,
    /// Either; there is no loss: hits are counted, and their weights summed in its place.
    Scores,
    /// The same, where a hit is a class that fewer than k predictions are larger than.
    TopK(usize),
}

/// What the targets of a loss of classes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassTargets {
    /// A number per class.
    OneHot,
    /// The number of the class, as f32.
    Numbers,
}

/// The op `− Σ t ln q` over the last axis, q by [`ClassKind`].
///
/// Predictions p `[batch, …, classes]`, targets y like p or `[batch, …]`, perhaps with a last axis of 1, weights w
/// `[batch]`. A cell is what stands before the last axis. Outputs: the gradient by p,
/// `column w loss' / (rows cells_per_row)`; `w loss` and hits of each cell, `[cells]`. The target of the loss is
/// `t = y (1 − s) + s / classes` for a label smoothing of s; a class with t = 0 adds nothing, whatever q is. A hit is
/// where the largest p and the largest y are one class, the first one of equals; NaN counts as the largest. Of the k
/// largest a hit is where the largest y is a class that fewer than k predictions are larger than.
///
/// Probabilities: a p that the clip changes has no gradient but by the sum; a sum of 0 or that is not finite gives NaN.
/// Logits: NaN or +∞ among them gives NaN, and so does −∞ alone.
/// Numbers: one that is no class sets the flag for an index out of range; its cell has no loss, gradient or hit.
/// Gathered, y and w are resident data `[rows, …]`, and the permutation is the fourth input.
#[derive(Clone, Debug)]
pub struct ClassLoss {
    /// What predictions are.
    pub kind: ClassKind,
    /// What targets are.
    pub targets: ClassTargets,
    /// Label smoothing, for targets per class.
    pub smoothing: f64,
    /// Rows of a batch, where y and w are gathered.
    pub gathered: Option<usize>,
    /// The column of the step table with the loss' weight; `None` in inference: a gradient of 0, and no flag but for
    /// an index out of range.
    pub column: Option<usize>,
}

/// The loss of `p` against `targets`. Targets that are rows of resident data are read there.
///
/// # Errors
/// [`Error::Shape`] where these do not fit.
pub fn class_loss(
    g: &Builder,
    (kind, of): (ClassKind, ClassTargets),
    p: Value,
    targets: Targets,
    smoothing: f64,
    column: Option<usize>,
) -> Result<LossValue> {
    let (inputs, gathered) = inputs(g, p, targets);
    let op = ClassLoss { kind, targets: of, smoothing, gathered, column };
    let outputs = g.op(Arc::new(op), &inputs)?;
    Ok(LossValue {
        prediction: p,
        gradient: outputs[0],
        sums: outputs[1],
        counts: outputs[2],
        hits: Some(Hits::Class(of)),
        terms_per_row: cells_per_row(&g.ty(p)),
    })
}

/// The number of classes.
pub(super) fn classes(p: &Type) -> usize {
    p.shape.dims().last().copied().unwrap_or(1)
}

/// Cells of a row of the batch.
pub(super) fn cells_per_row(p: &Type) -> usize {
    let dims = p.shape.dims();
    dims.get(1..dims.len().max(2) - 1).map_or(1, |cells| cells.iter().product())
}

/// A cell: predictions, targets of the loss and how far their rounding goes, the class that is right, the row's weight.
pub(super) struct Cell<'a, F> {
    pub at: usize,
    pub p: &'a [F],
    pub t: Vec<F>,
    pub truth: usize,
    pub w: F,
}

impl ClassLoss {
    pub(super) fn has_loss(&self) -> bool {
        matches!(self.kind, ClassKind::Probabilities | ClassKind::Logits)
    }

    /// The target of a class from what the data says.
    pub(super) fn target<F: Float>(&self, y: F, classes: usize) -> F {
        match self.smoothing {
            0.0 => y,
            s => y * F::of(1.0 - s) + F::of(s / classes as f64),
        }
    }

    /// How far the rounding of a target goes.
    fn target_off(&self, t: f64, classes: usize) -> f64 {
        let shift = self.smoothing / classes as f64;
        if self.smoothing == 0.0 { 0.0 } else { ulp(t - shift) + ulp(shift) + ulp(t) }
    }

    /// Calls `each` for every cell that counts.
    fn each<F: Float>(&self, args: &mut Args<'_, F>, mut each: impl FnMut(&mut Args<'_, F>, &Cell<'_, F>)) {
        let (p, y, w) = (args.inputs.float(0), args.inputs.float(1), args.inputs.float(2));
        let (classes, cells) = (classes(&args.types[0]), cells_per_row(&args.types[0]));
        for i in 0..args.step.rows_of(&args.types[0]) {
            let row = data_row(args.step, self.gathered, args.inputs.indices(3), &args.types[1], i);
            let Some(row) = row else { continue };
            for c in 0..cells {
                let (at, from) = (i * cells + c, row * cells + c);
                let found = match self.targets {
                    ClassTargets::OneHot => {
                        let y = &y[from * classes..(from + 1) * classes];
                        Some((argmax(y), y.iter().map(|&y| self.target(y, classes)).collect()))
                    }
                    ClassTargets::Numbers => class_of(y[from], classes).map(|class| {
                        let one = |j| if j == class { F::ONE } else { F::ZERO };
                        (class, (0..classes).map(one).collect())
                    }),
                };
                match found {
                    None => args.step.flag(FLAG_BAD_INDEX),
                    Some((truth, t)) => {
                        let p = &p[at * classes..(at + 1) * classes];
                        each(args, &Cell { at, p, t, truth, w: w[row] });
                    }
                }
            }
        }
    }

    /// The loss of a cell, and its slopes by p.
    fn cell<F: Float>(&self, cell: &Cell<'_, F>) -> (F, Vec<F>) {
        match self.kind {
            ClassKind::Logits => of_logits(cell.p, &cell.t),
            ClassKind::Probabilities => of_probabilities(cell.p, &cell.t),
            ClassKind::Scores | ClassKind::TopK(_) => (F::ZERO, vec![F::ZERO; cell.p.len()]),
        }
    }

    /// Whether the class that is right counts as found.
    fn is_hit<F: Float>(&self, cell: &Cell<'_, F>) -> bool {
        match self.kind {
            ClassKind::TopK(k) => cell.p.iter().filter(|&&p| larger(p, cell.p[cell.truth])).count() < k,
            _ => argmax(cell.p) == cell.truth,
        }
    }

    /// What slopes are multiplied with, but for the row's weight.
    pub(super) fn scale<F: Float>(&self, args: &Args<'_, F>) -> F {
        let terms = args.step.rows_of(&args.types[0]) * cells_per_row(&args.types[0]);
        self.column.map_or(F::ZERO, |column| args.step.column(column) / F::of(terms as f64))
    }
}

/// `Σ t (ln Σ eᵖ⁻ᵐ − (p − m))`, and its slopes `q Σ t − t`.
fn of_logits<F: Float>(p: &[F], t: &[F]) -> (F, Vec<F>) {
    let top = top(p);
    let sum = exp_sum(p, top);
    let targets = chunked_sum(t.iter().copied());
    let terms = wanted(p, t).map(|(p, t)| t * (sum.ln() - (p - top)));
    let slope = |(&p, &t): (&F, &F)| (p - top).exp() / sum * targets - t;
    (unless_nan(sum, chunked_sum(terms)), p.iter().zip(t).map(slope).collect())
}

/// `− Σ t ln clip(p / Σ p)`, and its slopes `(Σ t − t / q) / Σ p`, where the clip leaves q as it is.
fn of_probabilities<F: Float>(p: &[F], t: &[F]) -> (F, Vec<F>) {
    let sum = chunked_sum(p.iter().copied());
    let mass = if sum == F::ZERO || !sum.is_finite() { F::of(f64::NAN) } else { sum };
    let (low, high) = (F::of(EPSILON), F::ONE - F::of(EPSILON));
    let inside = |q: F| q >= low && q <= high;
    let terms = wanted(p, t).map(|(p, t)| -(t * (p / mass).max_or_nan(low).min_or_nan(high).ln()));
    let kept = p.iter().zip(t).filter(|(p, _)| inside(**p / mass)).map(|(_, &t)| t);
    let targets = chunked_sum(kept);
    let slope = |(&p, &t): (&F, &F)| {
        let q = p / mass;
        (targets - if inside(q) { t / q } else { F::ZERO }) / mass
    };
    (unless_nan(mass, chunked_sum(terms)), p.iter().zip(t).map(slope).collect())
}

/// The classes that have a target: others add nothing, whatever is predicted for them.
fn wanted<'a, F: Float>(p: &'a [F], t: &'a [F]) -> impl Iterator<Item = (F, F)> {
    p.iter().copied().zip(t.iter().copied()).filter(|(_, t)| *t != F::ZERO)
}

/// A value, or the NaN that another one is.
fn unless_nan<F: Float>(other: F, value: F) -> F {
    if other.is_nan() { other } else { value }
}

pub(super) fn larger<F: Float>(a: F, b: F) -> bool {
    a > b || (a.is_nan() && !b.is_nan())
}

/// The place of the first of the largest; NaN counts as the largest.
pub(super) fn argmax<F: Float>(x: &[F]) -> usize {
    (1..x.len()).fold(0, |best, j| if larger(x[j], x[best]) { j } else { best })
}

/// The class of a whole number from 0 on and below `classes`.
pub(super) fn class_of<F: Float>(y: F, classes: usize) -> Option<usize> {
    let whole = y >= F::ZERO && y < F::of(classes as f64) && y.floor() == y;
    whole.then(|| y.to_f64() as usize)
}

impl OpDef for ClassLoss {
    fn name(&self) -> &str {
        match (self.kind, self.targets) {
            (ClassKind::Probabilities, ClassTargets::OneHot) => "categorical_crossentropy",
            (ClassKind::Probabilities, ClassTargets::Numbers) => "sparse_categorical_crossentropy",
            (ClassKind::Logits, ClassTargets::OneHot) => "categorical_crossentropy_logits",
            (ClassKind::Logits, ClassTargets::Numbers) => "sparse_categorical_crossentropy_logits",
            (ClassKind::Scores, ClassTargets::OneHot) => "categorical_accuracy",
            (ClassKind::Scores, ClassTargets::Numbers) => "sparse_categorical_accuracy",
            (ClassKind::TopK(_), ClassTargets::OneHot) => "top_k_categorical_accuracy",
            (ClassKind::TopK(_), ClassTargets::Numbers) => "sparse_top_k_categorical_accuracy",
        }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [p, y, _] = operands(self.name(), inputs, self.gathered)?;
        if p.dtype != Dtype::F32 || p.shape.rank() < 2 || classes(p) == 0 {
            return Err(Error::shape(self.name(), "predictions as f32 [batch, …, classes]", p));
        }
        let row = p.shape.without_batch();
        let (cells, of_row) = (&row.dims()[..row.rank() - 1], y.shape.without_batch());
        let (fits, expected) = match self.targets {
            ClassTargets::OneHot => (of_row == row, format!("targets as {p}, a number per class")),
            ClassTargets::Numbers => {
                let fits = of_row.dims() == cells;
                let one = of_row.dims().split_last().is_some_and(|(last, first)| *last == 1 && first == cells);
                let cells: String = cells.iter().map(|n| format!(", {n}")).collect();
                (one || fits, format!("class numbers as f32 [rows{cells}]"))
            }
        };
        if !fits || y.dtype != Dtype::F32 {
            return Err(Error::shape(self.name(), expected, y));
        }
        let cells = p.len() / classes(p);
        Ok(vec![p.clone(), Type::f32([cells]), Type::u32([cells])])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize> {
        inputs.first().map(|p| cells_per_row(p)).filter(|_| self.column.is_some() && self.has_loss())
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        no_gradient(self.name())
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let scale = self.scale(&args);
        args.outputs[0].float_mut().fill(F::ZERO);
        args.outputs[1].float_mut().fill(F::ZERO);
        args.outputs[2].indices_mut().fill(0);
        let training = self.column.is_some() && self.has_loss();
        self.each(&mut args, |args, cell| {
            let (loss, slopes) = self.cell(cell);
            let hit = self.is_hit(cell);
            let loss = match self.has_loss() {
                true => cell.w * loss,
                false if hit => cell.w,
                false => loss,
            };
            if training && !loss.is_finite() {
                args.step.flag(FLAG_NOT_FINITE);
            }
            for (j, slope) in slopes.into_iter().enumerate().filter(|_| training) {
                let slope = scale * cell.w * slope;
                if slope.is_nan() || slope.abs() >= F::of(GRADIENT_LIMIT) {
                    args.step.flag(FLAG_NOT_FINITE);
                }
                if let Some(gradient) = args.outputs[0].float_mut().get_mut(cell.at * cell.p.len() + j) {
                    *gradient = slope;
                }
            }
            if let Some(sum) = args.outputs[1].float_mut().get_mut(cell.at) {
                *sum = loss;
            }
            if let Some(count) = args.outputs[2].indices_mut().get_mut(cell.at) {
                *count = u32::from(hit);
            }
        });
        Ok(())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        variants(self, site)
    }

    fn measure(&self) -> Measure {
        if self.has_loss() { Measure::Parts } else { Measure::Equal }
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let mut all = case.equal();
        if !self.has_loss() {
            return all;
        }
        let mut step = case.step.clone();
        let mut args = Args { types: case.types, inputs: case.inputs, outputs: &mut [], step: &mut step };
        let scale = self.scale(&args);
        self.each(&mut args, |_, cell| {
            let off: Vec<f64> = cell.t.iter().map(|&t| self.target_off(t, cell.t.len())).collect();
            let (loss_bar, slope_bars) = bars(self.kind, cell, &off);
            let (loss, slopes) = self.cell(cell);
            if let Some(bar) = all[1].get_mut(cell.at) {
                *bar = cell.w.abs() * loss_bar + 2.0 * ulp(cell.w * loss) + TINY;
            }
            for (j, (slope, bar)) in slopes.into_iter().zip(slope_bars).enumerate() {
                let slope = scale * cell.w * slope;
                if let Some(place) = all[0].get_mut(cell.at * cell.p.len() + j) {
                    *place = (scale * cell.w).abs() * bar + 10.0 * ulp(slope) + TINY;
                }
            }
        });
        all
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let p = &site.inputs[0];
        let cells = p.len() / classes(p).max(1);
        let (scale, shift) = match self.smoothing {
            0.0 => (1.0, 0.0),
            s => (1.0 - s, s / classes(p) as f64),
        };
        let k = match self.kind {
            ClassKind::TopK(k) => k,
            _ => 0,
        };
        let launch = bind(Launch::new(shader!("class_loss.wgsl")), self.gathered)
            .flag("SPARSE", self.targets == ClassTargets::Numbers)
            .flag("LOGITS", self.kind == ClassKind::Logits)
            .flag("HAS_LOSS", self.has_loss())
            .flag("TOP_K", k > 0)
            .flag("TRAINING", self.column.is_some() && self.has_loss())
            .flag("WRITE_GRADIENT", site.used[0])
            .size("batch", p.shape.dims().first().copied().unwrap_or(1))
            .size("per_row", cells_per_row(p))
            .size("classes", classes(p));
        let launch = places(launch, self.gathered, &site.inputs[1])
            .size("column", self.column.unwrap_or(0))
            .param("scale", Param::F32(scale as f32))
            .param("shift", Param::F32(shift as f32))
            .size("k", k)
            .param("step_width", Param::StepWidth);
        let launch = Lanes::of(classes(p)).launch(launch, cells, 3, 14);
        Ok(Variant::only(launch))
    }
}
