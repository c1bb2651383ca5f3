//! Learning rates: a number, or a rule that gives one for every step.

use std::f64::consts::PI;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::graph::Builder;
use crate::optimizers::rate;

/// The learning rate η: a number, or a [`Schedule`]. An optimizer takes either.
///
/// ```
/// use wgrad::optimizers::{Adam, ExponentialDecay};
///
/// let fixed = Adam::new(0.001);
/// let falling = Adam::new(ExponentialDecay::new(0.001, 1000, 0.9));
/// ```
/// A clone of it is the same one: [`set`](Self::set) changes both. A model has one of its own from `compile` on.
#[derive(Clone, Debug)]
pub struct LearningRate(Arc<Mutex<Arc<dyn Schedule>>>);

impl<S: Schedule + 'static> From<S> for LearningRate {
    fn from(schedule: S) -> Self {
        Self::of(Arc::new(schedule))
    }
}

impl LearningRate {
    fn of(schedule: Arc<dyn Schedule>) -> Self {
        Self(Arc::new(Mutex::new(schedule)))
    }

    /// Any rule of the host: η as a function of the step, counted from 0 over all epochs.
    ///
    /// ```
    /// use wgrad::optimizers::{LearningRate, Sgd};
    ///
    /// // Up for a hundred steps, then down with the root of the step.
    /// let warm = |step: u64| 0.1 * ((step + 1) as f64 / 100.0).min((100.0 / (step + 1) as f64).sqrt());
    /// let sgd = Sgd::new(LearningRate::from_fn(warm));
    /// ```
    pub fn from_fn(rule: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Self::from(FromFn(rule))
    }

    fn schedule(&self) -> Arc<dyn Schedule> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// η at a step, counted from 0 over all epochs.
    pub fn at(&self, step: u64) -> f64 {
        self.schedule().at(step)
    }

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    pub fn check(&self) -> Result<()> {
        self.schedule().check()
    }

    /// Goes on with another rate, from the next epoch on: nothing is compiled again.
    ///
    /// # Errors
    /// Those of [`LearningRate::check`]; then it stays as it was.
    pub fn set(&self, rate: impl Into<Self>) -> Result<()> {
        let schedule = rate.into().schedule();
        schedule.check()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = schedule;
        Ok(())
    }

    /// The same rate, which nothing else changes.
    pub(crate) fn unshared(&self) -> Self {
        Self::of(self.schedule())
    }

    /// The column of η.
    pub(super) fn column(&self, g: &Builder) -> usize {
        let rate = self.clone();
        g.column("learning rate", move |step| rate.at(step))
    }

    /// The column of what a decay takes of a weight: η λ.
    pub(super) fn decay(&self, g: &Builder, weight_decay: f64) -> usize {
        let rate = self.clone();
        g.column("weight decay", move |step| rate.at(step) * weight_decay)
    }
}

/// A rule that gives the learning rate of every step, computed on the host in f64.
pub trait Schedule: Debug + Send + Sync {
    /// η at a step, counted from 0 over all epochs: a finite number from 0 on.
    fn at(&self, step: u64) -> f64;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()>;
}

impl Schedule for f64 {
    fn at(&self, _: u64) -> f64 {
        *self
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate", *self)
    }
}

/// A rule of the host. What it gives is looked at for the first step, and before each epoch for all of its steps.
struct FromFn<F>(F);

impl<F> Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

impl<F: Fn(u64) -> f64 + Send + Sync> Schedule for FromFn<F> {
    fn at(&self, step: u64) -> f64 {
        (self.0)(step)
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate at step 0", self.at(0))
    }
}

/// Refuses 0 steps.
fn some(name: &str, steps: u64) -> Result<()> {
    if steps > 0 { Ok(()) } else { Err(Error::argument(name, "at least 1", steps)) }
}

/// `step / steps`, whole where in stairs.
fn fraction(step: u64, steps: u64, staircase: bool) -> f64 {
    if staircase { (step / steps.max(1)) as f64 } else { step as f64 / steps as f64 }
}

/// `η₀ rᵗ` with `t = step / decay_steps`, in stairs rounded down.
///
/// # Defaults
/// `staircase` false. Source: Keras' `ExponentialDecay`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialDecay {
    initial: f64,
    decay_steps: u64,
    decay_rate: f64,
    staircase: bool,
}

impl ExponentialDecay {
    /// From η₀, times r = `decay_rate` every `decay_steps` steps.
    pub fn new(initial: f64, decay_steps: u64, decay_rate: f64) -> Self {
        Self { initial, decay_steps, decay_rate, staircase: false }
    }

    /// Whether η changes only every `decay_steps` steps.
    pub fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }
}

impl Schedule for ExponentialDecay {
    fn at(&self, step: u64) -> f64 {
        self.initial * self.decay_rate.powf(fraction(step, self.decay_steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate", self.initial)?;
        rate("decay_rate", self.decay_rate)?;
        some("decay_steps", self.decay_steps)
    }
}

/// `η₀ / (1 + r t)` with `t = step / decay_steps`, in stairs rounded down.
///
/// # Defaults
/// `staircase` false. Source: Keras' `InverseTimeDecay`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseTimeDecay {
    initial: f64,
    decay_steps: u64,
    decay_rate: f64,
    staircase: bool,
}

impl InverseTimeDecay {
    /// From η₀, with r = `decay_rate` per `decay_steps` steps.
    pub fn new(initial: f64, decay_steps: u64, decay_rate: f64) -> Self {
        Self { initial, decay_steps, decay_rate, staircase: false }
    }

    /// Whether η changes only every `decay_steps` steps.
    pub fn staircase(mut self, staircase: bool) -> Self {
        self.staircase = staircase;
        self
    }
}

impl Schedule for InverseTimeDecay {
    fn at(&self, step: u64) -> f64 {
        self.initial / (1.0 + self.decay_rate * fraction(step, self.decay_steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate", self.initial)?;
        rate("decay_rate", self.decay_rate)?;
        some("decay_steps", self.decay_steps)
    }
}

/// `(η₀ − η₁)(1 − t)^power + η₁` with `t = step / decay_steps`, at most 1; where it cycles, with `decay_steps` times the
/// least whole number that makes t at most 1.
///
/// # Defaults
/// `end` η₁ 0.0001, `power` 1, `cycle` false. Source: Keras' `PolynomialDecay`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolynomialDecay {
    initial: f64,
    decay_steps: u64,
    end: f64,
    power: f64,
    cycle: bool,
}

impl PolynomialDecay {
    /// From η₀ to η₁ in `decay_steps` steps.
    pub fn new(initial: f64, decay_steps: u64) -> Self {
        Self { initial, decay_steps, end: 1e-4, power: 1.0, cycle: false }
    }

    /// η₁.
    pub fn end(mut self, end: f64) -> Self {
        self.end = end;
        self
    }

    /// The power.
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// Whether η rises again after `decay_steps` steps, each time less.
    pub fn cycle(mut self, cycle: bool) -> Self {
        self.cycle = cycle;
        self
    }
}

impl Schedule for PolynomialDecay {
    fn at(&self, step: u64) -> f64 {
        let cycles = if self.cycle { step.div_ceil(self.decay_steps.max(1)).max(1) } else { 1 };
        let t = (step as f64 / (cycles as f64 * self.decay_steps as f64)).min(1.0);
        (self.initial - self.end) * (1.0 - t).powf(self.power) + self.end
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate", self.initial)?;
        rate("end", self.end)?;
        rate("power", self.power)?;
        some("decay_steps", self.decay_steps)
    }
}

/// The first value up to and with the first boundary, then the second one up to and with the second boundary, …; the
/// last value after the last boundary. Source: Keras' `PiecewiseConstantDecay`.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseConstantDecay {
    boundaries: Vec<u64>,
    values: Vec<f64>,
}

impl PiecewiseConstantDecay {
    /// With rising boundaries, and a value more.
    pub fn new(boundaries: impl Into<Vec<u64>>, values: impl Into<Vec<f64>>) -> Self {
        Self { boundaries: boundaries.into(), values: values.into() }
    }
}

impl Schedule for PiecewiseConstantDecay {
    fn at(&self, step: u64) -> f64 {
        let passed = self.boundaries.partition_point(|&boundary| boundary < step);
        self.values.get(passed).copied().unwrap_or(0.0)
    }

    fn check(&self) -> Result<()> {
        if !self.boundaries.is_sorted() {
            return Err(Error::argument("boundaries", "rising numbers", format!("{:?}", self.boundaries)));
        }
        let values = self.boundaries.len() + 1;
        if self.values.len() != values {
            return Err(Error::argument("values", format!("{values}, one more than boundaries"), self.values.len()));
        }
        self.values.iter().try_for_each(|&value| rate("learning_rate", value))
    }
}

/// `η₁ ((1 − a)(1 + cos π t) / 2 + a)` with `t = step / decay_steps`, at most 1, and `η₁ = η₀`. With a warm-up, η first
/// goes from η₀ to η₁ in a straight line, and t counts from its end.
///
/// # Defaults
/// `alpha` a 0, no warm-up. Source: Keras' `CosineDecay`; Loshchilov and Hutter, 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosineDecay {
    initial: f64,
    decay_steps: u64,
    alpha: f64,
    warmup: Option<(f64, u64)>,
}

impl CosineDecay {
    /// From η₀ down in `decay_steps` steps.
    pub fn new(initial: f64, decay_steps: u64) -> Self {
        Self { initial, decay_steps, alpha: 0.0, warmup: None }
    }

    /// a, the share that is left at the end.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// First to η₁ = `target` in `steps` steps.
    pub fn warmup(mut self, target: f64, steps: u64) -> Self {
        self.warmup = Some((target, steps));
        self
    }
}

impl Schedule for CosineDecay {
    fn at(&self, step: u64) -> f64 {
        let (target, steps) = self.warmup.unwrap_or((self.initial, 0));
        if step < steps {
            return self.initial + (target - self.initial) * fraction(step, steps, false);
        }
        let t = fraction(step - steps, self.decay_steps, false).min(1.0);
        target * ((1.0 - self.alpha) * (1.0 + (PI * t).cos()) / 2.0 + self.alpha)
    }

    fn check(&self) -> Result<()> {
        rate("learning_rate", self.initial)?;
        rate("alpha", self.alpha)?;
        rate("target", self.warmup.map_or(0.0, |(target, _)| target))?;
        some("decay_steps", self.decay_steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let refused: [LearningRate; 10] = [
            f64::NAN.into(),
            ExponentialDecay::new(-1.0, 1, 0.5).into(),
            ExponentialDecay::new(0.1, 0, 0.5).into(),
            InverseTimeDecay::new(0.1, 1, -0.5).into(),
            PolynomialDecay::new(0.1, 0).into(),
            PolynomialDecay::new(0.1, 1).power(-1.0).into(),
            PiecewiseConstantDecay::new([1, 2], [0.1, 0.2]).into(),
            PiecewiseConstantDecay::new([2, 1], [0.1, 0.2, 0.3]).into(),
            CosineDecay::new(0.1, 1).alpha(-1.0).into(),
            CosineDecay::new(0.1, 1).warmup(f64::INFINITY, 1).into(),
        ];
        refused.iter().for_each(|rate| assert!(rate.check().is_err(), "{rate:?}"));
    }

    /// What the golden values do not try; Keras 3.15.1 by its formulas.
    #[test]
    fn schedules_go_on_past_their_end() {
        let cycle = PolynomialDecay::new(0.1, 4).end(0.0).cycle(true);
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-15, "{got}, not {want}");
        for (step, want) in [(0, 0.1), (2, 0.05), (4, 0.0), (6, 0.025), (8, 0.0)] {
            close(cycle.at(step), want);
        }
        close(PolynomialDecay::new(0.1, 4).at(100), 1e-4);
        close(InverseTimeDecay::new(0.1, 2, 1.0).staircase(true).at(5), 0.1 / 3.0);
        close(CosineDecay::new(0.1, 4).alpha(0.5).at(100), 0.05);
        close(CosineDecay::new(0.1, 4).at(2), 0.05);
    }
}
