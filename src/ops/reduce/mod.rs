//! Reductions over axes: sum, mean, max, min and argmax. Over the batch axis only rows that count are read.
//!
//! The ops keep the axes that they reduce, with an extent of 1; the functions here drop them unless `keep_dims`.

mod argmax;
mod extreme;
mod layout;
mod spread;
mod sum;

pub use argmax::{Argmax, argmax};
pub use extreme::Extreme;
pub use spread::{BroadcastTo, MeanBackward, broadcast_to};
pub use sum::Sum;

use crate::error::Result;
use crate::graph::{Builder, OpDef, Value};
use crate::ops::case::{Case, EDGES};
use crate::ops::squeeze::squeeze;
use crate::shape::{Shape, Type};

/// `Σ x` over `axes`, f32; 0 over nothing.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) for an axis that `x` does not have, or one named twice.
pub fn sum(g: &Builder, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value> {
    reduce(g, Sum { axes: axes.to_vec(), mean: false }, x, axes, keep_dims)
}

/// `Σ x / n` over `axes`, n terms; over a batch, those of the rows that count, and 0 where none does.
///
/// # Errors
/// As [`sum`], and [`Error::Shape`](crate::Error::Shape) for the mean of nothing.
pub fn mean(g: &Builder, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value> {
    reduce(g, Sum { axes: axes.to_vec(), mean: true }, x, axes, keep_dims)
}

/// The largest `x` over `axes`; NaN where one is. Its gradient goes in equal shares to all that are the largest.
///
/// # Errors
/// As [`sum`], and [`Error::Shape`](crate::Error::Shape) for the largest of nothing.
pub fn max(g: &Builder, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value> {
    reduce(g, Extreme { axes: axes.to_vec(), smallest: false }, x, axes, keep_dims)
}

/// The smallest `x` over `axes`; NaN where one is. Its gradient goes in equal shares to all that are the smallest.
///
/// # Errors
/// As [`sum`], and [`Error::Shape`](crate::Error::Shape) for the smallest of nothing.
pub fn min(g: &Builder, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value> {
    reduce(g, Extreme { axes: axes.to_vec(), smallest: true }, x, axes, keep_dims)
}

/// `x` summed over the axes along which `shape` was stretched to that of `x`: the gradient of a stretched operand.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where `shape` does not stretch to that of `x`.
pub fn sum_to(g: &Builder, x: Value, shape: &Shape) -> Result<Value> {
    let from = g.ty(x).shape;
    if from == *shape {
        return Ok(x);
    }
    let missing = from.rank().saturating_sub(shape.rank());
    let stretched = shape.dims().iter().zip(&from.dims()[missing..]).enumerate();
    let stretched = stretched.filter(|(_, (d, from))| d != from).map(|(axis, _)| missing + axis);
    let axes: Vec<usize> = (0..missing).chain(stretched).collect();
    let summed = sum(g, x, &axes, true)?;
    squeeze(g, summed, &(0..missing).collect::<Vec<_>>())
}

fn reduce(g: &Builder, op: impl OpDef, x: Value, axes: &[usize], keep_dims: bool) -> Result<Value> {
    let y = g.op1(op, &[x])?;
    if keep_dims { Ok(y) } else { squeeze(g, y, axes) }
}

/// Shapes with axes to reduce: awkward sizes inside, outside and between, several axes at once, and batches of which
/// not all rows count.
fn shapes() -> Vec<(Type, Vec<usize>, (usize, usize))> {
    let plain = |shape: &[usize], axes: &[usize]| (Type::f32(shape), axes.to_vec(), (1, 1));
    let sized = EDGES.iter().enumerate().filter(|(_, n)| **n > 0).flat_map(|(i, &n)| {
        let few = (Type::f32([n, 65]).batched(true), vec![0], (n - n / 3, n));
        let forms = [plain(&[n], &[0]), plain(&[4, n, 3], &[1]), plain(&[3, n], &[1]), few, plain(&[n, 3], &[0])];
        [forms[i % 5].clone(), forms[(i + 1) % 5].clone()] // each size in two forms
    });
    let several: &[(&[usize], &[usize])] = &[
        (&[], &[]),
        (&[7], &[]),
        (&[1, 1], &[0, 1]),
        (&[2, 3, 4, 5], &[0, 2]),
        (&[2, 3, 4, 5], &[1, 3]),
        (&[2, 3, 4, 5], &[3, 1, 2]),
        (&[2, 3, 4, 5], &[0, 1, 2, 3]),
        (&[9, 3, 9], &[0, 2]),
        (&[2, 3, 2, 3, 2, 3], &[0, 2, 4]),
        (&[3, 2, 3, 2, 3, 2], &[1, 3, 5]),
        (&[0, 3], &[1]),
        (&[1, 1000, 1], &[0, 1]),
        (&[2, 65_537], &[1]),
        (&[65_537, 2], &[0]),
    ];
    let several = several.iter().map(|(shape, axes)| plain(shape, axes));
    let batches: &[(&[usize], &[usize])] = &[
        (&[8, 3, 4], &[0, 1]),
        (&[8, 3, 4], &[0, 2]),
        (&[8, 3, 4], &[0, 1, 2]),
        (&[8, 33, 4], &[1]),
        (&[8, 300], &[1]),
        (&[8, 300], &[0, 1]),
    ];
    let batches = batches.iter().flat_map(|(shape, axes)| {
        [5, 0].map(|rows| (Type::f32(*shape).batched(true), axes.to_vec(), (rows, shape[0])))
    });
    sized.chain(several).chain(batches).collect()
}

fn cases_of<O: OpDef>(op: impl Fn(Vec<usize>) -> O) -> Vec<Case> {
    let case = |(ty, axes, (count, batch)): (Type, Vec<usize>, _)| Case::new(op(axes), [ty]).rows(count, batch);
    shapes().into_iter().map(case).collect()
}

/// Cases of every reduction, on both sides of the bound on iterations, and of more than 65,535 workgroups.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for flag in [false, true] {
        cases.extend(cases_of(|axes| Sum { axes, mean: flag }));
        cases.extend(cases_of(|axes| Extreme { axes, smallest: flag }));
    }
    let nothing = |shape: [usize; 2], axis: usize| Case::new(Sum { axes: vec![axis], mean: false }, [Type::f32(shape)]);
    cases.extend([nothing([3, 0], 1), nothing([0, 70], 0)]);
    let sum = |shape: &[usize]| Case::new(Sum { axes: vec![shape.len() - 1], mean: false }, [Type::f32(shape)]);
    cases.push(sum(&[5_000_000]).brief()); // past the bound also where 64 invocations share it
    cases.push(sum(&[65_537, 9]).brief()); // workgroups of a result each
    cases.push(Case::new(Extreme { axes: vec![1], smallest: false }, [Type::f32([65_537, 9])]).brief());
    cases.extend(argmax::cases());
    cases.extend(spread::cases());
    cases
}
