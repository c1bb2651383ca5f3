//! Data movement: ops that give the elements of their inputs at other places, bit for bit, in either dtype.
//!
//! One kernel copies for all of them. A batch stays axis 0: an op that would move it, or put its rows elsewhere, is
//! refused, since a type can only say that axis 0 is the batch, and no other place of the rows that count.

pub mod concatenate;
mod copy;
pub mod pad;
pub mod slice;
pub mod split;
pub mod transpose;

use crate::error::{Error, Result};
use crate::graph::{Args, Buffer, Float};
use crate::shape::Type;

/// The extent along `axis`, or an error that names `op`.
fn extent(op: &str, x: &Type, axis: usize) -> Result<usize> {
    x.shape.dims().get(axis).copied().ok_or_else(|| Error::shape(op, format!("an axis {axis}"), x))
}

/// Refuses an op on `x` whose axis 0, the batch, does not stay what it is.
fn batch_stays(op: &str, x: &Type, stays: bool) -> Result<()> {
    if stays || !x.batched { Ok(()) } else { Err(Error::shape(op, "the batch, axis 0, left as it is", x)) }
}

/// The elements between neighbours along each axis.
fn strides(dims: &[usize]) -> Vec<usize> {
    (0..dims.len()).map(|axis| dims[axis + 1..].iter().product()).collect()
}

/// What gives `Σ cᵢ stepsᵢ` for an element of a shape, whose coordinates are c.
fn walk(dims: &[usize], steps: &[usize]) -> impl Fn(usize) -> usize + use<> {
    let axes: Vec<[usize; 3]> = (0..dims.len()).map(|i| [strides(dims)[i], dims[i], steps[i]]).collect();
    move |at| axes.iter().map(|[stride, extent, step]| at / stride % extent * step).sum()
}

/// Fills output `output` from input `input`: `source` says which element of the input each is.
fn fetch<F: Float>(args: &mut Args<'_, F>, (output, input): (usize, usize), source: impl Fn(usize) -> usize) {
    match &mut args.outputs[output] {
        Buffer::Float(y) => y.iter_mut().enumerate().for_each(|(at, y)| *y = args.inputs.float(input)[source(at)]),
        Buffer::Index(y) => y.iter_mut().enumerate().for_each(|(at, y)| *y = args.inputs.indices(input)[source(at)]),
    }
}

/// Puts input `input` into output 0: `target` says which element of the output each becomes.
fn put<F: Float>(args: &mut Args<'_, F>, input: usize, target: impl Fn(usize) -> usize) {
    match &mut args.outputs[0] {
        Buffer::Float(y) => args.inputs.float(input).iter().enumerate().for_each(|(at, &v)| y[target(at)] = v),
        Buffer::Index(y) => args.inputs.indices(input).iter().enumerate().for_each(|(at, &v)| y[target(at)] = v),
    }
}
