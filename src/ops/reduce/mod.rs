//! Reductions over axes.

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::shape::Shape;

/// `x` summed over the axes along which `shape` was stretched to that of `x`.
///
/// # Errors
/// Those of the sum.
pub fn sum_to(g: &Builder, x: Value, shape: &Shape) -> Result<Value> {
    if g.ty(x).shape == *shape {
        return Ok(x);
    }
    Err(Error::Unsupported {
        what: "the gradient of a stretched operand".into(),
        fix: "give it the shape of the result".into(),
    })
}
