//! The op of a loss: loss, weighted gradient and hits in one launch.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Constant, FLAG_NOT_FINITE, Float, GRADIENT_LIMIT, Launch, Measure, Node, OpDef, Operand,
    Param, Role, Site, TINY, Tolerance, Value, Variant, shader, sum_bar, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::loss_row::{LOSS_ROWS, LossRow};
use crate::ops::rows::{gathered, row_of};
use crate::shape::{Dtype, Type};

/// Elements whose losses make one partial sum.
pub const GROUP: usize = 256;

/// The op of a row: predictions p and targets y `[batch, cols]`, weights w `[batch]`.
///
/// Outputs: the gradient by p, `[batch, cols]`: `column w loss'(p, t) / (rows cols)`; the sums of `w loss(p, t)` and
/// the counts of hits over every 256 elements, `[groups]`. The target of the loss is `t = scale y + shift`.
/// Gathered, y and w are resident data `[rows, …]`, and the permutation is the fourth input.
#[derive(Clone, Debug)]
pub struct PointwiseLoss {
    /// The loss.
    pub row: &'static LossRow,
    /// Rows of a batch, where y and w are gathered.
    pub gathered: Option<usize>,
    /// The column of the step table with the loss' weight; `None` in inference: a gradient of 0, and no flag but for
    /// an index out of range.
    pub column: Option<usize>,
    /// Scale and shift of the targets.
    pub targets: (f32, f32),
}

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
    /// The counts, where the loss counts hits of a binary classifier.
    pub hits: Option<Value>,
}

/// Targets `[batch, …]` and the weights of their rows `[batch]`.
#[derive(Clone, Copy, Debug)]
pub struct Targets {
    /// The targets.
    pub y: Value,
    /// A weight per row.
    pub weights: Value,
}

/// The loss of `p` against `targets`. Targets that are rows of resident data are read there.
///
/// # Errors
/// [`Error::Shape`] where these do not fit.
pub fn pointwise_loss(
    g: &Builder,
    row: &'static LossRow,
    p: Value,
    targets: Targets,
    (scale, shift): (f32, f32),
    column: Option<usize>,
) -> Result<LossValue> {
    let batch = g.ty(targets.y).shape.dims().first().copied();
    let taken = gathered(g, targets.y).zip(gathered(g, targets.weights)).filter(|([_, p], [_, q])| p == q);
    let op = PointwiseLoss { row, gathered: taken.and(batch), column, targets: (scale, shift) };
    let inputs = match taken {
        Some(([y, permutation], [w, _])) => vec![p, y, w, permutation],
        None => vec![p, targets.y, targets.weights],
    };
    let outputs = g.op(Arc::new(op), &inputs)?;
    let (sums, counts) = (outputs[1], outputs[2]);
    Ok(LossValue { prediction: p, gradient: outputs[0], sums, counts, hits: row.counts.then_some(counts) })
}

/// What an element of a loss is made of.
struct Element<F> {
    at: usize,
    p: F,
    y: F,
    w: F,
}

impl PointwiseLoss {
    fn cols(types: &[Type]) -> usize {
        types[0].shape.without_batch().len()
    }

    /// Calls `each` for every element that counts.
    fn each<F: Float>(&self, args: &mut Args<'_, F>, mut each: impl FnMut(&mut Args<'_, F>, Element<F>)) {
        let (p, y, w) = (args.inputs.float(0), args.inputs.float(1), args.inputs.float(2));
        let cols = Self::cols(args.types);
        for i in 0..args.step.rows_of(&args.types[0]) {
            let row = match self.gathered {
                None => Some(i),
                Some(batch) => row_of(args.step, args.inputs.indices(3), batch, args.types[1].shape.dims()[0], i),
            };
            let Some(row) = row else { continue };
            for j in 0..cols {
                let at = i * cols + j;
                each(args, Element { at, p: p[at], y: y[row * cols + j], w: w[row] });
            }
        }
    }

    /// How far (loss, slope) may be off: what the row says, and what the rounding of the target adds.
    fn bar(&self, e: &Element<f64>) -> [f64; 2] {
        let (scale, t) = (f64::from(self.targets.0), self.target(e.y));
        let off = if self.targets == (1.0, 0.0) { 0.0 } else { ulp(scale * e.y) + ulp(t) };
        let [mut loss, mut slope] = (self.row.bar)(e.p, t);
        let moved = |f: &dyn Fn(f64) -> f64| (f(t + off) - f(t)).abs().max((f(t - off) - f(t)).abs());
        loss += moved(&|t| self.row.loss(e.p, t));
        slope += moved(&|t| self.row.slope(e.p, t));
        [loss, slope]
    }

    fn target<F: Float>(&self, y: F) -> F {
        let (scale, shift) = self.targets;
        y * F::of(f64::from(scale)) + F::of(f64::from(shift))
    }
}

impl OpDef for PointwiseLoss {
    fn name(&self) -> &str {
        self.row.name
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let (p, y, w) = match (inputs, self.gathered) {
            ([p, y, w], None) | ([p, y, w, _], Some(_)) => (*p, *y, *w),
            _ => return Err(Error::shape(self.name(), "predictions, targets, weights", inputs.len())),
        };
        let batch = p.shape.dims().first().copied().unwrap_or(1);
        let rows = y.shape.dims().first().copied().unwrap_or(1);
        if p.dtype != Dtype::F32 || y.dtype != Dtype::F32 || y.shape.without_batch() != p.shape.without_batch() {
            return Err(Error::shape(self.name(), format!("targets as {p}"), y));
        }
        let targets = self.gathered.unwrap_or(rows);
        if targets != batch {
            return Err(Error::shape(self.name(), format!("predictions for {targets} targets"), p));
        }
        if w.vector(self.name(), "weights")? != rows {
            return Err(Error::shape(self.name(), format!("{batch} targets with a weight each"), w));
        }
        let groups = p.len().div_ceil(GROUP);
        Ok(vec![p.clone(), Type::f32([groups]), Type::u32([groups])])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Err(Error::Unsupported {
            what: format!("the gradient of the partial sums of {}", self.name()),
            fix: "minimize the loss itself: it brings its gradient".into(),
        })
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let scale = self.column.map_or(F::ZERO, |column| {
            args.step.column(column) / F::of((args.step.rows_of(&args.types[0]) * Self::cols(args.types)) as f64)
        });
        args.outputs[0].float_mut().fill(F::ZERO);
        args.outputs[1].float_mut().fill(F::ZERO);
        args.outputs[2].indices_mut().fill(0);
        self.each(&mut args, |args, e| {
            let t = self.target(e.y);
            let loss = if self.row.has_loss { e.w * self.row.loss(e.p, t) } else { F::ZERO };
            let slope =
                if self.column.is_some() && self.row.has_loss { scale * e.w * self.row.slope(e.p, t) } else { F::ZERO };
            let too_large = slope.is_nan() || slope.abs() >= F::of(GRADIENT_LIMIT);
            if self.column.is_some() && (!loss.is_finite() || too_large) {
                args.step.flag(FLAG_NOT_FINITE);
            }
            if let Some(gradient) = args.outputs[0].float_mut().get_mut(e.at) {
                *gradient = slope;
            }
            if let Some(sum) = args.outputs[1].float_mut().get_mut(e.at / GROUP) {
                *sum += loss;
            }
            if let Some(count) = args.outputs[2].indices_mut().get_mut(e.at / GROUP) {
                *count += u32::from(self.row.hits(e.p, e.y));
            }
        });
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let mut bars = case.equal();
        let mut magnitudes = vec![0.0; bars[1].len()];
        let mut step = case.step.clone();
        let scale = self
            .column
            .map_or(0.0, |column| step.column(column) / (step.rows_of(&case.types[0]) * Self::cols(case.types)) as f64);
        let mut args = Args { types: case.types, inputs: case.inputs, outputs: &mut [], step: &mut step };
        self.each(&mut args, |_, e| {
            let t = self.target(e.y);
            let [loss_bar, slope_bar] = self.bar(&e);
            let (loss, slope) = (e.w * self.row.loss(e.p, t), scale * e.w * self.row.slope(e.p, t));
            if let Some(bar) = bars[0].get_mut(e.at) {
                *bar = (scale * e.w).abs() * slope_bar + 10.0 * ulp(slope) + TINY;
            }
            if let Some(bar) = bars[1].get_mut(e.at / GROUP) {
                *bar += e.w.abs() * loss_bar + ulp(loss);
                magnitudes[e.at / GROUP] += loss.abs();
            }
        });
        bars[1].iter_mut().zip(magnitudes).for_each(|(bar, m)| *bar += sum_bar(GROUP, m));
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let span = |i: usize| match self.gathered {
            None => Bind::One(Operand::Input(i)),
            Some(_) => Bind::Span(Role::Data, vec![Operand::Input(i), Operand::Input(3)]),
        };
        let at = |bind: usize, member: usize| match self.gathered {
            None => Param::U32(0),
            Some(_) => Param::Offset { bind, member },
        };
        let p = &site.inputs[0];
        let cols = Self::cols(site.inputs);
        let launch = Launch::new(shader!("pointwise_loss.wgsl"))
            .source(self.row.source.clone())
            .constant(
                "loss",
                Constant::Call { signature: "(p: f32, t: f32) -> f32", stem: self.row.name, params: vec![] },
            )
            .constant(
                "slope_of",
                Constant::Call { signature: "(p: f32, t: f32) -> f32", stem: self.row.name, params: vec![] },
            )
            .constant(
                "hit",
                Constant::Call { signature: "(p: f32, y: f32) -> bool", stem: self.row.name, params: vec![] },
            )
            .flag("GATHERED", self.gathered.is_some())
            .flag("TRAINING", self.column.is_some() && self.row.has_loss)
            .flag("HAS_LOSS", self.row.has_loss)
            .flag("WRITE_GRADIENT", site.used[0])
            .input(0)
            .bind(span(1))
            .bind(span(2))
            .bind(Bind::Step)
            .output(0)
            .bind(Bind::Span(Role::Partials, vec![Operand::Output(1), Operand::Output(2)]))
            .bind(Bind::FlagWrite)
            .size("batch", p.shape.dims().first().copied().unwrap_or(1))
            .size("cols", cols)
            .param("y", at(1, 0))
            .param("y_permutation", at(1, 1))
            .param("w", at(2, 0))
            .size("data_rows", site.inputs[1].shape.dims().first().copied().unwrap_or(1))
            .param("sums", Param::Offset { bind: 5, member: 0 })
            .param("counts", Param::Offset { bind: 5, member: 1 })
            .size("column", self.column.unwrap_or(0))
            .param("scale", Param::F32(self.targets.0))
            .param("shift", Param::F32(self.targets.1))
            .param("step_width", Param::StepWidth)
            .cost(p.len().div_ceil(GROUP) as u64, 12, 16 * p.len() as u64);
        Ok(Variant::only(launch))
    }
}

/// Cases of awkward sizes of each row: gathered or not, training or not, with batches of fewer rows.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for row in LOSS_ROWS {
        for (i, &n) in EDGES.iter().enumerate() {
            let column = (i % 3 != 2 && row.has_loss).then_some(0);
            let targets = if i % 2 == 0 { (1.0, 0.0) } else { (0.9, 0.05) };
            let op = PointwiseLoss { row, gathered: None, column, targets };
            let cols = 1 + i % 4;
            let p = Type::f32([n, cols]).batched(true);
            let case = |op: PointwiseLoss, inputs: Vec<Type>, rows: usize| {
                let [p, y] = row.domains;
                let case = Case::new(op, inputs).domain(0, p).domain(1, y).domain(2, Domain::NotNegative);
                case.rows(rows, n).columns(&[0.75])
            };
            let direct = vec![p.clone(), Type::f32([n, cols]), Type::f32([n])];
            cases.push(case(op.clone(), direct, n - n / 3));
            let data = vec![p, Type::f32([n + 5, cols]), Type::f32([n + 5]), Type::u32([n])];
            let gathered = PointwiseLoss { gathered: Some(n), ..op };
            cases.push(case(gathered, data, n).domain(3, Domain::Index(n + 5)));
        }
    }
    cases
}
