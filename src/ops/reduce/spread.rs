//! One value for many: stretching to a shape, and the gradient of a mean.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, Float, Measure, Node, OpDef, Param, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::case::Case;
use crate::ops::reduce::layout::{Layout, reduced};
use crate::ops::reduce::{shapes, sum_to};
use crate::ops::walk::along;
use crate::ops::{arity, elementwise, same};
use crate::shape::{Shape, Type, Walk, broadcast};

/// The op `y = x`, stretched to a shape by numpy's rule; f32 or u32.
#[derive(Clone, Debug)]
pub struct BroadcastTo {
    /// That of y.
    pub shape: Shape,
    /// Whether axis 0 of y is the batch; it is where that of x is.
    pub batched: bool,
}

/// `x` stretched to `shape` by numpy's rule; f32 or u32.
///
/// # Errors
/// [`Error::Shape`] where it does not stretch to it, or where a batch would not stay axis 0.
pub fn broadcast_to(g: &Builder, x: Value, shape: impl Into<Shape>) -> Result<Value> {
    let shape = shape.into();
    if g.ty(x).shape == shape { Ok(x) } else { g.op1(BroadcastTo { shape, batched: false }, &[x]) }
}

impl OpDef for BroadcastTo {
    fn name(&self) -> &str {
        "broadcast_to"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("broadcast_to", inputs)?;
        let shape = &self.shape;
        if broadcast("broadcast_to", &[&x.shape, shape]).ok().as_ref() != Some(shape) {
            return Err(Error::shape("broadcast_to", format!("a shape that stretches to {shape}"), x));
        }
        if x.batched && (x.shape.rank(), x.shape.dims().first()) != (shape.rank(), shape.dims().first()) {
            return Err(Error::shape("broadcast_to", format!("a batch that is axis 0 of {shape}"), x));
        }
        Ok(vec![Type { shape: shape.clone(), dtype: x.dtype, batched: x.batched || self.batched }])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| sum_to(g, dy, &g.ty(node.inputs[0]).shape)).transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let walk = Walk::stretched(&self.shape, [&args.types[0].shape]);
        match &mut args.outputs[0] {
            Buffer::Float(y) => y.iter_mut().zip(walk.offsets()).for_each(|(y, [at])| *y = args.inputs.float(0)[at]),
            Buffer::Index(y) => y.iter_mut().zip(walk.offsets()).for_each(|(y, [at])| *y = args.inputs.indices(0)[at]),
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let walk = Walk::stretched(&self.shape, [&site.inputs[0].shape]);
        let launch = along("broadcast_to", elementwise(shader!("broadcast_to.wgsl"), self.shape.len()), &walk)?;
        Ok(Variant::only(launch.input(0).output(0)))
    }
}

/// The op `dx = dy / n`, stretched to the shape of the mean's input; n is the number of terms of the mean: over a batch,
/// those of the rows that count.
#[derive(Clone, Debug)]
pub struct MeanBackward {
    /// The type of the mean's input.
    pub ty: Type,
    /// What the mean is over.
    pub axes: Vec<usize>,
}

impl OpDef for MeanBackward {
    fn name(&self) -> &str {
        "mean_backward"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy] = arity("mean_backward", inputs)?;
        same("mean_backward", "dy", dy, &reduced("mean_backward", &self.ty, &self.axes)?)?;
        Ok(vec![self.ty.clone()])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let n = F::of(Layout::new(&self.ty, &self.axes).counting(args.step).max(1) as f64);
        let (dy, walk) = (args.inputs.float(0), Walk::stretched(&self.ty.shape, [&args.types[0].shape]));
        for (dx, [at]) in args.outputs[0].float_mut().iter_mut().zip(walk.offsets()) {
            *dx = dy[at] / n;
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Ulps(1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![case.ulps(0, 1.0)]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let layout = Layout::new(&self.ty, &self.axes);
        let walk = Walk::stretched(&self.ty.shape, [&site.inputs[0].shape]);
        let launch = along("mean_backward", elementwise(shader!("mean_backward.wgsl"), self.ty.len()), &walk)?
            .size("terms", layout.count)
            .size("per_row", layout.per_row.unwrap_or(0))
            .param("step_width", Param::StepWidth)
            .size("padding2", 0)
            .flag("BATCHED", layout.per_row.is_some());
        Ok(Variant::only(launch.input(0).bind(Bind::Step).output(0)))
    }
}

/// Cases of the shapes of all reductions; of indices; and a batch that the gradient of a sum over it makes.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (ty, axes, (count, batch)) in shapes() {
        let Ok(dy) = reduced("sum", &ty, &axes) else { continue };
        let to = BroadcastTo { shape: ty.shape.clone(), batched: ty.batched };
        cases.push(Case::new(to, [dy.clone()]).rows(count, batch));
        if !axes.iter().any(|&axis| ty.shape.dims()[axis] == 0) {
            cases.push(Case::new(MeanBackward { ty, axes }, [dy]).rows(count, batch));
        }
    }
    let to = |shape: &[usize]| BroadcastTo { shape: shape.into(), batched: false };
    cases.push(Case::new(to(&[2, 3, 4, 5]), [Type::f32([4, 1])]));
    cases.push(Case::new(to(&[33, 5]), [Type::u32([5])]).domain(0, crate::ops::case::Domain::Index(9)));
    cases.push(Case::new(to(&[65_537, 65]), [Type::f32([65])]).brief());
    cases
}
