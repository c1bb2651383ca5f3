//! The gradient of an operand that many products share.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Builder, CpuVariant, Float, Measure, Node, OpDef, Site, StepState, Tolerance, Value, Variant,
};
use crate::ops::arity;
use crate::ops::matmul::fast::variants;
use crate::ops::matmul::{Extents, Matmul, bars, matmul, matrices};
use crate::shape::Type;

/// The op `c[i, j] = Σ aᵣᵢ bᵣⱼ` over all axes r but the last: a `[…, m]`, b `[…, n]`, c `[m, n]`. Of a batch, the rows
/// that count.
///
/// Where a is `[…, k]` and b the gradient of `a w`, `[…, n]`, it gives the gradient of w, `[k, n]`.
#[derive(Clone, Copy, Debug)]
pub struct MatmulBackward;

/// It is the product of two long matrices, the first one transposed.
const TN: Matmul = Matmul { transpose_a: true, transpose_b: false };

impl MatmulBackward {
    /// The one product of all rows.
    fn extents(a: &Type, b: &Type) -> Result<Extents> {
        let ((front, [rows, m]), (front_b, [rows_b, n])) = (matrices("a", a)?, matrices("b", b)?);
        if (front, rows) != (front_b, rows_b) {
            return Err(Error::shape("matmul_backward", format!("the axes of {a} but for the last"), b));
        }
        Ok(Extents { products: 1, m, k: front.iter().product::<usize>() * rows, n, shared: false })
    }

    /// How many terms a row of a batch has.
    fn terms_per_row(a: &Type, b: &Type) -> Option<usize> {
        let terms = a.shape.dims().iter().rev().skip(1);
        (a.batched || b.batched).then(|| terms.take(a.shape.rank() - 2).product())
    }

    /// How many terms count.
    fn terms<F: Float>(step: &StepState<F>, a: &Type, b: &Type) -> Result<usize> {
        let all = Self::extents(a, b)?.k;
        Ok(Self::terms_per_row(a, b).map_or(all, |per_row| all.min(step.rows() * per_row)))
    }
}

impl OpDef for MatmulBackward {
    fn name(&self) -> &str {
        "matmul_backward"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [a, b] = arity("matmul_backward", inputs)?;
        let Extents { m, n, .. } = Self::extents(a, b)?;
        Ok(vec![Type::f32([m, n])])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None, None]) };
        let of = |x, transpose_b| matmul(g, x, dy, Matmul { transpose_a: false, transpose_b }).map(Some);
        Ok(vec![of(node.inputs[1], true)?, of(node.inputs[0], false)?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (a, b) = (&args.types[0], &args.types[1]);
        let (Extents { m, k, n, .. }, terms) = (Self::extents(a, b)?, Self::terms(args.step, a, b)?);
        let operands = (args.inputs.float(0), args.inputs.float(1), args.outputs[0].float_mut());
        TN.product(operands, [m, k, n], terms);
        Ok(())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        let Ok(e) = Self::extents(&site.inputs[0], &site.inputs[1]) else { return vec![] };
        variants(TN, e, Some(|step, types| Self::terms(step, &types[0], &types[1])))
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        bars(self, case, Self::terms(case.step, &case.types[0], &case.types[1]).unwrap_or(0))
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (a, b) = (&site.inputs[0], &site.inputs[1]);
        let launches = TN.launches(Self::extents(a, b)?, Self::terms_per_row(a, b));
        Ok(vec![Variant { name: "default", launches }])
    }
}
