//! Products of matrices, either operand transposed or not.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, Float, Launch, Measure, Node, OpDef, Param, Site, Tolerance, Value, Variant,
    chunked_sum, shader, sum_bar, term_ranges,
};
use crate::ops::arity;
use crate::ops::case::{Case, EDGES};
use crate::shape::Type;

/// The op `c = op(a) op(b)`, where op is the identity or the transpose.
///
/// `op(a)` is `[m, k]`, `op(b)` `[k, n]`, c `[m, n]`. Where both operands have the batch as the axis that is summed
/// (TN), the rows that count are summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matmul {
    /// Whether a is `[k, m]`.
    pub transpose_a: bool,
    /// Whether b is `[n, k]`.
    pub transpose_b: bool,
}

/// `op(a) op(b)`.
///
/// # Errors
/// [`Error::Shape`] where the axes that are summed differ.
pub fn matmul(g: &Builder, a: Value, b: Value, op: Matmul) -> Result<Value> {
    g.op1(op, &[a, b])
}

impl Matmul {
    /// `[m, k, n]`.
    fn extents(&self, a: &Type, b: &Type) -> Result<[usize; 3]> {
        let ([mut m, mut k], [mut kb, mut n]) = (a.matrix("matmul", "a")?, b.matrix("matmul", "b")?);
        if self.transpose_a {
            (m, k) = (k, m);
        }
        if self.transpose_b {
            (kb, n) = (n, kb);
        }
        if k == kb { Ok([m, k, n]) } else { Err(Error::shape("matmul", format!("{k} terms in b like in a"), b)) }
    }

    /// Whether the sum is over a batch.
    fn batched_terms(&self, a: &Type) -> bool {
        self.transpose_a && a.batched
    }
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
        let [m, _, n] = self.extents(a, b)?;
        if b.batched && !(self.transpose_a && a.batched && !self.transpose_b) {
            return Err(Error::shape("matmul", "a batch in b only where the terms are the batch of both", b));
        }
        Ok(vec![Type::f32([m, n]).batched(a.batched && !self.transpose_a)])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None, None]) };
        let (a, b) = (node.inputs[0], node.inputs[1]);
        let op = |transpose_a, transpose_b| Matmul { transpose_a, transpose_b };
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
        let [m, k, n] = self.extents(&args.types[0], &args.types[1])?;
        let terms = if self.batched_terms(&args.types[0]) { k.min(args.step.rows()) } else { k };
        let c = args.outputs[0].float_mut();
        for i in 0..m {
            for j in 0..n {
                let at_a = |t: usize| if self.transpose_a { t * m + i } else { i * k + t };
                let at_b = |t: usize| if self.transpose_b { j * k + t } else { t * n + j };
                c[i * n + j] = chunked_sum((0..terms).map(|t| a[at_a(t)] * b[at_b(t)]));
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let terms = self.extents(&case.types[0], &case.types[1]).map_or(0, |[_, k, _]| k);
        let magnitudes = case.magnitudes(self).unwrap_or_default();
        magnitudes.iter().map(|m: &Buffer<f64>| m.float().iter().map(|&m| sum_bar(terms, m)).collect()).collect()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [m, k, n] = self.extents(&site.inputs[0], &site.inputs[1])?;
        let groups = (m.div_ceil(32) * n.div_ceil(32)) as u64;
        let launches = term_ranges(k).into_iter().map(|range| {
            Launch::new(shader!("matmul.wgsl"))
                .flag("TRANSPOSE_A", self.transpose_a)
                .flag("TRANSPOSE_B", self.transpose_b)
                .flag("BATCHED_TERMS", self.batched_terms(&site.inputs[0]))
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
                .cost(groups, tile_trips(range.len()), (2 * m * n * range.len()) as u64)
        });
        Ok(vec![Variant { name: "default", launches: launches.collect() }])
    }
}

/// Iterations of an invocation that sums `terms` products of a tile, reads and writes included.
pub fn tile_trips(terms: usize) -> u64 {
    (terms + terms.div_ceil(crate::graph::CHUNK) + 32) as u64
}

/// Cases of awkward sizes in each extent, in every transposition, and sums on both sides of the bound on iterations.
pub fn cases() -> Vec<Case> {
    let ops = [(false, false), (false, true), (true, false), (true, true)];
    let sizes = EDGES.iter().flat_map(|&n| [[n, 5, 3], [3, n, 5], [5, 3, n]]);
    let sizes = sizes.chain([[33, 65, 31], [64, 256, 64], [1, 65_537, 2], [31, 32_769, 1]]);
    let mut cases = vec![];
    for [m, k, n] in sizes {
        for (transpose_a, transpose_b) in ops {
            let a = if transpose_a { [k, m] } else { [m, k] };
            let b = if transpose_b { [n, k] } else { [k, n] };
            cases.push(Case::new(Matmul { transpose_a, transpose_b }, [Type::f32(a), Type::f32(b)]));
        }
    }
    let tn = Matmul { transpose_a: true, transpose_b: false };
    for (rows, batch) in [(0, 4), (1, 1), (5, 8), (300, 512)] {
        let operand = |cols| Type::f32([batch, cols]).batched(true);
        cases.push(Case::new(tn, [operand(9), operand(33)]).rows(rows, batch));
    }
    cases
}
