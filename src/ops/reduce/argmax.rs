//! The place of the largest along an axis.

use crate::error::Result;
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant, shader};
use crate::ops::case::Case;
use crate::ops::reduce::layout::{Layout, reduced_from_some};
use crate::ops::reduce::shapes;
use crate::ops::squeeze::squeeze;
use crate::ops::{arity, float};
use crate::shape::{Dtype, Type};

/// The op that gives the first place at which x is largest along an axis: x f32, y u32 with an extent of 1 there.
///
/// NaN is larger than all, and -0 equals 0, as in numpy; 0 where no row of a batch counts. It has no gradient.
#[derive(Clone, Copy, Debug)]
pub struct Argmax {
    /// What is looked along.
    pub axis: usize,
}

/// The first place at which `x` is largest along `axis`, u32; the axis is dropped.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) for an axis that `x` does not have, or one of extent 0.
pub fn argmax(g: &Builder, x: Value, axis: usize) -> Result<Value> {
    let y = g.op1(Argmax { axis }, &[x])?;
    squeeze(g, y, &[axis])
}

impl OpDef for Argmax {
    fn name(&self) -> &str {
        "argmax"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("argmax", inputs)?;
        let ty = reduced_from_some("argmax", &float("argmax", "x", x)?, &[self.axis])?;
        Ok(vec![Type { dtype: Dtype::U32, ..ty }])
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![None])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let layout = Layout::new(&args.types[0], &[self.axis]);
        let (x, y) = (args.inputs.float(0), args.outputs[0].indices_mut());
        layout.each(args.step, |j, base, terms| {
            let mut best = 0;
            for (r, at) in terms.iter().enumerate() {
                let (new, old) = (x[base + at], x[base + terms[best]]);
                if new > old || (new.is_nan() && !old.is_nan()) {
                    best = r;
                }
            }
            y[j] = best as u32;
        });
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        Layout::new(&site.inputs[0], &[self.axis]).variants("argmax", &shader!("argmax.wgsl"), |launch| launch)
    }
}

/// Those of all reductions that have one axis.
pub fn cases() -> Vec<Case> {
    let case = |(ty, axes, (count, batch)): (Type, Vec<usize>, _)| match axes[..] {
        [axis] => Some(Case::new(Argmax { axis }, [ty]).rows(count, batch)),
        _ => None,
    };
    let mut cases: Vec<Case> = shapes().into_iter().filter_map(case).collect();
    cases.push(Case::new(Argmax { axis: 1 }, [Type::f32([65_537, 9])]).brief()); // workgroups of a result each
    cases
}
