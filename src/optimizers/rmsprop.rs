//! RMSprop.

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::ops;
use crate::optimizers::{LearningRate, Optimizer, epsilon, share};

/// `v = ρ v + (1 − ρ) g²`, `s = η g / √(v + ε)`, `p −= s`; with momentum μ `m = μ m + s`, `p −= m`.
///
/// Centred, v is the variance of the gradients, `d = g − a`, `a += (1 − ρ) d`, `v = ρ v + ρ (1 − ρ) d²`: what Keras
/// computes as a difference of two means, which in f32 may come out below −ε.
///
/// # Defaults
/// `learning_rate` η 0.001, `rho` 0.9, `momentum` 0, `epsilon` 1e-7, `centered` false. Source: Keras' `RMSprop`.
#[derive(Clone, Debug)]
pub struct Rmsprop {
    learning_rate: LearningRate,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
}

impl Default for Rmsprop {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Rmsprop {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { learning_rate: learning_rate.into(), rho: 0.9, momentum: 0.0, epsilon: 1e-7, centered: false }
    }

    /// ρ.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// μ.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// ε.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Whether gradients count by their variance, and not by the mean of their squares.
    pub fn centered(mut self, centered: bool) -> Self {
        self.centered = centered;
        self
    }
}

impl Optimizer for Rmsprop {
    fn moments(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum != 0.0) {
            (false, false) => &["velocity"],
            (false, true) => &["velocity", "momentum"],
            (true, false) => &["variance", "average_gradient"],
            (true, true) => &["variance", "average_gradient", "momentum"],
        }
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        let column = self.learning_rate.column(g);
        let Self { rho, momentum, epsilon, centered, .. } = *self;
        ops::rmsprop(g, ops::Rmsprop { parameters: p.len(), rho, momentum, epsilon, centered, column }, p, dp, moments)
    }

    fn learning_rate(&mut self) -> &mut LearningRate {
        &mut self.learning_rate
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        share("rho", self.rho)?;
        share("momentum", self.momentum)?;
        epsilon(self.epsilon)
    }
}
