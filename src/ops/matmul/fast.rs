//! Products on the CPU in f32.

use crate::error::Result;
use crate::graph::{Args, CpuKernel, CpuVariant, StepState, Team};
use crate::ops::matmul::{Extents, Matmul};
use crate::shape::Type;
use crate::simd::{Level, Matrix, Product};

/// How many terms count, where that is not all of them.
pub(super) type Terms = fn(&StepState<f32>, &[Type]) -> Result<usize>;

/// The kernels of the products `e`.
pub(super) fn variants(op: Matmul, e: Extents, terms: Option<Terms>) -> Vec<CpuVariant> {
    let kernel = |level| Box::new(Fast { op, e: op.joined(e), level, terms });
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

#[derive(Debug)]
struct Fast {
    op: Matmul,
    e: Extents,
    level: Level,
    terms: Option<Terms>,
}

impl CpuKernel for Fast {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        let (Extents { products, m, k, n, shared }, level) = (self.e, self.level);
        let terms = self.terms.map_or(Ok(k), |terms| terms(args.step, args.types))?;
        let (a, b, c) = (args.inputs.float(0), args.inputs.float(1), args.outputs[0].float_mut());
        let matrix = |data, [rows, cols]: [usize; 2], turned| match turned {
            false => Matrix::new(data, cols),
            true => Matrix::new(data, rows).transposed(),
        };
        for p in 0..products {
            let first = if shared { 0 } else { p * k * n };
            let a = matrix(&a[p * m * k..(p + 1) * m * k], [m, k], self.op.transpose_a);
            let b = matrix(&b[first..first + k * n], [k, n], self.op.transpose_b);
            let product = Product { level, a, b, extents: [m, terms, n], bias: None };
            product.run(&mut c[p * m * n..(p + 1) * m * n], team, &|_, _| {});
        }
        Ok(())
    }
}
