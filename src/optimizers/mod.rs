//! Optimizers: how gradients change parameters.

mod adam;
mod adamw;
mod rmsprop;
mod schedules;
mod sgd;

pub use adam::Adam;
pub use adamw::AdamW;
pub use rmsprop::Rmsprop;
pub use schedules::{
    CosineDecay, ExponentialDecay, InverseTimeDecay, LearningRate, PiecewiseConstantDecay, PolynomialDecay, Schedule,
};
pub use sgd::Sgd;

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};

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

    /// The learning rate, which may be changed between epochs.
    fn learning_rate(&mut self) -> &mut LearningRate;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()>;
}

/// A number that a parameter or a gradient is multiplied by.
fn rate(name: &str, value: f64) -> Result<()> {
    if (value as f32).is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::argument(name, "a finite number from 0 on that f32 holds", value))
}

/// What an average keeps.
fn share(name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(Error::argument(name, "a number from 0 to below 1", value)) }
}

/// What keeps a divisor from 0.
fn epsilon(value: f64) -> Result<()> {
    if value as f32 >= f32::MIN_POSITIVE && (value as f32).is_finite() {
        return Ok(());
    }
    Err(Error::argument("epsilon", "a number above 0 that f32 holds", value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for rate in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Adam::new(rate).check().is_err() && Sgd::new(rate).check().is_err());
            assert!(AdamW::new(rate).check().is_err() && Rmsprop::new(rate).check().is_err());
            assert!(AdamW::default().weight_decay(rate).check().is_err());
            assert!(Sgd::default().weight_decay(rate).check().is_err());
        }
        assert!(Adam::new(1e50).check().is_err() && Adam::default().epsilon(1e-50).check().is_err());
        assert!(Adam::default().beta1(1.0).check().is_err() && AdamW::default().beta2(1.0).check().is_err());
        assert!(Sgd::default().momentum(-0.1).check().is_err());
        assert!(Rmsprop::default().rho(1.0).check().is_err() && Rmsprop::default().momentum(1.0).check().is_err());
        assert!(Rmsprop::default().epsilon(0.0).check().is_err());
        assert!(Adam::default().check().is_ok() && AdamW::default().check().is_ok());
        assert!(Sgd::default().check().is_ok() && Rmsprop::default().check().is_ok());
    }
}
