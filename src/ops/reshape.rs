//! The same elements under another shape: no launch, the output lives where the input does.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, EDGES};
use crate::shape::{Shape, Type};

/// The op of `[batch, …]` as `[batch, row…]`: it shares the storage of its input and launches nothing.
#[derive(Clone, Debug)]
pub struct Reshape {
    /// The shape of a row.
    pub row: Shape,
}

/// `[batch, …]` as `[batch, features]`.
///
/// # Errors
/// [`Error::Shape`] for a scalar.
pub fn flatten(g: &Builder, x: Value) -> Result<Value> {
    let row = g.ty(x).shape.without_batch();
    if row.rank() == 1 { Ok(x) } else { g.op1(Reshape { row: Shape::from([row.len()]) }, &[x]) }
}

impl OpDef for Reshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("reshape", inputs)?;
        let Some(&batch) = x.shape.dims().first() else { return Err(Error::shape("reshape", "[batch, …]", x)) };
        let shape = self.row.with_batch(batch);
        if shape.len() != x.len() {
            return Err(Error::shape("reshape", format!("{} elements for {shape}", shape.len()), x));
        }
        Ok(vec![Type { shape, ..x.clone() }])
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![(0, 0)]
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let row = g.ty(node.inputs[0]).shape.without_batch();
        Ok(vec![dy[0].map(|dy| g.op1(Reshape { row }, &[dy])).transpose()?])
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

/// A case of each size.
pub fn cases() -> Vec<Case> {
    let op = |n: usize| Reshape { row: Shape::from([2 * n]) };
    EDGES.iter().map(|&n| Case::new(op(n), [Type::f32([3, n, 2])])).collect()
}
