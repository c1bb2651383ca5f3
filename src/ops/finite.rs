//! A look at gradients that no other op has looked at, before an optimizer takes them.

use crate::error::Result;
use crate::graph::{Args, Bind, Builder, Float, Measure, OpDef, Site, Tolerance, Value, Variant, shader};
use crate::ops::case::{Case, EDGES};
use crate::ops::{arity, elementwise, float};
use crate::shape::Type;

/// The op `y = x` that sets the flag where x is not finite, or from 2⁶³ on in magnitude.
///
/// It copies: y lies among the gradients that an optimizer goes over, and what x is made of may lie there too, which no
/// launch may both read and write.
#[derive(Clone, Copy, Debug)]
pub struct CheckFinite;

/// The gradient, looked at: itself where the op that gives it does so already, as `dense_backward` does.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) for a value of another dtype than f32.
pub fn check_finite(g: &Builder, gradient: Value) -> Result<Value> {
    match g.producer(gradient) {
        Some(node) if node.op.checks_finite() => Ok(gradient),
        _ => g.op1(CheckFinite, &[gradient]),
    }
}

impl OpDef for CheckFinite {
    fn name(&self) -> &str {
        "check_finite"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("check_finite", inputs)?;
        Ok(vec![float("check_finite", "x", x)?])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let x = args.inputs.float(0);
        x.iter().for_each(|&x| args.step.flag_gradient(x));
        args.outputs[0].float_mut().iter_mut().zip(x).for_each(|(y, &x)| *y = x);
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = elementwise(shader!("check_finite.wgsl"), site.outputs[0].len());
        Ok(Variant::only(launch.input(0).output(0).bind(Bind::FlagWrite)))
    }
}

/// A case of each size.
pub fn cases() -> Vec<Case> {
    EDGES.iter().map(|&n| Case::new(CheckFinite, [Type::f32([n])])).collect()
}
