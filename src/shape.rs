//! Shapes, dtypes and the type of a value. Sizes are checked in u64, so that a product never wraps.

use std::fmt;

use crate::error::{Error, Result};

/// The extents of a tensor, outermost first; row-major, without strides of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// Extents, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.0
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements. A shape in a [`Type`] or a tensor has been checked to fit.
    pub fn len(&self) -> usize {
        self.0.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.contains(&0)
    }

    /// The number of elements, or an error that names `what` where it passes 2^40 (4 TiB of f32).
    pub fn checked_len(&self, what: &str) -> Result<usize> {
        const MOST: u64 = 1 << 40;
        let len = self.0.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64)).filter(|&n| n <= MOST);
        len.and_then(|n| usize::try_from(n).ok())
            .ok_or_else(|| Error::shape(what, format!("at most {MOST} elements"), self))
    }

    /// The extents after axis 0.
    pub fn without_batch(&self) -> Shape {
        Shape(self.0.iter().skip(1).copied().collect())
    }

    /// How far apart the elements along each axis are.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The same extents behind a new axis 0.
    pub fn with_batch(&self, rows: usize) -> Shape {
        Shape(std::iter::once(rows).chain(self.0.iter().copied()).collect())
    }
}

/// The shape that operands stretch to: numpy's rule.
///
/// Axes are matched from the last one on; extents are equal, or one of them is 1 and stretched; axes that an operand
/// lacks in front are stretched too.
///
/// # Errors
/// [`Error::Shape`] in the name of `op`, with the shapes.
pub fn broadcast(op: &str, operands: &[&Shape]) -> Result<Shape> {
    let rank = operands.iter().map(|shape| shape.rank()).max().unwrap_or(0);
    let mut dims = vec![1; rank];
    for shape in operands {
        for (d, &extent) in dims[rank - shape.rank()..].iter_mut().zip(shape.dims()) {
            match (*d, extent) {
                (_, 1) => {}
                (1, _) => *d = extent,
                (d, extent) if d == extent => {}
                _ => {
                    let got: Vec<String> = operands.iter().map(ToString::to_string).collect();
                    return Err(Error::shape(
                        op,
                        "extents that are equal or 1, from the last one on",
                        got.join(" and "),
                    ));
                }
            }
        }
    }
    Ok(Shape(dims))
}

/// The same for types: the result is batched where an operand is whose axis 0 is the result's.
///
/// # Errors
/// [`Error::Shape`] also for a batch that would not be axis 0 of the result, or would be stretched.
pub fn broadcast_types(op: &str, operands: &[&Type]) -> Result<Type> {
    let shape = broadcast(op, &operands.iter().map(|ty| &ty.shape).collect::<Vec<_>>())?;
    for ty in operands.iter().filter(|ty| ty.batched) {
        if (ty.shape.rank(), ty.shape.dims().first()) != (shape.rank(), shape.dims().first()) {
            return Err(Error::shape(op, format!("a batch that is axis 0 of the result {shape}"), ty));
        }
    }
    Ok(Type::f32(shape).batched(operands.iter().any(|ty| ty.batched)))
}

/// How operands are read while the elements of a shape are visited in order: few axes, those that can be are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk<const N: usize> {
    /// Extents, outermost first, and how far each operand moves along each.
    pub axes: Vec<(usize, [usize; N])>,
}

impl<const N: usize> Walk<N> {
    /// Along axes of these extents and strides: those of extent 1 are dropped, and neighbours that all operands walk
    /// through as if they were one are merged.
    pub fn new(axes: impl IntoIterator<Item = (usize, [usize; N])>) -> Self {
        let mut merged: Vec<(usize, [usize; N])> = vec![];
        for (extent, strides) in axes.into_iter().filter(|(extent, _)| *extent != 1) {
            match merged.last_mut() {
                Some((outer, far)) if (0..N).all(|i| far[i] == strides[i] * extent) => {
                    (*outer, *far) = (*outer * extent, strides);
                }
                _ => merged.push((extent, strides)),
            }
        }
        Self { axes: merged }
    }

    /// Through operands that stretch to `shape`.
    pub fn stretched(shape: &Shape, operands: [&Shape; N]) -> Self {
        let strides = operands.map(|operand| {
            let missing = shape.rank() - operand.rank().min(shape.rank());
            let own = operand.dims().iter().zip(operand.strides()).map(|(&d, stride)| if d == 1 { 0 } else { stride });
            std::iter::repeat_n(0, missing).chain(own).collect::<Vec<usize>>()
        });
        let along = |axis: usize| strides.each_ref().map(|operand| operand[axis]);
        Self::new(shape.dims().iter().enumerate().map(|(axis, &extent)| (extent, along(axis))))
    }

    /// Where each operand is read, element by element.
    pub fn offsets(&self) -> impl Iterator<Item = [usize; N]> + use<N> {
        let (axes, mut index, mut at) = (self.axes.clone(), vec![0; self.axes.len()], [0; N]);
        let len: usize = axes.iter().map(|(extent, _)| extent).product();
        (0..len).map(move |_| {
            let here = at;
            for ((extent, strides), i) in axes.iter().zip(&mut index).rev() {
                *i += 1;
                (0..N).for_each(|n| at[n] += strides[n]);
                if *i < *extent {
                    break;
                }
                *i = 0;
                (0..N).for_each(|n| at[n] -= strides[n] * extent);
            }
            here
        })
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self(dims.to_vec())
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Self {
        Self(dims)
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self(dims.to_vec())
    }
}

impl From<usize> for Shape {
    fn from(dim: usize) -> Self {
        Self(vec![dim])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 32-bit floating point; 64-bit on [`Device::cpu_f64`](crate::Device::cpu_f64).
    F32,
    /// 32-bit unsigned integer: indices and counts.
    U32,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::U32 => "u32",
        })
    }
}

/// The type of a value in a graph: shape, dtype, and whether axis 0 is the batch.
///
/// The last batch of an epoch has fewer rows than the others; every reduction over a batch axis reads
/// how many count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// The extents, the batch included.
    pub shape: Shape,
    /// What an element is.
    pub dtype: Dtype,
    /// Whether axis 0 is the batch.
    pub batched: bool,
}

impl Type {
    /// A type of f32 without a batch axis.
    pub fn f32(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), dtype: Dtype::F32, batched: false }
    }

    /// A type of u32 without a batch axis.
    pub fn u32(shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), dtype: Dtype::U32, batched: false }
    }

    /// The same type with axis 0 as the batch, or not.
    pub fn batched(mut self, batched: bool) -> Self {
        self.batched = batched;
        self
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.is_empty()
    }

    /// The two extents of a matrix, or an error that names `op` and `argument`.
    pub fn matrix(&self, op: &str, argument: &str) -> Result<[usize; 2]> {
        match (self.dtype, self.shape.dims()) {
            (Dtype::F32, &[rows, cols]) => Ok([rows, cols]),
            _ => Err(Error::shape(op, format!("{argument} as f32 [rows, cols]"), self)),
        }
    }

    /// The extent of a vector, or an error that names `op` and `argument`.
    pub fn vector(&self, op: &str, argument: &str) -> Result<usize> {
        match (self.dtype, self.shape.dims()) {
            (Dtype::F32, &[n]) => Ok(n),
            _ => Err(Error::shape(op, format!("{argument} as f32 [n]"), self)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_never_wrap() {
        assert_eq!(Shape::from([3, 0, 5]).checked_len("x").unwrap(), 0);
        assert_eq!(Shape::from([]).checked_len("x").unwrap(), 1);
        assert!(Shape::from([4_194_305, 4_194_305, 211_106_198_978_564]).checked_len("x").is_err());
        assert!(Shape::from([1 << 41]).checked_len("x").is_err());
    }

    #[test]
    fn shapes_stretch_by_the_rule_of_numpy() {
        let of = |a: &[usize], b: &[usize]| broadcast("op", &[&a.into(), &b.into()]).ok().map(|s| s.dims().to_vec());
        assert_eq!(of(&[], &[]), Some(vec![]));
        assert_eq!(of(&[3, 1], &[1, 4]), Some(vec![3, 4]));
        assert_eq!(of(&[4], &[3, 4]), Some(vec![3, 4]));
        assert_eq!(of(&[5, 1, 4], &[3, 1]), Some(vec![5, 3, 4]));
        assert_eq!(of(&[0, 1], &[1, 2]), Some(vec![0, 2]));
        assert_eq!(of(&[0], &[1]), Some(vec![0]));
        assert_eq!(of(&[3], &[4]), None);
        assert_eq!(of(&[0], &[2]), None);
        assert_eq!(of(&[3, 4], &[3]), None);
    }

    #[test]
    fn a_batch_stays_axis_0() {
        let [batch, row] = [Type::f32([8, 3]).batched(true), Type::f32([3])];
        assert!(broadcast_types("op", &[&row, &batch]).unwrap().batched);
        assert!(!broadcast_types("op", &[&row, &row]).unwrap().batched);
        let refused = |a: &Type, b: &Type| broadcast_types("op", &[a, b]).unwrap_err().to_string();
        let text = refused(&Type::f32([2, 8, 3]), &batch);
        assert!(text.contains("axis 0 of the result [2, 8, 3], got f32 [8, 3]"), "{text}");
        assert!(refused(&Type::f32([8, 3]), &Type::f32([1, 3]).batched(true)).contains("axis 0"));
    }

    #[test]
    fn a_walk_merges_axes_and_visits_what_it_should() {
        let walk = |shape: &[usize], a: &[usize], b: &[usize]| Walk::stretched(&shape.into(), [&a.into(), &b.into()]);
        assert_eq!(walk(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4]).axes, [(24, [1, 1])]);
        assert_eq!(walk(&[2, 3, 4], &[2, 3, 4], &[]).axes, [(24, [1, 0])]);
        assert_eq!(walk(&[2, 3, 4], &[3, 4], &[2, 1, 1]).axes, [(2, [0, 1]), (12, [1, 0])]);
        assert_eq!(walk(&[2, 3, 4], &[2, 1, 4], &[1, 3, 1]).axes, [(2, [4, 0]), (3, [0, 1]), (4, [1, 0])]);
        assert_eq!(walk(&[], &[], &[]).axes, []);
        assert_eq!(walk(&[], &[], &[]).offsets().collect::<Vec<_>>(), [[0, 0]]);
        let offsets: Vec<[usize; 2]> = walk(&[2, 3], &[3], &[2, 1]).offsets().collect();
        assert_eq!(offsets, [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]);
        assert_eq!(walk(&[2, 0], &[0], &[2, 1]).offsets().count(), 0);
    }
}
