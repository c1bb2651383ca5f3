//! Layers that make one of several inputs.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::layers::{Config, Layer, Scope};
use crate::ops::{self, Matmul, matmul};

/// A layer of inputs whose shapes stretch to one, which is made by going through them from the left.
macro_rules! folded {
    ($(#[$doc:meta])* $name:ident, $class:literal, $least:literal, $most:expr, $fold:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
        pub struct $name {}

        impl $name {
            /// The layer.
            pub fn new() -> Self {
                Self::default()
            }
        }

        impl Layer for $name {
            fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
                let (least, most): (usize, usize) = ($least, $most);
                if x.len() < least || x.len() > most {
                    let expected = if least == most { format!("{least}") } else { format!("at least {least}") };
                    return Err(Error::shape("inputs", expected, x.len()));
                }
                let fold: fn(&Builder, &[Value]) -> Result<Value> = $fold;
                Ok(vec![fold(scope.builder(), x)?])
            }

            fn config(&self) -> Config {
                Config::new($class, self)
            }
        }
    };
}

folded!(
    /// `a + b + …`, of two inputs or more. Source: Keras' `Add`.
    ///
    /// ```
    /// use wgrad::layers::{Add, Dense, Layer, Symbol};
    /// let x = Symbol::input([8]);
    /// let residual = Add::new().on([&x, &Dense::new(8).on(&x)]);
    /// ```
    Add, "Add", 2, usize::MAX, |g, x| fold(g, x, ops::add)
);
folded!(
    /// `a − b`. Source: Keras' `Subtract`.
    Subtract, "Subtract", 2, 2, |g, x| ops::binary(g, ops::Subtract, x[0], x[1])
);
folded!(
    /// `a · b · …`, of two inputs or more. Source: Keras' `Multiply`.
    Multiply, "Multiply", 2, usize::MAX, |g, x| fold(g, x, ops::multiply)
);
folded!(
    /// `(a + b + …) / n`, of two inputs or more. Source: Keras' `Average`.
    Average, "Average", 2, usize::MAX, |g, x| {
        let sum = fold(g, x, ops::add)?;
        ops::multiply(g, sum, ops::constant(g, 1.0 / x.len() as f64)?)
    }
);
folded!(
    /// The larger, of two inputs or more. Source: Keras' `Maximum`.
    Maximum, "Maximum", 2, usize::MAX, |g, x| fold(g, x, ops::maximum)
);
folded!(
    /// The smaller, of two inputs or more. Source: Keras' `Minimum`.
    Minimum, "Minimum", 2, usize::MAX, |g, x| fold(g, x, |g, a, b| ops::binary(g, ops::Minimum, a, b))
);

fn fold(g: &Builder, x: &[Value], of: impl Fn(&Builder, Value, Value) -> Result<Value>) -> Result<Value> {
    let Some((&first, others)) = x.split_first() else { return Err(Error::shape("inputs", "at least one", 0)) };
    others.iter().try_fold(first, |sum, &x| of(g, sum, x))
}

/// The inputs side by side along an axis. Source: Keras' `Concatenate`.
///
/// # Defaults
/// `axis(-1)`, the last one; axis 0 is the batch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenate {
    axis: isize,
}

impl Default for Concatenate {
    fn default() -> Self {
        Self { axis: -1 }
    }
}

impl Concatenate {
    /// Along the last axis.
    pub fn new() -> Self {
        Self::default()
    }

    /// Along another axis: from 1, or from the end where it is negative.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
}

/// An axis of a tensor of `rank`, counted from the end where it is negative; not the batch.
pub(super) fn axis_of(axis: isize, rank: usize) -> Result<usize> {
    let from_front = if axis < 0 { axis + rank as isize } else { axis };
    let found = usize::try_from(from_front).ok().filter(|axis| (1..rank).contains(axis));
    found.ok_or_else(|| Error::argument("axis", format!("1 to {} or -1 to -{}", rank - 1, rank - 1), axis))
}

impl Layer for Concatenate {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let g = scope.builder();
        let Some(&first) = x.first() else { return Err(Error::shape("inputs", "at least one", 0)) };
        let axis = axis_of(self.axis, g.ty(first).shape.rank().max(2))?;
        Ok(vec![ops::concatenate(g, x, axis)?])
    }

    fn config(&self) -> Config {
        Config::new("Concatenate", self)
    }
}

/// Products of two inputs, summed over an axis of each: rows `[a]` and `[a]` give `[1]`; rows `[m, k]` and `[k, n]` give
/// `[m, n]` over the axes 2 and 1.
///
/// Rows have one axis or two. Source: Keras' `Dot`.
///
/// # Defaults
/// `normalize(false)`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dot {
    axes: [isize; 2],
    normalize: bool,
}

impl Dot {
    /// Over an axis of each input: from 1, or from the end where it is negative.
    pub fn new(axes: [isize; 2]) -> Self {
        Self { axes, normalize: false }
    }

    /// Whether inputs are divided by their length along the axis first: the result is the cosine.
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }

    /// An input as matrices `[batch, others, k]` or `[batch, k, others]`, and whether it is the latter.
    fn matrices(&self, g: &Builder, x: Value, axis: isize) -> Result<(Value, bool, Option<usize>)> {
        let ty = g.ty(x);
        let axis = axis_of(axis, ty.shape.rank().max(2))?;
        let x = if self.normalize { unit(g, x, axis)? } else { x };
        match ty.shape.dims() {
            [_, _] => Ok((ops::expand_dims(g, x, &[1])?, false, None)),
            [_, a, b] => Ok((x, axis == 1, Some(if axis == 1 { *b } else { *a }))),
            _ => Err(Error::shape("input", "[batch, a] or [batch, a, b]", ty)),
        }
    }
}

/// x divided by its length along an axis, which is taken for at least 1e-6. Source: Keras' `normalize`.
fn unit(g: &Builder, x: Value, axis: usize) -> Result<Value> {
    let squares = ops::sum(g, ops::unary(g, ops::Square, x)?, &[axis], true)?;
    let least = ops::maximum(g, squares, ops::constant(g, 1e-12)?)?;
    ops::multiply(g, x, ops::unary(g, ops::Rsqrt, least)?)
}

impl Layer for Dot {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let g = scope.builder();
        let &[a, b] = x else { return Err(Error::shape("inputs", "2", x.len())) };
        let (a, transpose_a, rows) = self.matrices(g, a, self.axes[0])?;
        let (b, summed_first, cols) = self.matrices(g, b, self.axes[1])?;
        let y = matmul(g, a, b, Matmul { transpose_a, transpose_b: !summed_first })?;
        let batch = g.ty(y).shape.dims().first().copied().unwrap_or(1);
        let others: Vec<usize> = rows.into_iter().chain(cols).collect();
        let others = if others.is_empty() { vec![1] } else { others };
        Ok(vec![ops::reshape(g, y, [&[batch], &others[..]].concat())?])
    }

    fn config(&self) -> Config {
        Config::new("Dot", self)
    }
}
