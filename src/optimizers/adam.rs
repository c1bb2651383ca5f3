//! Adam.

use crate::error::Result;
use crate::graph::{Builder, Value};
use crate::ops;
use crate::optimizers::{LearningRate, Optimizer, epsilon, share};

/// `m += (g − m)(1 − β₁)`, `v += (g² − v)(1 − β₂)`, `p −= α m / (√v + ε)`, where `α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ)` at
/// step t, from 1.
///
/// # Defaults
/// `learning_rate` η 0.001, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-7. Source: Keras' `Adam`.
#[derive(Clone, Debug)]
pub struct Adam {
    pub(super) learning_rate: LearningRate,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self::new(0.001)
    }
}

impl Adam {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: impl Into<LearningRate>) -> Self {
        Self { learning_rate: learning_rate.into(), beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }
    }

    /// β₁.
    pub fn beta1(mut self, beta1: f64) -> Self {
        self.beta1 = beta1;
        self
    }

    /// β₂.
    pub fn beta2(mut self, beta2: f64) -> Self {
        self.beta2 = beta2;
        self
    }

    /// ε.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// α at a step from 0. In f64 on the host: in f32 `1 − βᵗ` is off by 2e-5.
    fn alpha(&self, step: u64) -> f64 {
        let t = (step + 1) as f64;
        self.learning_rate.at(step) * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t))
    }

    /// The step, with the column of a decay or without decay.
    pub(super) fn step(
        &self,
        g: &Builder,
        decay: Option<usize>,
        p: &[Value],
        dp: &[Value],
        moments: &[Value],
    ) -> Result<Vec<Value>> {
        let adam = self.clone();
        let column = g.column("adam alpha", move |step| adam.alpha(step));
        let (beta1, beta2, epsilon) = (self.beta1, self.beta2, self.epsilon);
        let (m, v) = moments.split_at(p.len().min(moments.len()));
        ops::adam(g, ops::Adam { parameters: p.len(), beta1, beta2, epsilon, column, decay }, p, dp, m, v)
    }
}

impl Optimizer for Adam {
    fn moments(&self) -> &'static [&'static str] {
        &["momentum", "velocity"]
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        self.step(g, None, p, dp, moments)
    }

    fn learning_rate(&mut self) -> &mut LearningRate {
        &mut self.learning_rate
    }

    fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        share("beta1", self.beta1)?;
        share("beta2", self.beta2)?;
        epsilon(self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_of_adam_is_that_of_keras() {
        // numerics: for g = 1e-3 Keras moves by 9.96848e-4.
        let (adam, g) = (Adam::default(), 1e-3f64);
        let (m, v) = (g * 0.1, g * g * 0.001);
        let step = adam.alpha(0) * m / (v.sqrt() + adam.epsilon);
        assert!((step - 9.96848e-4).abs() < 1e-9, "{step}");
    }
}
