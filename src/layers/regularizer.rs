//! What weights add to the loss.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::{Node, Value};
use crate::layers::Scope;
use crate::ops::{L1L2, UnaryOp};

/// `l1 Σ│w│ + l2 Σ w²`, added to the loss. Source: Keras' `L1L2`, which has no factor of a half either.
///
/// ```
/// use wgrad::layers::Regularizer;
/// let regularizers = [Regularizer::l1(0.01), Regularizer::l2(0.01), Regularizer::l1_l2(0.01, 0.001)];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regularizer {
    l1: f64,
    l2: f64,
}

impl Regularizer {
    /// `l1 Σ│w│`.
    pub fn l1(l1: f64) -> Self {
        Self { l1, l2: 0.0 }
    }

    /// `l2 Σ w²`.
    pub fn l2(l2: f64) -> Self {
        Self { l1: 0.0, l2 }
    }

    /// Both.
    pub fn l1_l2(l1: f64, l2: f64) -> Self {
        Self { l1, l2 }
    }

    /// Adds what a weight of a layer costs, once in a graph; nothing where the layer is frozen.
    ///
    /// # Errors
    /// [`Error::Argument`] for a factor that is negative or not finite.
    pub fn add(&self, scope: &Scope<'_>, weight: Value) -> Result<()> {
        let (l1, l2) = (self.l1, self.l2);
        if [l1, l2].iter().any(|l| !(0.0..f64::from(f32::MAX)).contains(l)) {
            return Err(Error::argument("regularizer", "finite factors from 0 on", format!("l1 {l1}, l2 {l2}")));
        }
        let g = scope.builder();
        let op = UnaryOp(L1L2 { l1, l2 }.into());
        // A shared layer is called twice, and has its weights once.
        let is_this = |node: Node| node.inputs == [weight] && format!("{:?}", node.op) == format!("{op:?}");
        let is_there = g.added_losses().into_iter().any(|value| g.producer(value).is_some_and(is_this));
        if is_there || !scope.trainable() {
            return Ok(());
        }
        scope.loss(g.op1(op, &[weight])?)
    }
}
