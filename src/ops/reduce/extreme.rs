//! The largest and the smallest over axes.

use crate::error::Result;
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant, shader};
use crate::ops::binary::{BinaryDef, Maximum, Minimum, divide, equal, multiply};
use crate::ops::reduce::layout::{Layout, reduced_from_some};
use crate::ops::reduce::sum;
use crate::ops::{arity, float};
use crate::shape::Type;

/// The op `y = max x` over axes, or the smallest: x f32, y of the same rank with an extent of 1 at the axes.
///
/// NaN where one is; 0 is above -0; where no row of a batch counts, the lowest finite f32, or the highest.
#[derive(Clone, Debug)]
pub struct Extreme {
    /// What is reduced.
    pub axes: Vec<usize>,
    /// Whether the smallest is wanted.
    pub smallest: bool,
}

impl OpDef for Extreme {
    fn name(&self) -> &str {
        if self.smallest { "min" } else { "max" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity(self.name(), inputs)?;
        Ok(vec![reduced_from_some(self.name(), &float(self.name(), "x", x)?, &self.axes)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None]) };
        let chosen = equal(g, node.inputs[0], node.outputs[0])?;
        let share = divide(g, dy, sum(g, chosen, &self.axes, true)?)?;
        Ok(vec![Some(multiply(g, chosen, share)?)])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let layout = Layout::new(&args.types[0], &self.axes);
        let (x, y) = (args.inputs.float(0), args.outputs[0].float_mut());
        let (of, nothing): (fn(F, F) -> F, f32) =
            if self.smallest { (Minimum::f, f32::MAX) } else { (Maximum::f, f32::MIN) };
        layout.each(args.step, |j, base, terms| {
            let found = terms.iter().map(|at| x[base + at]).reduce(of);
            y[j] = found.unwrap_or(F::of(nothing.into()));
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
        let layout = Layout::new(&site.inputs[0], &self.axes);
        layout.variants(self.name(), &shader!("extreme.wgsl"), |launch| launch.flag("SMALLEST", self.smallest))
    }
}
