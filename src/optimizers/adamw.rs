//! Adam with decoupled weight decay.

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::optimizers::{Adam, LearningRate, Optimizer, rate};

/// `p −= η λ p`, then the step of [`Adam`]: every parameter decays, biases too.
///
/// # Defaults
/// `weight_decay` λ 0.004, the rest as [`Adam`]'s. Source: Keras' `AdamW`; Loshchilov and Hutter, 2019.
#[derive(Clone, Debug)]
pub struct AdamW {
    adam: Adam,
    weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { adam: Adam::default(), weight_decay: 0.004 }
    }
}

impl AdamW {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { adam: Adam::new(learning_rate), ..Self::default() }
    }

    /// β₁.
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.adam = self.adam.beta1(beta1);
        self
    }

    /// β₂.
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.adam = self.adam.beta2(beta2);
        self
    }

    /// ε.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.adam = self.adam.epsilon(epsilon);
        self
    }

    /// λ.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }
}

impl Optimizer for AdamW {
    fn moments(&self) -> &'static [&'static str] {
        self.adam.moments()
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        let decay = self.adam.learning_rate.decay(g, self.weight_decay);
        self.adam.step(g, Some(decay), p, dp, moments)
    }

    fn learning_rate(&mut self) -> &mut LearningRate {
        &mut self.adam.learning_rate
    }

    fn check(&self) -> Result<()> {
        self.adam.check()?;
        rate("weight_decay", self.weight_decay)
    }
}
