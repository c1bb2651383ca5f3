//! The values that an op is tried on: regimes that make different mistakes show.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::Buffer;
use crate::ops::{Domain, Function, Input, Needs};
use crate::random::{Philox, Purpose};
use crate::shape::Dtype;

/// What kind of numbers an input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Regime {
    /// Normal, standard deviation 1.
    Normal,
    /// Normal, below 0.
    Negative,
    /// A few numbers, each many times, 0 with either sign.
    Ties,
    /// Large, of alternating sign: sums lose most of their digits.
    Cancelling,
    /// Normal, times 100.
    Hundred,
    /// Normal, times 1e-25: products underflow.
    Tiny,
    /// Normal, times 1e17: squares are near the largest f32, and sums of them may pass it.
    Huge,
    /// Whole numbers from -8 to 8: sums of products are exact.
    Integers,
}

impl Regime {
    /// Every regime.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::Negative,
        Self::Ties,
        Self::Cancelling,
        Self::Hundred,
        Self::Tiny,
        Self::Huge,
        Self::Integers,
    ];

    fn any(self, at: usize, random: &mut Philox) -> f64 {
        let normal = normal(random);
        match self {
            Self::Normal => normal,
            Self::Negative => -normal.abs(),
            Self::Ties => [-1.0, -0.5, -0.0, 0.0, 0.5, 1.0][(random.word() % 6) as usize],
            Self::Cancelling => (if at.is_multiple_of(2) { 1000.0 } else { -1000.0 }) * (1.0 + 1e-6 * normal),
            Self::Hundred => 100.0 * normal,
            Self::Tiny => 1e-25 * normal,
            Self::Huge => 1e17 * normal,
            Self::Integers => f64::from(random.word() % 17) - 8.0,
        }
    }

    fn probability(self, random: &mut Philox) -> f64 {
        let u = random.uniform_f64();
        let near_an_end = 2f64.powi(-24) * f64::from(random.word() % 16);
        match self {
            Self::Normal | Self::Negative => u,
            Self::Ties => [0.0, 0.5, 1.0][(random.word() % 3) as usize],
            Self::Cancelling => 0.5 + 1e-3 * (u - 0.5),
            Self::Hundred => 1.0 - 1e-3 * u,
            Self::Tiny => 1e-25 * u,
            Self::Huge => 1.0 - near_an_end,
            Self::Integers => f64::from(random.word() % 2),
        }
    }
}

/// A number of the normal distribution. Source: Box and Muller 1958.
fn normal(random: &mut Philox) -> f64 {
    let (u, v) = (1.0 - random.uniform_f64(), random.uniform_f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// The values of input `index` in a regime, in f32 and inside the input's domain: a function of the arguments alone.
pub fn values(input: &Input, regime: Regime, seed: u64, index: usize) -> Buffer<f32> {
    let mut random = Philox::new(seed, Purpose::Initializer, (regime as u64) << 32 | index as u64);
    let len = input.ty.len();
    if let Domain::Index(n) = input.domain {
        return Buffer::Index((0..len).map(|_| random.word() % (n.max(1) as u32)).collect());
    }
    let value = |at: usize| match input.domain {
        Domain::Any | Domain::Index(_) => regime.any(at, &mut random),
        Domain::Moderate => regime.any(at, &mut random).clamp(-10.0, 10.0),
        Domain::Argument(function) => argument(function, regime.any(at, &mut random)),
        Domain::Seen(function) => seen(function, argument(function, regime.any(at, &mut random))),
        Domain::NotNegative => regime.any(at, &mut random).abs(),
        Domain::NotPositive => -regime.any(at, &mut random).abs(),
        Domain::Probability => regime.probability(&mut random),
        Domain::Label => f64::from(random.word() % 2),
        Domain::Class(n) => f64::from(random.word() % n.max(1) as u32),
    };
    Buffer::Float((0..len).map(value).map(|v| v as f32).collect())
}

/// A number that a function is defined for: x itself, or as far above the least one.
fn argument(function: Function, x: f64) -> f64 {
    if function.row.least.is_finite() { f64::from(function.row.least) + x.abs() } else { x }
}

/// What the derivative of a function is given for the argument x: x itself, or the function's value.
fn seen(function: Function, x: f64) -> f64 {
    if function.row.needs == Needs::Output { function.f::<f64>()(x) } else { x }
}

/// What an op is run on once.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What is special about the inputs.
    pub name: TrialName,
    /// The inputs.
    pub inputs: Vec<Buffer<f32>>,
}

/// What is special about the inputs of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialName {
    /// All inputs are of a regime.
    Regime(Regime),
    /// Normal, and one element of this input is NaN.
    NotANumber(usize),
    /// Normal, and one element of this input is infinite.
    Infinite(usize),
    /// Normal, and one element of this input is the lower infinity.
    NegativeInfinite(usize),
    /// Normal, and one index in this input points at nothing.
    BadIndex(usize),
}

impl fmt::Display for TrialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regime(regime) => write!(f, "{regime:?}"),
            Self::NotANumber(input) => write!(f, "NaN in input {input}"),
            Self::Infinite(input) => write!(f, "infinity in input {input}"),
            Self::NegativeInfinite(input) => write!(f, "-infinity in input {input}"),
            Self::BadIndex(input) => write!(f, "an index out of range in input {input}"),
        }
    }
}

/// Every trial of an op with these inputs: each regime, then NaN, infinity or an index out of range in each input.
pub fn trials(inputs: &[Input], seed: u64) -> Vec<Trial> {
    let all = |regime| inputs.iter().enumerate().map(|(i, input)| values(input, regime, seed, i)).collect::<Vec<_>>();
    let mut trials: Vec<Trial> =
        Regime::ALL.iter().map(|&r| Trial { name: TrialName::Regime(r), inputs: all(r) }).collect();
    for (i, input) in inputs.iter().enumerate().filter(|(_, input)| !input.ty.is_empty()) {
        let at = Philox::new(seed, Purpose::Initializer, 1 << 40 | i as u64).word() as usize % input.ty.len();
        let special = |name, value: f32| {
            let mut inputs = all(Regime::Normal);
            inputs[i].float_mut()[at] = value;
            Trial { name, inputs }
        };
        match (input.ty.dtype, input.domain) {
            (Dtype::F32, Domain::Moderate) => {}
            (Dtype::F32, domain) => {
                trials.push(special(TrialName::NotANumber(i), f32::NAN));
                if matches!(domain, Domain::Any | Domain::NotNegative | Domain::Argument(_) | Domain::Seen(_)) {
                    trials.push(special(TrialName::Infinite(i), f32::INFINITY));
                }
                if domain == Domain::Any {
                    trials.push(special(TrialName::NegativeInfinite(i), f32::NEG_INFINITY));
                }
                if let Domain::Class(n) = domain {
                    for value in [n as f32, -1.0, 0.5, f32::INFINITY] {
                        trials.push(special(TrialName::BadIndex(i), value));
                    }
                }
            }
            (Dtype::U32, Domain::Index(n)) => {
                let mut inputs = all(Regime::Normal);
                inputs[i].indices_mut()[at] = n as u32;
                trials.push(Trial { name: TrialName::BadIndex(i), inputs });
            }
            (Dtype::U32, _) => {}
        }
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Type;

    #[test]
    fn values_stay_in_their_domain_and_repeat() {
        let input = |domain| Input { ty: Type::f32([1000]), domain, variable: None };
        for regime in Regime::ALL {
            for domain in [
                Domain::Any,
                Domain::Moderate,
                Domain::NotNegative,
                Domain::NotPositive,
                Domain::Probability,
                Domain::Label,
                Domain::Class(7),
            ] {
                let made = values(&input(domain), regime, 3, 1);
                assert_eq!(made, values(&input(domain), regime, 3, 1));
                let inside = |v: &f32| match domain {
                    Domain::Any | Domain::Index(_) | Domain::Argument(_) | Domain::Seen(_) => v.is_finite(),
                    Domain::Moderate => v.abs() <= 10.0,
                    Domain::NotNegative => *v >= 0.0,
                    Domain::NotPositive => *v <= 0.0,
                    Domain::Probability => (0.0..=1.0).contains(v),
                    Domain::Label => *v == 0.0 || *v == 1.0,
                    Domain::Class(n) => v.fract() == 0.0 && *v >= 0.0 && *v < n as f32,
                };
                assert!(made.float().iter().all(inside), "{regime:?} {domain:?}");
            }
        }
        let index = Input { ty: Type::u32([1000]), domain: Domain::Index(7), variable: None };
        assert!(values(&index, Regime::Huge, 0, 0).indices().iter().all(|&i| i < 7));
    }
}
