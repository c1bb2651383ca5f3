//! Stochastic gradient descent.

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::ops;
use crate::optimizers::{LearningRate, Optimizer, rate, share};

/// `p −= η g`; with momentum μ `m = μ m − η g`, `p += m`, or Nesterov's `p += μ m − η g`; with decay λ `p −= η λ p`
/// before that.
///
/// # Defaults
/// `learning_rate` η 0.01, `momentum` 0, `nesterov` false, `weight_decay` λ 0. Source: Keras' `SGD`.
#[derive(Clone, Debug)]
pub struct Sgd {
    learning_rate: LearningRate,
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
}

impl Default for Sgd {
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl Sgd {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { learning_rate: learning_rate.into(), momentum: 0.0, nesterov: false, weight_decay: 0.0 }
    }

    /// μ.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether the momentum is Nesterov's.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// λ, for every parameter.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl Optimizer for Sgd {
    fn moments(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        let column = self.learning_rate.column(g);
        let decay = (self.weight_decay != 0.0).then(|| self.learning_rate.decay(g, self.weight_decay));
        let (momentum, nesterov) = (self.momentum, self.nesterov);
        ops::sgd(g, ops::Sgd { parameters: p.len(), momentum, nesterov, column, decay }, p, dp, moments)
    }

    fn learning_rate(&mut self) -> &mut LearningRate {
        &mut self.learning_rate
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        share("momentum", self.momentum)?;
        rate("weight_decay", self.weight_decay)
    }
}
