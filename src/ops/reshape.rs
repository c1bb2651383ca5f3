//! The same elements under another shape: no launch, the output lives where the input does.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::shape::{Shape, Type};

/// The op that gives x another shape of as many elements, in either dtype: it shares the storage of x and launches
/// nothing. A batch stays axis 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// The shape, its axis 0 included.
    pub shape: Shape,
}

/// The elements of `x`, in their order, under another shape.
///
/// # Errors
/// [`Error::Shape`] where the elements are not as many, and where the extent of a batch changes: rows that count cannot
/// be counted along another axis.
pub fn reshape(g: &Builder, x: Value, shape: impl Into<Shape>) -> Result<Value> {
    let shape = shape.into();
    if g.ty(x).shape == shape { Ok(x) } else { g.op1(Reshape { shape }, &[x]) }
}

/// `[batch, …]` as `[batch, features]`.
///
/// # Errors
/// [`Error::Shape`] for a scalar.
pub fn flatten(g: &Builder, x: Value) -> Result<Value> {
    let shape = g.ty(x).shape;
    match shape.dims().first() {
        Some(&batch) => reshape(g, x, [batch, shape.without_batch().len()]),
        None => Err(Error::shape("flatten", "[batch, …]", g.ty(x))),
    }
}

impl OpDef for Reshape {
    fn name(&self) -> &str {
        "reshape"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("reshape", inputs)?;
        let shape = self.shape.clone();
        if x.batched && shape.dims().first() != x.shape.dims().first() {
            return Err(Error::shape("reshape", format!("a batch as axis 0 of {shape}"), x));
        }
        let len = shape.checked_len("reshape")?;
        if len != x.len() {
            return Err(Error::shape("reshape", format!("{len} elements for {shape}"), x));
        }
        Ok(vec![Type { shape, ..x.clone() }])
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![(0, 0)]
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| reshape(g, dy, g.ty(node.inputs[0]).shape)).transpose()?])
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

/// Cases that split axes and join them, with a batch and without.
pub fn cases() -> Vec<Case> {
    let case = |from: Type, to: &[usize]| Case::new(Reshape { shape: Shape::from(to) }, [from]);
    let edges = EDGES.iter().flat_map(|&n| {
        [
            case(Type::f32([3, n, 2]), &[3, 2 * n]),
            case(Type::f32([6, n]), &[2, n, 3]),
            case(Type::f32([n, 4]).batched(true), &[n, 2, 1, 2]).rows(n - n / 3, n),
        ]
    });
    let index = case(Type::u32([3, 4]), &[12]).domain(0, Domain::Index(1 << 30));
    let scalar = [case(Type::f32([]), &[1, 1]), case(Type::f32([1]), &[])];
    edges.chain([index]).chain(scalar).collect()
}
