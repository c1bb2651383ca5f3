//! The gradients of the operands of an elementwise function, before they are summed to the operands' shapes.

use std::marker::PhantomData;

use crate::error::Result;
use crate::graph::{
    Args, CpuVariant, Float, Measure, OpDef, Pointwise, Site, TINY, Tolerance, Variant, call_of, is_foreign, shader,
    ulp,
};
use crate::ops::binary::slices::kernels;
use crate::ops::binary::{BinaryDef, call, launch, source, stretched, variants};
use crate::ops::chain::Chain;
use crate::ops::{arity, same};
use crate::shape::{Type, Walk};

/// The op `(da, db) = df(dy, a, b)`: dy, da and db of the shape that a and b stretch to.
#[derive(Clone, Debug)]
pub struct BinaryBackward<B> {
    name: String,
    row: PhantomData<B>,
}

impl<B: BinaryDef> BinaryBackward<B> {
    /// That of a row.
    pub fn new() -> Self {
        Self { name: format!("{}_backward", B::NAME), row: PhantomData }
    }
}

impl<B: BinaryDef> Default for BinaryBackward<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: BinaryDef> OpDef for BinaryBackward<B> {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_own(&self) -> bool {
        is_foreign::<B>()
    }

    fn pointwise(&self) -> Option<Pointwise> {
        let call = call_of(&format!("{}_df", B::NAME), &["$0", "$1", "$2"], &[]);
        Some(Pointwise::new(source::<B>(), [format!("{call}.x"), format!("{call}.y")]))
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy, a, b] = arity(&self.name, inputs)?;
        let c = stretched(&self.name, &[a, b])?;
        same(&self.name, "dy", dy, &c)?;
        Ok(vec![c.clone(), c])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [dy, a, b] = [0, 1, 2].map(|i| args.inputs.float(i));
        let walk = Walk::stretched(&args.types[0].shape, [&args.types[1].shape, &args.types[2].shape]);
        for (i, [at_a, at_b]) in walk.offsets().enumerate() {
            let gradients = B::df(dy[i], a[at_a], b[at_b]);
            for (output, gradient) in args.outputs.iter_mut().zip(gradients) {
                if let Some(place) = output.float_mut().get_mut(i) {
                    *place = gradient;
                }
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::of_ulps(B::ULPS[1])
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        if B::ULPS[1] == 0.0 {
            return case.equal();
        }
        let bar = |(&want, &dy): (&f64, &f64)| B::ULPS[1] * ulp(want) + TINY * (1.0 + B::STEEPEST * dy.abs());
        let dy = case.inputs.float(0);
        case.outputs.iter().map(|output| output.float().iter().zip(dy).map(bar).collect()).collect()
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        match site.inputs.iter().all(|ty| ty.shape == site.outputs[0].shape) {
            true => kernels::<B>(true),
            false => crate::graph::Op::cpu_variants(&Chain::of(self.clone(), 3), site),
        }
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (c, operands) = (&site.outputs[0], [&site.inputs[1], &site.inputs[2]]);
        variants(c, operands, |same| {
            let launch = launch(&self.name, shader!("binary_backward.wgsl"), c, operands, same)?
                .source(source::<B>())
                .flag("WRITE_A", site.used[0])
                .flag("WRITE_B", site.used[1])
                .constant("df", call::<B>("(dy: f32, a: f32, b: f32) -> vec2<f32>"));
            Ok((0..3).fold(launch, |launch, i| launch.input(i)).output(0).output(1))
        })
    }
}
