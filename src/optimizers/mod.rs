//! Optimizers: how gradients change parameters.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::ops;

/// An optimizer: one launch over all parameters.
pub trait Optimizer: Debug + Send + Sync {
    /// The names of what it keeps for each parameter.
    fn moments(&self) -> &'static [&'static str];

    /// The parameters after the step, then what it keeps, in the order of [`Optimizer::moments`], as many of each as
    /// there are parameters.
    ///
    /// # Errors
    /// Those of the op.
    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>>;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()>;
}

/// `m += (g − m)(1 − β₁)`, `v += (g² − v)(1 − β₂)`, `p −= α m / (√v + ε)`, where `α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ)` at
/// step t, from 1.
///
/// # Defaults
/// `learning_rate` η 0.001, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-7. Source: Keras' `Adam`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }
    }
}

impl Adam {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
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
        self.learning_rate * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t))
    }
}

impl Optimizer for Adam {
    fn moments(&self) -> &'static [&'static str] {
        &["momentum", "velocity"]
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        let adam = *self;
        let column = g.column("adam alpha", move |step| adam.alpha(step));
        let (beta1, beta2, epsilon) = (self.beta1, self.beta2, self.epsilon);
        let (m, v) = moments.split_at(p.len().min(moments.len()));
        ops::adam(g, ops::Adam { parameters: p.len(), beta1, beta2, epsilon, column, decay: None }, p, dp, m, v)
    }

    fn check(&self) -> Result<()> {
        rate(self.learning_rate)?;
        share("beta1", self.beta1)?;
        share("beta2", self.beta2)?;
        let epsilon = self.epsilon as f32;
        if epsilon >= f32::MIN_POSITIVE && epsilon.is_finite() {
            return Ok(());
        }
        Err(Error::argument("epsilon", "a number above 0 that f32 holds", self.epsilon))
    }
}

/// `p −= η g`; with momentum μ `m = μ m − η g`, `p += m`, or Nesterov's `p += μ m − η g`.
///
/// # Defaults
/// `learning_rate` η 0.01, `momentum` 0, `nesterov` false. Source: Keras' `SGD`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    learning_rate: f64,
    momentum: f64,
    nesterov: bool,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { learning_rate: 0.01, momentum: 0.0, nesterov: false }
    }
}

impl Sgd {
    /// With a learning rate, the rest by default.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
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
}

impl Optimizer for Sgd {
    fn moments(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum"] }
    }

    fn apply(&self, g: &Builder, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
        let rate = self.learning_rate;
        let column = g.column("learning rate", move |_| rate);
        let (momentum, nesterov) = (self.momentum, self.nesterov);
        ops::sgd(g, ops::Sgd { parameters: p.len(), momentum, nesterov, column, decay: None }, p, dp, moments)
    }

    fn check(&self) -> Result<()> {
        rate(self.learning_rate)?;
        share("momentum", self.momentum)
    }
}

fn rate(learning_rate: f64) -> Result<()> {
    if (learning_rate as f32).is_finite() && learning_rate >= 0.0 {
        return Ok(());
    }
    Err(Error::argument("learning_rate", "a finite number from 0 on that f32 holds", learning_rate))
}

fn share(name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(Error::argument(name, "a number from 0 to below 1", value)) }
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

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for rate in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Adam::new(rate).check().is_err() && Sgd::new(rate).check().is_err());
        }
        assert!(Adam::new(1e50).check().is_err() && Adam::default().epsilon(1e-50).check().is_err());
        assert!(Adam::default().beta1(1.0).check().is_err());
        assert!(Sgd::default().momentum(-0.1).check().is_err());
        assert!(Adam::default().check().is_ok());
    }
}
