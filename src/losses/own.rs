//! Losses of a program's own, made of ops.

use std::fmt;

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::losses::Loss;
use crate::ops::{LossValue, OWN_LOSS, Targets, pointwise_loss};
use crate::shape::{Shape, Type};

type Of = Box<dyn Fn(&Builder, Value, Value) -> Result<Value> + Send + Sync>;

/// A loss that a function makes of ops: see [`from_fn`].
pub struct OwnLoss {
    name: String,
    target: Option<Shape>,
    of: Of,
}

/// The loss that `of` gives for targets y and predictions p, as Keras' functions of `(y_true, y_pred)`: a value
/// `[batch, …]`, of which the mean over rows and elements is taken, weighted by row. It is a metric as well.
///
/// No gradient is stated: it is that of the ops.
///
/// ```
/// use wgrad::losses::from_fn;
/// use wgrad::ops::{Square, Subtract, binary, unary};
/// let mse = from_fn("my_mse", |g, y, p| unary(g, Square, binary(g, Subtract, p, y)?));
/// ```
pub fn from_fn(name: &str, of: impl Fn(&Builder, Value, Value) -> Result<Value> + Send + Sync + 'static) -> OwnLoss {
    OwnLoss { name: name.into(), target: None, of: Box::new(of) }
}

impl OwnLoss {
    /// The shape of a row of targets; that of the output by default.
    pub fn target_shape(mut self, shape: impl Into<Shape>) -> Self {
        self.target = Some(shape.into());
        self
    }
}

impl Loss for OwnLoss {
    fn name(&self) -> &str {
        &self.name
    }

    fn target(&self, output: &Type) -> Result<Type> {
        Ok(self.target.as_ref().map_or_else(|| output.clone(), |shape| Type::f32(shape.clone())))
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        of_value(&self.name, g, (self.of)(g, targets.y, p)?, targets, column)
    }
}

/// The loss whose value ops have computed, `[batch, …]`: its mean over rows and elements, weighted by row.
pub(super) fn of_value(
    name: &str,
    g: &Builder,
    value: Value,
    Targets { weights, .. }: Targets,
    column: Option<usize>,
) -> Result<LossValue> {
    match g.ty(value) {
        ty if ty.batched => pointwise_loss(g, &OWN_LOSS, value, Targets { y: value, weights }, (1.0, 0.0), column),
        ty => Err(Error::shape(name, "a value [batch, …], which is averaged", ty)),
    }
}

impl fmt::Debug for OwnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnLoss({})", self.name)
    }
}
