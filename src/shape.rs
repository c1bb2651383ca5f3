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

    /// The same extents behind a new axis 0.
    pub fn with_batch(&self, rows: usize) -> Shape {
        Shape(std::iter::once(rows).chain(self.0.iter().copied()).collect())
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
}
