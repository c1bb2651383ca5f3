//! Products of matrices, either operand transposed or not; of many of them, or with one that all share.

mod backward;
mod cases;
mod fast;

pub use backward::MatmulBackward;
pub use cases::cases;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, CHUNK, CpuVariant, Float, Launch, Measure, Node, OpDef, Param, Site, Tolerance, Value,
    Variant, chunked_sum, shader, sum_bar, term_ranges,
};
use crate::ops::{arity, transpose};
use crate::shape::{Dtype, Shape, Type};

/// The op `c = op(a) op(b)`, where op is the identity or the transpose of the last two axes.
///
/// `op(a)` is `[…, m, k]`, `op(b)` `[…, k, n]`, c `[…, m, n]`, with the same axes in front; or `op(b)` is `[k, n]` for
/// all products. Where there are axes in front, a batch is the first of them. Of two matrices, a batch in a is the rows
/// of c; where both have it as the axis that is summed (TN), the rows that count are summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matmul {
    /// Whether the last axes of a are `[k, m]`.
    pub transpose_a: bool,
    /// Whether the last axes of b are `[n, k]`.
    pub transpose_b: bool,
}

/// `op(a) op(b)`.
///
/// # Errors
/// [`Error::Shape`] where the axes that are summed or those in front differ, and for a batch that c could not have as
/// its axis 0.
pub fn matmul(g: &Builder, a: Value, b: Value, op: Matmul) -> Result<Value> {
    g.op1(op, &[a, b])
}

/// How many products there are, and of what.
#[derive(Clone, Copy, Debug)]
struct Extents {
    products: usize,
    m: usize,
    k: usize,
    n: usize,
    /// Whether b is that of all products.
    shared: bool,
}

/// The axes in front and the last two.
fn matrices<'a>(argument: &str, ty: &'a Type) -> Result<(&'a [usize], [usize; 2])> {
    match (ty.dtype, ty.shape.dims()) {
        (Dtype::F32, [front @ .., rows, cols]) => Ok((front, [*rows, *cols])),
        _ => Err(Error::shape("matmul", format!("{argument} as f32 [rows, cols] or […, rows, cols]"), ty)),
    }
}

/// `x` with its last two axes in the other order.
fn swapped(g: &Builder, x: Value) -> Result<Value> {
    let rank = g.ty(x).shape.rank();
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(rank - 2, rank - 1);
    transpose(g, x, &axes)
}

impl Matmul {
    fn extents(&self, a: &Type, b: &Type) -> Result<Extents> {
        let ((front, [mut m, mut k]), (front_b, [mut kb, mut n])) = (matrices("a", a)?, matrices("b", b)?);
        if self.transpose_a {
            (m, k) = (k, m);
        }
        if self.transpose_b {
            (kb, n) = (n, kb);
        }
        if k != kb {
            return Err(Error::shape("matmul", format!("{k} terms in b like in a"), b));
        }
        if front != front_b && !front_b.is_empty() {
            return Err(Error::shape("matmul", format!("{front:?}, or nothing, in front of b's last two axes"), b));
        }
        Ok(Extents { products: front.iter().product(), m, k, n, shared: front != front_b })
    }

    /// Whether the sum is over a batch.
    fn batched_terms(&self, a: &Type) -> bool {
        self.transpose_a && a.batched && a.shape.rank() == 2
    }

    /// Whether c has a batch.
    fn batched(&self, a: &Type, b: &Type) -> Result<bool> {
        let of_matrices = a.shape.rank() == 2;
        if b.batched && of_matrices && !(self.transpose_a && a.batched && !self.transpose_b) {
            return Err(Error::shape("matmul", "a batch in b only where the terms are the batch of both", b));
        }
        if b.batched && !of_matrices && b.shape.rank() == 2 {
            return Err(Error::shape("matmul", "no batch in an operand of all products", b));
        }
        Ok(if of_matrices { a.batched && !self.transpose_a } else { a.batched || b.batched })
    }

    /// Rows of all products, one after the other, as the rows of one, where they are that.
    fn joined(&self, e: Extents) -> Extents {
        match e.shared && !self.transpose_a {
            true => Extents { products: 1, m: e.products * e.m, shared: false, ..e },
            false => e,
        }
    }

    /// The launches of the products `e`.
    fn launches(&self, e: Extents, terms_per_row: Option<usize>) -> Vec<Launch> {
        let Extents { products, m, k, n, shared } = e;
        let tiles = products * m.div_ceil(32) * n.div_ceil(32);
        let launch = |range: std::ops::Range<usize>| {
            Launch::new(shader!("matmul.wgsl"))
                .flag("TRANSPOSE_A", self.transpose_a)
                .flag("TRANSPOSE_B", self.transpose_b)
                .flag("BATCHED_TERMS", terms_per_row.is_some())
                .input(0)
                .input(1)
                .bind(Bind::Step)
                .output(0)
                .size("m", m)
                .size("n", n)
                .size("terms", k)
                .size("begin", range.start)
                .size("end", range.end)
                .param("step_width", Param::StepWidth)
                .size("terms_per_row", terms_per_row.unwrap_or(0))
                .size("products", products)
                .size("a_step", m * k)
                .size("b_step", if shared { 0 } else { k * n })
                .cost(tiles as u64, tile_trips(range.len()), (2 * products * m * n * range.len()) as u64)
        };
        term_ranges(k).into_iter().map(launch).collect()
    }

    /// One product of slices, the sums over `terms` of `k`.
    fn product<F: Float>(&self, (a, b, c): (&[F], &[F], &mut [F]), [m, k, n]: [usize; 3], terms: usize) {
        for i in 0..m {
            for j in 0..n {
                let at_a = |t: usize| if self.transpose_a { t * m + i } else { i * k + t };
                let at_b = |t: usize| if self.transpose_b { j * k + t } else { t * n + j };
                c[i * n + j] = chunked_sum((0..terms).map(|t| a[at_a(t)] * b[at_b(t)]));
            }
        }
    }
}

/// The bars of sums of `terms` products.
fn bars(op: &impl OpDef, case: &Tolerance<'_>, terms: usize) -> Vec<Vec<f64>> {
    let magnitudes = case.magnitudes(op).unwrap_or_default();
    magnitudes.iter().map(|m: &Buffer<f64>| m.float().iter().map(|&m| sum_bar(terms, m)).collect()).collect()
}

impl OpDef for Matmul {
    fn name(&self) -> &str {
        match (self.transpose_a, self.transpose_b) {
            (false, false) => "matmul",
            (false, true) => "matmul_nt",
            (true, false) => "matmul_tn",
            (true, true) => "matmul_tt",
        }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [a, b] = arity("matmul", inputs)?;
        let Extents { m, n, .. } = self.extents(a, b)?;
        let (front, _) = matrices("a", a)?;
        Ok(vec![Type::f32(Shape::from([front, &[m, n]].concat())).batched(self.batched(a, b)?)])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None, None]) };
        let (a, b) = (node.inputs[0], node.inputs[1]);
        let op = |transpose_a, transpose_b| Matmul { transpose_a, transpose_b };
        if self.extents(&g.ty(a), &g.ty(b))?.shared {
            let da = matmul(g, dy, b, op(false, !self.transpose_b))?;
            let (rows, da) = if self.transpose_a { (swapped(g, a)?, swapped(g, da)?) } else { (a, da) };
            let operands = if self.transpose_b { [dy, rows] } else { [rows, dy] };
            return Ok(vec![Some(da), Some(g.op1(MatmulBackward, &operands)?)]);
        }
        let da = match (self.transpose_a, self.transpose_b) {
            (false, tb) => matmul(g, dy, b, op(false, !tb))?,
            (true, tb) => matmul(g, b, dy, op(tb, true))?,
        };
        let db = match (self.transpose_a, self.transpose_b) {
            (ta, false) => matmul(g, a, dy, op(!ta, false))?,
            (ta, true) => matmul(g, dy, a, op(true, ta))?,
        };
        Ok(vec![Some(da), Some(db)])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (a, b) = (args.inputs.float(0), args.inputs.float(1));
        let Extents { products, m, k, n, shared } = self.extents(&args.types[0], &args.types[1])?;
        let terms = if self.batched_terms(&args.types[0]) { k.min(args.step.rows()) } else { k };
        let c = args.outputs[0].float_mut();
        for p in 0..products {
            let b_first = if shared { 0 } else { p * k * n };
            let (a, b) = (&a[p * m * k..(p + 1) * m * k], &b[b_first..b_first + k * n]);
            self.product((a, b, &mut c[p * m * n..(p + 1) * m * n]), [m, k, n], terms);
        }
        Ok(())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        let Ok(e) = self.extents(&site.inputs[0], &site.inputs[1]) else { return vec![] };
        let of_batch: fast::Terms = |step, types| Ok(step.rows_of(&types[0]));
        fast::variants(*self, e, self.batched_terms(&site.inputs[0]).then_some(of_batch))
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let terms = self.extents(&case.types[0], &case.types[1]).map_or(0, |e| e.k);
        bars(self, case, terms)
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let e = self.joined(self.extents(&site.inputs[0], &site.inputs[1])?);
        let terms_per_row = self.batched_terms(&site.inputs[0]).then_some(1);
        Ok(vec![Variant { name: "default", launches: self.launches(e, terms_per_row) }])
    }
}

/// Iterations of an invocation that sums `terms` products of a tile, reads and writes included.
pub fn tile_trips(terms: usize) -> u64 {
    (terms + terms.div_ceil(CHUNK) + 32) as u64
}
