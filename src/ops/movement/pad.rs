//! `y[c] = x[c - before]`, and a constant around it.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::movement::copy::{Axis, Copy};
use crate::ops::movement::slice::{first, slice};
use crate::ops::movement::{batch_stays, put, strides, walk};
use crate::shape::{Dtype, Shape, Type};

/// The op that puts `before` and `after` elements of `value` around x along each axis, in either dtype. A batch has
/// none along axis 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Pad {
    /// Elements in front of x along each axis.
    pub before: Vec<usize>,
    /// Elements behind x along each axis.
    pub after: Vec<usize>,
    /// What they are; of dtype u32, a whole number.
    pub value: f32,
}

/// `x` with `before` and `after` elements of `value` around it along each axis: `[before + extent + after, …]`.
/// Source: numpy's `pad` with a constant.
///
/// # Errors
/// [`Error::Shape`] where these are not one per axis, and along a batch; [`Error::Argument`] for a value that x' dtype
/// does not have.
pub fn pad(g: &Builder, x: Value, before: &[usize], after: &[usize], value: f32) -> Result<Value> {
    let rank = g.ty(x).shape.rank();
    if before.len() == rank && after.len() == rank && before.iter().chain(after).all(|&n| n == 0) {
        return Ok(x);
    }
    g.op1(Pad { before: before.to_vec(), after: after.to_vec(), value }, &[x])
}

impl Pad {
    fn dims(&self, x: &Type) -> Vec<usize> {
        let around = self.before.iter().zip(&self.after);
        x.shape.dims().iter().zip(around).map(|(extent, (before, after))| before + extent + after).collect()
    }

    /// The whole number that `value` is; 0 where it is none.
    fn index(&self) -> u32 {
        self.value as u32
    }
}

impl OpDef for Pad {
    fn name(&self) -> &str {
        "pad"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("pad", inputs)?;
        let (rank, Self { before, after, value }) = (x.shape.rank(), self);
        if before.len() != rank || after.len() != rank {
            let expected = format!("an axis for each of {before:?} and {after:?}");
            return Err(Error::shape("pad", expected, x));
        }
        if x.dtype == Dtype::U32 && f64::from(self.index()) != f64::from(*value) {
            return Err(Error::argument("value of pad", "a whole number below 2^32, as x is u32", value));
        }
        batch_stays("pad", x, before.first() == Some(&0) && after.first() == Some(&0))?;
        let fits = before.iter().chain(after).all(|&n| n <= 1 << 40);
        let dims = if fits { self.dims(x) } else { vec![usize::MAX] };
        Ok(vec![Type { shape: Shape::from(dims), ..x.clone() }])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let x = g.ty(node.inputs[0]).shape;
        let end: Vec<usize> = self.before.iter().zip(x.dims()).map(|(before, extent)| before + extent).collect();
        Ok(vec![dy[0].map(|dy| slice(g, dy, &self.before, &end)).transpose()?])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let x = &args.types[0];
        let steps = strides(&self.dims(x));
        let (walk, first) = (walk(x.shape.dims(), &steps), first(&self.before, &steps));
        args.outputs[0].float_mut().fill(F::of(f64::from(self.value)));
        args.outputs[0].indices_mut().fill(self.index());
        put(&mut args, 0, |at| first + walk(at));
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let x = &site.inputs[0];
        let dims = self.dims(x);
        let (from, to) = (strides(x.shape.dims()), strides(&dims));
        let axis =
            |i: usize| Axis { before: self.before[i], inside: x.shape.dims()[i], ..Axis::new(dims[i], from[i], to[i]) };
        let fill = if x.dtype == Dtype::U32 { self.index() } else { self.value.to_bits() };
        let copy = Copy { fill, ..Copy::new((0..dims.len()).map(axis).collect()) };
        Ok(Variant::only(copy.launch("pad", 0, 0)?))
    }
}

/// Cases with nothing, little and much around awkward sizes, of several constants.
pub fn cases() -> Vec<Case> {
    let case = |ty: Type, before: &[usize], after: &[usize], value: f32| {
        Case::new(Pad { before: before.to_vec(), after: after.to_vec(), value }, [ty])
    };
    let edges = EDGES.iter().flat_map(|&n| {
        [
            case(Type::f32([n]), &[1], &[2], 0.0),
            case(Type::f32([3, n]), &[0, n % 5], &[2, 1], -1.5),
            case(Type::f32([2, n, 3]), &[1, 0, 2], &[0, 3, 0], 10.0),
        ]
    });
    let others = [
        case(Type::f32([3, 0]), &[1, 2], &[0, 1], 7.0), // nothing but the constant
        case(Type::f32([2, 1, 4, 3]), &[0, 1, 1, 0], &[0, 2, 1, 0], 0.0),
        // Too large for differences, which such constants have none of.
        case(Type::f32([3, 84, 83]), &[0, 1, 1], &[0, 1, 1], f32::NEG_INFINITY),
        case(Type::f32([3, 84, 84]), &[0, 1, 1], &[0, 1, 1], f32::NAN),
        case(Type::f32([5, 3, 4]).batched(true), &[0, 1, 0], &[0, 0, 3], 0.0).rows(3, 5),
        case(Type::u32([9, 31]), &[1, 1], &[1, 1], 12_345.0).domain(0, Domain::Index(1 << 30)),
    ];
    edges.chain(others).collect()
}
