//! Layers that give the same elements under another shape.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::{broadcast_to, expand_dims, flatten, reshape, transpose};

/// `[batch, …]` as `[batch, features]`: the same elements in the same order. Source: Keras' `Flatten`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Flatten {}

impl Flatten {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Layer for Flatten {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![flatten(scope.builder(), one("flatten", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Flatten", self)
    }
}

/// `[batch, …]` as `[batch, …target]`: the same elements in the same order. Source: Keras' `Reshape`.
///
/// ```
/// use wgrad::layers::Reshape;
/// let layers = [Reshape::new([10, 2]), Reshape::new([-1, 2])]; // −1: what is left
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    target_shape: Vec<isize>,
}

impl Reshape {
    /// To rows of a shape, one of whose extents may be −1: what the others leave.
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Self {
        Self { target_shape: target_shape.into() }
    }

    /// The shape for rows of `len` elements.
    fn target(&self, len: usize) -> Result<Vec<usize>> {
        let known: Vec<usize> = self.target_shape.iter().filter_map(|&d| usize::try_from(d).ok()).collect();
        let product = known.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
        let open = self.target_shape.len() - known.len();
        let fits = if open == 0 { product == len } else { product > 0 && len.is_multiple_of(product) };
        if !fits || open > 1 || self.target_shape.iter().any(|&d| d < -1) {
            let got = format!("{:?} for {len}", self.target_shape);
            return Err(Error::argument("target_shape", "extents of as many elements, one of them perhaps -1", got));
        }
        let rest = len.checked_div(product).unwrap_or(0);
        Ok(self.target_shape.iter().map(|&d| usize::try_from(d).unwrap_or(rest)).collect())
    }
}

impl Layer for Reshape {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let x = one("reshape", x)?;
        let ty = scope.builder().ty(x);
        let target = self.target(ty.shape.without_batch().len())?;
        let batch = ty.shape.dims().first().copied().unwrap_or(1);
        Ok(vec![reshape(scope.builder(), x, [&[batch], &target[..]].concat())?])
    }

    fn config(&self) -> Config {
        Config::new("Reshape", self)
    }
}

/// The axes of a row in another order: axis i of the result is axis `dims[i]`, counted from 1. Source: Keras' `Permute`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permute {
    dims: Vec<usize>,
}

impl Permute {
    /// The order of the axes, from 1: `[2, 1]` transposes rows of two axes.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self { dims: dims.into() }
    }
}

impl Layer for Permute {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let x = one("permute", x)?;
        let rank = scope.builder().ty(x).shape.rank();
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..rank) {
            let expected = format!("each axis from 1 to {}", rank - 1);
            return Err(Error::argument("dims", expected, format!("{:?}", self.dims)));
        }
        Ok(vec![transpose(scope.builder(), x, &[&[0], &self.dims[..]].concat())?])
    }

    fn config(&self) -> Config {
        Config::new("Permute", self)
    }
}

/// `[batch, features]` as `[batch, n, features]`: every row n times. Source: Keras' `RepeatVector`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatVector {
    n: usize,
}

impl RepeatVector {
    /// n times.
    pub fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Layer for RepeatVector {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let (g, x) = (scope.builder(), one("repeat_vector", x)?);
        let &[batch, features] = g.ty(x).shape.dims() else {
            return Err(Error::shape("input", "[batch, features]", g.ty(x).shape));
        };
        Ok(vec![broadcast_to(g, expand_dims(g, x, &[1])?, [batch, self.n, features])?])
    }

    fn config(&self) -> Config {
        Config::new("RepeatVector", self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_that_is_left_open_is_what_the_others_leave() {
        assert_eq!(Reshape::new([-1, 2]).target(20).unwrap(), [10, 2]);
        assert_eq!(Reshape::new([4, 5]).target(20).unwrap(), [4, 5]);
        assert_eq!(Reshape::new([]).target(1).unwrap(), [0; 0]);
        let wrong: [&[isize]; 6] = [&[3, -1], &[-1, -1], &[4, 4], &[-2, 10], &[0, -1], &[isize::MAX, isize::MAX, -1]];
        for target in wrong {
            assert!(Reshape::new(target).target(20).is_err(), "{target:?}");
        }
    }
}
