//! `y[c] = x[c + begin]`: a box out of a tensor.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::movement::copy::{Axis, Copy};
use crate::ops::movement::pad::pad;
use crate::ops::movement::{batch_stays, fetch, strides, walk};
use crate::shape::{Shape, Type};

/// The op that takes `begin <= c < end` along each axis, in either dtype. Of a batch it takes all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first element along each axis.
    pub begin: Vec<usize>,
    /// The end along each axis.
    pub end: Vec<usize>,
}

/// The elements `begin <= c < end` of `x` along each axis, in either dtype: `[end - begin, …]`.
///
/// # Errors
/// [`Error::Shape`] where there are none such, and for a part of a batch.
pub fn slice(g: &Builder, x: Value, begin: &[usize], end: &[usize]) -> Result<Value> {
    let ty = g.ty(x);
    let all = begin.iter().all(|&b| b == 0) && end == ty.shape.dims() && begin.len() == end.len();
    if all { Ok(x) } else { g.op1(Slice { begin: begin.to_vec(), end: end.to_vec() }, &[x]) }
}

/// What says which element of x an element of a slice of `dims` is that begins at `begin`.
pub(super) fn source(x: &Type, begin: &[usize], dims: &[usize]) -> impl Fn(usize) -> usize + use<> {
    let steps = strides(x.shape.dims());
    let (walk, first) = (walk(dims, &steps), first(begin, &steps));
    move |at| first + walk(at)
}

/// The element at `begin`.
pub(super) fn first(begin: &[usize], steps: &[usize]) -> usize {
    begin.iter().zip(steps).map(|(begin, step)| begin * step).sum()
}

/// What copies a slice of `dims` that begins at `begin`.
pub(super) fn copy(x: &Type, begin: &[usize], dims: &[usize]) -> Copy {
    let (from, to) = (strides(x.shape.dims()), strides(dims));
    let axes = (0..dims.len()).map(|i| Axis::new(dims[i], from[i], to[i])).collect();
    Copy { from: first(begin, &from), ..Copy::new(axes) }
}

impl Slice {
    fn dims(&self) -> Vec<usize> {
        self.begin.iter().zip(&self.end).map(|(begin, end)| end - begin).collect()
    }
}

impl OpDef for Slice {
    fn name(&self) -> &str {
        "slice"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("slice", inputs)?;
        let (dims, Self { begin, end }) = (x.shape.dims(), self);
        let inside = begin.iter().zip(end).zip(dims).all(|((begin, end), extent)| begin <= end && end <= extent);
        if begin.len() != dims.len() || end.len() != dims.len() || !inside {
            return Err(Error::shape("slice", format!("{begin:?} to {end:?} inside of x"), x));
        }
        batch_stays("slice", x, begin.first() == Some(&0) && end.first() == dims.first())?;
        Ok(vec![Type { shape: Shape::from(self.dims()), ..x.clone() }])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let x = g.ty(node.inputs[0]).shape;
        let after: Vec<usize> = x.dims().iter().zip(&self.end).map(|(extent, end)| extent - end).collect();
        Ok(vec![dy[0].map(|dy| pad(g, dy, &self.begin, &after, 0.0)).transpose()?])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let source = source(&args.types[0], &self.begin, &self.dims());
        fetch(&mut args, (0, 0), source);
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        Ok(Variant::only(copy(&site.inputs[0], &self.begin, &self.dims()).launch("slice", 0, 0)?))
    }
}

/// Cases that take the begin, the middle, the end, all and nothing along the axes.
pub fn cases() -> Vec<Case> {
    let case =
        |ty: Type, begin: &[usize], end: &[usize]| Case::new(Slice { begin: begin.to_vec(), end: end.to_vec() }, [ty]);
    let edges = EDGES.iter().flat_map(|&n| {
        let middle = [n / 3, n - n / 4];
        [
            case(Type::f32([n]), &middle[..1], &middle[1..]),
            case(Type::f32([3, n]), &[1, 0], &[3, n]),
            case(Type::f32([2, n, 3]), &[0, middle[0], 1], &[2, middle[1], 2]),
        ]
    });
    let others = [
        case(Type::f32([4, 5]), &[2, 5], &[4, 5]), // nothing
        case(Type::f32([2, 3, 4, 5, 2]), &[1, 0, 1, 2, 0], &[2, 3, 3, 5, 1]),
        case(Type::f32([5, 3, 4]).batched(true), &[0, 1, 0], &[5, 3, 3]).rows(3, 5),
        case(Type::u32([9, 40]), &[2, 7], &[9, 39]).domain(0, Domain::Index(1 << 30)),
    ];
    edges.chain(others).collect()
}
