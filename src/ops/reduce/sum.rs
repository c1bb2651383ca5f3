//! Sums and means over axes.

use crate::error::Result;
use crate::graph::{
    Args, Builder, Float, Measure, Node, OpDef, Site, TINY, Tolerance, Value, Variant, chunked_sum, shader, sum_bar,
};
use crate::ops::reduce::layout::{Layout, reduced, reduced_from_some};
use crate::ops::reduce::spread::{BroadcastTo, MeanBackward};
use crate::ops::{arity, float};
use crate::shape::Type;

/// The op `y = Σ x` over axes, or the mean: x f32, y of the same rank with an extent of 1 at the axes.
#[derive(Clone, Debug)]
pub struct Sum {
    /// What is summed over.
    pub axes: Vec<usize>,
    /// Whether the sum is divided by the number of its terms: of a batch, those of the rows that count.
    pub mean: bool,
}

impl OpDef for Sum {
    fn name(&self) -> &str {
        if self.mean { "mean" } else { "sum" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity(self.name(), inputs)?;
        let x = float(self.name(), "x", x)?;
        let rule = if self.mean { reduced_from_some } else { reduced };
        Ok(vec![rule(self.name(), &x, &self.axes)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let x = g.ty(node.inputs[0]);
        let dx = dy[0].map(|dy| match self.mean {
            true => g.op1(MeanBackward { ty: x, axes: self.axes.clone() }, &[dy]),
            false => g.op1(BroadcastTo { shape: x.shape, batched: x.batched }, &[dy]),
        });
        Ok(vec![dx.transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let layout = Layout::new(&args.types[0], &self.axes);
        let (x, y) = (args.inputs.float(0), args.outputs[0].float_mut());
        layout.each(args.step, |j, base, terms| {
            let total = chunked_sum(terms.iter().map(|at| x[base + at]));
            y[j] = if self.mean { total / F::of(terms.len().max(1) as f64) } else { total };
        });
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let terms = Layout::new(&case.types[0], &self.axes).counting(case.step);
        let n = if self.mean { terms.max(1) as f64 } else { 1.0 };
        let magnitudes = case.magnitudes(self).unwrap_or_default();
        let bar = |&m: &f64| sum_bar(terms, n * m) / n + TINY;
        magnitudes.iter().map(|output| output.float().iter().map(bar).collect()).collect()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let layout = Layout::new(&site.inputs[0], &self.axes);
        layout.variants(self.name(), &shader!("sum.wgsl"), |launch| launch.flag("MEAN", self.mean))
    }
}
