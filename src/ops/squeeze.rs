//! Axes of extent 1, dropped and added: no launch, the output lives where the input does.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::shape::{Shape, Type};

/// The op that drops axes of extent 1; f32 or u32.
#[derive(Clone, Debug)]
pub struct Squeeze {
    /// Axes of the input.
    pub axes: Vec<usize>,
}

/// The op that adds axes of extent 1; f32 or u32.
#[derive(Clone, Debug)]
pub struct ExpandDims {
    /// Axes of the output.
    pub axes: Vec<usize>,
}

/// `x` without `axes`, whose extents are 1.
///
/// # Errors
/// [`Error::Shape`] for an axis that `x` does not have, of another extent, named twice, or the batch.
pub fn squeeze(g: &Builder, x: Value, axes: &[usize]) -> Result<Value> {
    if axes.is_empty() { Ok(x) } else { g.op1(Squeeze { axes: axes.to_vec() }, &[x]) }
}

/// `x` with further axes of extent 1, which are `axes` of the result.
///
/// # Errors
/// [`Error::Shape`] for an axis that the result does not have, one named twice, or one in front of a batch.
pub fn expand_dims(g: &Builder, x: Value, axes: &[usize]) -> Result<Value> {
    if axes.is_empty() { Ok(x) } else { g.op1(ExpandDims { axes: axes.to_vec() }, &[x]) }
}

/// Whether each of `axes` is below `rank`, none twice, and none a batch.
fn fits(axes: &[usize], rank: usize, batched: bool) -> bool {
    axes.iter().enumerate().all(|(i, axis)| *axis < rank && !axes[..i].contains(axis) && (*axis > 0 || !batched))
}

impl OpDef for Squeeze {
    fn name(&self) -> &str {
        "squeeze"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("squeeze", inputs)?;
        let (axes, dims) = (&self.axes, x.shape.dims());
        if !fits(axes, dims.len(), x.batched) || axes.iter().any(|&axis| dims[axis] != 1) {
            return Err(Error::shape("squeeze", format!("extents of 1, not of a batch, at the axes {axes:?}"), x));
        }
        let kept = dims.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &d)| d);
        Ok(vec![Type { shape: kept.collect::<Vec<_>>().into(), ..x.clone() }])
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![(0, 0)]
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| expand_dims(g, dy, &self.axes)).transpose()?])
    }

    fn cpu<F: Float>(&self, _: Args<'_, F>) -> Result<()> {
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, _: &Site<'_>) -> Result<Vec<Variant>> {
        Ok(vec![Variant { name: "default", launches: vec![] }])
    }
}

impl OpDef for ExpandDims {
    fn name(&self) -> &str {
        "expand_dims"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("expand_dims", inputs)?;
        let (axes, rank) = (&self.axes, x.shape.rank() + self.axes.len());
        if !fits(axes, rank, x.batched) {
            return Err(Error::shape("expand_dims", format!("an input that takes the axes {axes:?}"), x));
        }
        let mut dims = x.shape.dims().iter();
        let all = (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { dims.next().copied().unwrap_or(1) });
        Ok(vec![Type { shape: Shape::from(all.collect::<Vec<_>>()), ..x.clone() }])
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![(0, 0)]
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| squeeze(g, dy, &self.axes)).transpose()?])
    }

    fn cpu<F: Float>(&self, _: Args<'_, F>) -> Result<()> {
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, _: &Site<'_>) -> Result<Vec<Variant>> {
        Ok(vec![Variant { name: "default", launches: vec![] }])
    }
}

/// Cases of each size, a batch, and indices.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for &n in EDGES {
        cases.push(Case::new(Squeeze { axes: vec![2, 0] }, [Type::f32([1, n, 1, 2])]));
        cases.push(Case::new(ExpandDims { axes: vec![0, 3] }, [Type::f32([n, 2])]));
    }
    cases.push(Case::new(Squeeze { axes: vec![1] }, [Type::f32([5, 1]).batched(true)]).rows(3, 5));
    cases.push(Case::new(ExpandDims { axes: vec![2] }, [Type::f32([5, 2]).batched(true)]).rows(3, 5));
    cases.push(Case::new(Squeeze { axes: vec![0] }, [Type::u32([1, 7])]).domain(0, Domain::Index(5)));
    cases.push(Case::new(ExpandDims { axes: vec![1] }, [Type::u32([7])]).domain(0, Domain::Index(5)));
    cases
}
