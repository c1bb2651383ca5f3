//! Softmax over the last axis, its logarithm, and their gradients.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Builder, Constant, Float, Launch, Measure, Node, OpDef, Site, Source, Squash, TINY, Tolerance, UNIT, Value,
    Variant, chunked_sum, shader, sum_bar, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::{arity, float, same};
use crate::shape::Type;

/// As an activation: `y = eˣ / Σ eˣ` over the last axis. Source: Keras' `softmax`.
#[derive(Clone, Copy, Debug)]
pub struct Softmax;

/// As an activation: `y = x − ln Σ eˣ` over the last axis. Source: Keras' `log_softmax`.
#[derive(Clone, Copy, Debug)]
pub struct LogSoftmax;

/// The op `y = eˣ⁻ᵐ / Σ eˣ⁻ᵐ`, or its logarithm `y = x − m − ln Σ eˣ⁻ᵐ`, where m is the largest x of the row.
///
/// x and y are `[…, cols]`. Each row stands for itself; rows that do not count are computed like the others. A row with
/// NaN or +∞ is NaN throughout, and so is one of −∞ alone; any other −∞ gives 0, or −∞ in the logarithm.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxOp {
    /// Whether it is the logarithm.
    pub log: bool,
}

/// The op `dx = y (dy − Σ dy y)`, or of the logarithm `dx = dy − eʸ Σ dy`: dy, y and dx `[…, cols]`.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxBackward {
    /// Whether y is the logarithm.
    pub log: bool,
}

/// `eˣ / Σ eˣ` over the last axis: x `[…, cols]`. The result remembers x as its logits.
///
/// # Errors
/// [`Error::Shape`] for a scalar, and where the last axis is the batch.
pub fn softmax(g: &Builder, x: Value) -> Result<Value> {
    let y = g.op1(SoftmaxOp { log: false }, &[x])?;
    g.tag_logits(y, x, Squash::Softmax);
    Ok(y)
}

/// `x − ln Σ eˣ` over the last axis: x `[…, cols]`.
///
/// # Errors
/// [`Error::Shape`] for a scalar, and where the last axis is the batch.
pub fn log_softmax(g: &Builder, x: Value) -> Result<Value> {
    g.op1(SoftmaxOp { log: true }, &[x])
}

/// Rows and columns of a value whose last axis an op goes along.
pub(super) fn extents(op: &str, x: &Type) -> Result<[usize; 2]> {
    float(op, "x", x)?;
    match x.shape.dims() {
        [rows @ .., cols] if !(x.batched && rows.is_empty()) => Ok([rows.iter().product(), *cols]),
        _ => Err(Error::shape(op, "x as f32 […, cols], cols not the batch", x)),
    }
}

/// A row of logits in f64, and how far f32 may be from it.
pub(super) struct Logits {
    /// The largest.
    pub top: f64,
    /// `Σ eˣ⁻ᵐ`.
    pub sum: f64,
    /// How far the sum may be off, as a share of it.
    pub off: f64,
}

impl Logits {
    /// Of a row with at least one column.
    pub fn new(x: &[f64]) -> Self {
        let top = top(x);
        let sum = x.iter().map(|x| (x - top).exp()).sum();
        let off: f64 = x.iter().map(|x| (x - top).exp() * exp_off(x - top)).sum();
        Self { top, sum, off: (off + sum_bar(x.len(), sum)) / sum }
    }

    /// The softmax of x, and how far it may be off: the exponential, the sum and the division.
    pub fn softmax(&self, x: f64) -> [f64; 2] {
        let y = (x - self.top).exp() / self.sum;
        [y, y * (exp_off(x - self.top) + self.off) + 3.0 * ulp(y) + TINY]
    }

    /// Its logarithm, and how far that may be off: two differences, the sum and a logarithm.
    pub fn log_softmax(&self, x: f64) -> [f64; 2] {
        let (d, log) = (x - self.top, self.sum.ln());
        [d - log, ulp(d) + self.off + 4.0 * ulp(log) + ulp(d - log) + TINY]
    }
}

/// How far `eᵈ` may be off, as a share of it: its argument, then 4 ULP.
fn exp_off(d: f64) -> f64 {
    ulp(d) + 8.0 * UNIT
}

/// The largest of a row.
pub(super) fn top<F: Float>(x: &[F]) -> F {
    x.iter().copied().reduce(F::max_or_nan).unwrap_or(F::ZERO)
}

/// `Σ eˣ⁻ᵐ` for the largest m.
pub(super) fn exp_sum<F: Float>(x: &[F], top: F) -> F {
    chunked_sum(x.iter().map(|&x| (x - top).exp()))
}

impl OpDef for SoftmaxOp {
    fn name(&self) -> &str {
        if self.log { "log_softmax" } else { "softmax" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity(self.name(), inputs)?;
        extents(self.name(), x)?;
        Ok(vec![x.clone()])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let op = SoftmaxBackward { log: self.log };
        Ok(vec![dy[0].map(|dy| g.op1(op, &[dy, node.outputs[0]])).transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [_, cols] = extents(self.name(), &args.types[0])?;
        let rows = args.inputs.float(0).chunks(cols.max(1));
        for (y, x) in args.outputs[0].float_mut().chunks_mut(cols.max(1)).zip(rows) {
            let top = top(x);
            let sum = exp_sum(x, top);
            for (y, &x) in y.iter_mut().zip(x) {
                *y = if self.log { (x - top) - sum.ln() } else { (x - top).exp() / sum };
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let cols = case.types[0].shape.dims().last().copied().unwrap_or(1).max(1);
        let bars = |x: &[f64]| -> Vec<f64> {
            let row = Logits::new(x);
            let of = |&x: &f64| if self.log { row.log_softmax(x) } else { row.softmax(x) };
            x.iter().map(|x| of(x)[1]).collect()
        };
        vec![case.inputs.float(0).chunks(cols).flat_map(bars).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = row_launch(shader!("softmax.wgsl"), extents(self.name(), &site.inputs[0])?, 3);
        Ok(Variant::only(launch.flag("LOG", self.log).input(0).output(0)))
    }
}

impl OpDef for SoftmaxBackward {
    fn name(&self) -> &str {
        if self.log { "log_softmax_backward" } else { "softmax_backward" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy, y] = arity(self.name(), inputs)?;
        same(self.name(), "dy", dy, y)?;
        extents(self.name(), y)?;
        Ok(vec![y.clone()])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [_, cols] = extents(self.name(), &args.types[1])?;
        let rows = args.inputs.float(0).chunks(cols.max(1)).zip(args.inputs.float(1).chunks(cols.max(1)));
        for (dx, (dy, y)) in args.outputs[0].float_mut().chunks_mut(cols.max(1)).zip(rows) {
            let terms = dy.iter().zip(y).map(|(&dy, &y)| if self.log { dy } else { dy * y });
            let sum = chunked_sum(terms);
            for (dx, (&dy, &y)) in dx.iter_mut().zip(dy.iter().zip(y)) {
                *dx = if self.log { dy - y.exp() * sum } else { y * (dy - sum) };
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let cols = case.types[1].shape.dims().last().copied().unwrap_or(1).max(1);
        let rows = case.inputs.float(0).chunks(cols).zip(case.inputs.float(1).chunks(cols));
        let bars = |(dy, y): (&[f64], &[f64])| -> Vec<f64> {
            let term = |(dy, y): (&f64, &f64)| if self.log { *dy } else { dy * y };
            let sum: f64 = dy.iter().zip(y).map(term).sum();
            let off = sum_bar(y.len(), dy.iter().zip(y).map(|pair| term(pair).abs()).sum()) + ulp(sum);
            let bar = |(&dy, &y): (&f64, &f64)| {
                let factor = if self.log { y.exp() } else { y.abs() };
                let product = factor * sum;
                let exponential = if self.log { 8.0 * UNIT * product.abs() + TINY * sum.abs() } else { 0.0 };
                let first = if self.log { dy } else { y * dy };
                factor * off + exponential + 2.0 * (ulp(first) + ulp(product)) + 2.0 * TINY
            };
            dy.iter().zip(y).map(bar).collect()
        };
        vec![rows.flat_map(bars).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let extents = extents(self.name(), &site.inputs[1])?;
        let launch = row_launch(shader!("softmax_backward.wgsl"), extents, 2);
        Ok(Variant::only(launch.flag("LOG", self.log).input(0).input(1).output(0)))
    }
}

/// Lanes that go over the columns of rows, chosen so that most have something to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    cols: usize,
    lanes: usize,
}

impl Lanes {
    /// A workgroup a row, or of few columns an invocation.
    pub fn of(cols: usize) -> Self {
        Self { cols, lanes: if cols <= 32 { 1 } else { 64 } }
    }

    /// Tells a kernel how many, and what it costs: `passes` over the columns of `rows` rows, `flops` each time and
    /// element.
    pub fn launch(self, launch: Launch, rows: usize, passes: u64, flops: u64) -> Launch {
        let Self { cols, lanes } = self;
        let groups = if cols == 0 { 0 } else { rows.div_ceil(64 / lanes) as u64 };
        let share = cols.div_ceil(lanes) as u64;
        let trips = passes * (share + share.div_ceil(256) + 16); // with chunks, and what lanes share
        let launch = launch.constant("LANES", Constant::U32(lanes as u32));
        launch.cost(groups, trips, flops * passes * (rows * cols) as u64)
    }
}

/// A launch over rows, `passes` times over each.
fn row_launch(source: Source, [rows, cols]: [usize; 2], passes: u64) -> Launch {
    Lanes::of(cols).launch(Launch::new(source), rows, passes, 8).size("rows", rows).size("cols", cols)
}

/// Cases of awkward numbers of rows and columns, of other ranks, of long rows, and of more workgroups than a grid is wide.
pub fn cases() -> Vec<Case> {
    let sizes = EDGES.iter().flat_map(|&n| [Type::f32([3, n]), Type::f32([n, 5]).batched(true)]);
    let ranks = [Type::f32([9]), Type::f32([2, 3, 7]), Type::f32([2, 3, 2, 65]).batched(true)];
    let long = Type::f32([2, 70_001]);
    let sized = sizes.chain(ranks).map(|ty| (ty, false)).chain([(long, true)]);
    let mut cases = vec![];
    for (ty, brief) in sized {
        for log in [false, true] {
            let rows = ty.shape.dims()[0];
            let seen = if log { Domain::NotPositive } else { Domain::Probability };
            let forward = Case::new(SoftmaxOp { log }, [ty.clone()]);
            let backward = Case::new(SoftmaxBackward { log }, [ty.clone(), ty.clone()]).domain(1, seen);
            let case = |case: Case| if brief { case.brief() } else { case };
            cases.extend([forward, backward].map(|c| case(c.rows(rows - rows / 3, rows))));
        }
    }
    let many = Type::f32([65_537, 33]);
    cases.push(Case::new(SoftmaxOp { log: false }, [many.clone()]).brief());
    cases.push(Case::new(SoftmaxBackward { log: false }, [many.clone(), many]).domain(1, Domain::Probability).brief());
    cases
}
