//! The op of a loss of single elements.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Builder, Constant, CpuVariant, FLAG_NOT_FINITE, Float, GRADIENT_LIMIT, Launch, Measure, Node, OpDef, Param,
    Site, TINY, Tolerance, Value, Variant, shader, sum_bar, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::loss::pointwise_fast::variants;
use crate::ops::loss::{
    BinaryAccuracy, Hits, Huber, LOSS_ROWS, LossFunction, LossValue, Targets, bind, data_row, no_gradient, operands,
    places,
};
use crate::shape::{Dtype, Type};

/// Elements whose losses make one partial sum.
pub const GROUP: usize = 256;

/// The op of a row: predictions p and targets y `[batch, cols]`, weights w `[batch]`.
///
/// Outputs: the gradient by p, `[batch, cols]`: `column w loss'(p, t) / (rows cols)`; the sums of `w loss(p, t)` and
/// the counts of hits over every 256 elements, `[groups]`. The target of the loss is `t = scale y + shift`. A row without
/// a loss gives the sums of `w` over hits.
/// Gathered, y and w are resident data `[rows, …]`, and the permutation is the fourth input.
#[derive(Clone, Debug)]
pub struct PointwiseLoss {
    /// The loss.
    pub function: LossFunction,
    /// Rows of a batch, where y and w are gathered.
    pub gathered: Option<usize>,
    /// The column of the step table with the loss' weight; `None` in inference: a gradient of 0, and no flag but for
    /// an index out of range.
    pub column: Option<usize>,
    /// Scale and shift of the targets.
    pub targets: (f64, f64),
}

/// The loss of `p` against `targets`. Targets that are rows of resident data are read there.
///
/// # Errors
/// [`Error::Shape`] where these do not fit.
pub fn pointwise_loss(
    g: &Builder,
    function: impl Into<LossFunction>,
    p: Value,
    targets: Targets,
    smoothing: (f64, f64),
    column: Option<usize>,
) -> Result<LossValue> {
    let (inputs, gathered) = super::inputs(g, p, targets);
    let function = function.into();
    let op = PointwiseLoss { function, gathered, column, targets: smoothing };
    let outputs = g.op(Arc::new(op), &inputs)?;
    Ok(LossValue {
        prediction: p,
        gradient: outputs[0],
        sums: outputs[1],
        counts: outputs[2],
        hits: function.row.counts.then_some(Hits::Binary),
        terms_per_row: g.ty(p).shape.without_batch().len(),
    })
}

/// What an element of a loss is made of.
struct Element<F> {
    at: usize,
    p: F,
    y: F,
    w: F,
}

impl PointwiseLoss {
    pub(super) fn cols(types: &[Type]) -> usize {
        types[0].shape.without_batch().len()
    }

    /// Calls `each` for every element that counts.
    fn each<F: Float>(&self, args: &mut Args<'_, F>, mut each: impl FnMut(&mut Args<'_, F>, Element<F>)) {
        let (p, y, w) = (args.inputs.float(0), args.inputs.float(1), args.inputs.float(2));
        let cols = Self::cols(args.types);
        for i in 0..args.step.rows_of(&args.types[0]) {
            let row = data_row(args.step, self.gathered, args.inputs.indices(3), &args.types[1], i);
            let Some(row) = row else { continue };
            for j in 0..cols {
                let at = i * cols + j;
                each(args, Element { at, p: p[at], y: y[row * cols + j], w: w[row] });
            }
        }
    }

    /// How far (loss, slope) may be off: what the row says, and what the rounding of the target adds.
    fn bar(&self, e: &Element<f64>) -> [f64; 2] {
        let ((scale, shift), t) = (self.targets, self.target(e.y));
        let off = if self.targets == (1.0, 0.0) { 0.0 } else { ulp(scale * e.y) + ulp(shift) + ulp(t) };
        let [mut loss, mut slope] = self.function.bar(e.p, t);
        let moved = |f: &dyn Fn(f64) -> f64| (f(t + off) - f(t)).abs().max((f(t - off) - f(t)).abs());
        loss += moved(&|t| self.function.loss(e.p, t));
        slope += moved(&|t| self.function.slope(e.p, t));
        [loss, slope]
    }

    /// The weighted loss; without one, the weight of a hit.
    fn value<F: Float>(&self, e: &Element<F>) -> F {
        match self.function.row.has_loss {
            true => e.w * self.function.loss(e.p, self.target(e.y)),
            false if self.function.hits(e.p, e.y) => e.w,
            false => F::ZERO,
        }
    }

    fn target<F: Float>(&self, y: F) -> F {
        let (scale, shift) = self.targets;
        y * F::of(scale) + F::of(shift)
    }
}

impl OpDef for PointwiseLoss {
    fn name(&self) -> &str {
        self.function.row.name
    }

    fn is_own(&self) -> bool {
        let own = self.function.row;
        !LOSS_ROWS.iter().any(|row| row.name == own.name && row.source == own.source)
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [p, y, _] = operands(self.name(), inputs, self.gathered)?;
        if p.dtype != Dtype::F32 || y.dtype != Dtype::F32 || y.shape.without_batch() != p.shape.without_batch() {
            return Err(Error::shape(self.name(), format!("targets as {p}"), y));
        }
        let groups = p.len().div_ceil(GROUP);
        Ok(vec![p.clone(), Type::f32([groups]), Type::u32([groups])])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize> {
        let cols = inputs.first().map(|p| p.shape.without_batch().len());
        cols.filter(|_| self.column.is_some() && self.function.row.has_loss)
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        no_gradient(self.name())
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
            let loss = self.value(&e);
            let slope = if self.column.is_some() && self.function.row.has_loss {
                scale * e.w * self.function.slope(e.p, t)
            } else {
                F::ZERO
            };
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
                *count += u32::from(self.function.hits(e.p, e.y));
            }
        });
        Ok(())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        variants(self, site)
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
            let (loss, slope) = (self.value(&e), scale * e.w * self.function.slope(e.p, t));
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
        let (p, has_loss) = (&site.inputs[0], self.function.row.has_loss);
        let launch = self.function.compose(Launch::new(shader!("pointwise_loss.wgsl")));
        let launch = bind(launch, self.gathered)
            .flag("TRAINING", self.column.is_some() && has_loss)
            .flag("HAS_LOSS", has_loss)
            .constant("LANES", Constant::U32(64))
            .flag("WRITE_GRADIENT", site.used[0])
            .size("batch", p.shape.dims().first().copied().unwrap_or(1))
            .size("cols", Self::cols(site.inputs));
        let launch = places(launch, self.gathered, &site.inputs[1])
            .size("column", self.column.unwrap_or(0))
            .param("scale", Param::F32(self.targets.0 as f32))
            .param("shift", Param::F32(self.targets.1 as f32))
            .param("step_width", Param::StepWidth)
            .cost(p.len().div_ceil(GROUP) as u64, 4 + 2 * 16, 16 * p.len() as u64);
        Ok(Variant::only(launch))
    }
}

/// Cases of awkward sizes of each row: gathered or not, training or not, with batches of fewer rows.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let others = [Huber { delta: 0.3 }.into(), BinaryAccuracy { threshold: 0.7 }.into()];
    for function in LOSS_ROWS.iter().map(|&row| LossFunction::from(row)).chain(others) {
        let row = function.row;
        for (i, &n) in EDGES.iter().enumerate() {
            let column = (i % 3 != 2 && row.has_loss).then_some(0);
            let targets = if i % 2 == 0 { (1.0, 0.0) } else { (0.9, 0.05) };
            let op = PointwiseLoss { function, gathered: None, column, targets };
            let cols = 1 + i % 4;
            let p = Type::f32([n, cols]).batched(true);
            let case = |op: PointwiseLoss, inputs: Vec<Type>, rows: usize| {
                let [p, y] = row.domains;
                let case = Case::new(op, inputs).domain(0, p).domain(1, y).domain(2, Domain::NotNegative);
                case.rows(rows, n).columns(&[0.75])
            };
            let direct = vec![p.clone(), Type::f32([n, cols]), Type::f32([n])];
            cases.push(case(op.clone(), direct, n - n / 3));
            let data = vec![p, Type::f32([n + 5, cols]), Type::f32([n + 5]), Type::u32([2 * n])];
            let gathered = PointwiseLoss { gathered: Some(n), ..op };
            cases.push(case(gathered, data, n - n / 3).domain(3, Domain::Index(n + 5)).step(1));
        }
    }
    cases
}
