//! One op on a device against its f64 kernel, on awkward sizes and values.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::bench::Bench;
use crate::check::compare::Worst;
use crate::check::number;
use crate::check::values::{Regime, Trial, TrialName, trials};
use crate::device::Device;
use crate::error::Result;
use crate::graph::Site;
use crate::ops::Case;
use crate::program::Options;
use crate::shape::Type;

/// An op's own plain kernel on the CPU: the last of the variants there, and the only one in f64.
const PLAIN: &str = "plain";

/// What a check found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Runs, on different values.
    pub cases: usize,
    /// The largest distance from the oracle, as a share of the bar: a check passes with at most 1.
    #[serde(with = "number")]
    pub max_error: f64,
    /// The worst element of the worst run, and what repeats that: the run with the largest distance, or one that broke
    /// another rule.
    pub worst: Option<(Place, Worst)>,
    /// By which runs are ranked: the distance, infinite where another rule was broken.
    #[serde(with = "number")]
    pub rank: f64,
    /// Other rules that were broken, in words.
    pub violations: Vec<String>,
}

/// What repeats a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The op.
    pub op: String,
    /// Its variant.
    pub variant: String,
    /// The types of the inputs.
    pub shape: String,
    /// What is special about their values.
    pub values: TrialName,
    /// The seed of their values.
    pub seed: u64,
    /// Which outputs are read.
    pub used: Vec<bool>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { op, variant, shape, values, seed, used } = self;
        write!(f, "{op} ({variant}) of {shape}, {values}, seed {seed}")?;
        if used.contains(&false) { write!(f, ", outputs read: {used:?}") } else { Ok(()) }
    }
}

impl Outcome {
    /// Whether every element is within its bar, and no rule was broken.
    pub fn passes(&self) -> bool {
        self.max_error <= 1.0 && self.violations.is_empty()
    }

    /// Adds what another check found.
    pub fn merge(&mut self, other: Self) {
        self.cases += other.cases;
        self.max_error = self.max_error.max(other.max_error);
        if other.worst.is_some() && (self.worst.is_none() || other.rank > self.rank) {
            (self.rank, self.worst) = (other.rank, other.worst);
        }
        self.violations.extend(other.violations);
    }

    fn add(&mut self, place: &Place, worst: Option<Worst>, violations: Vec<String>) {
        let max_error = worst.as_ref().map_or(0.0, |worst| worst.error);
        let rank = if violations.is_empty() { max_error } else { f64::INFINITY };
        let worst = worst.map(|worst| (place.clone(), worst));
        let violations = violations.into_iter().map(|v| format!("{place}: {v}")).collect();
        self.merge(Self { cases: 1, max_error, worst, rank, violations });
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases, {:.3} of the bar", self.cases, self.max_error)?;
        if let Some((place, worst)) = &self.worst {
            write!(f, "\n  {place}: {worst}")?;
        }
        for violation in self.violations.iter().take(8) {
            write!(f, "\n  {violation}")?;
        }
        match self.violations.len().saturating_sub(8) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Runs a case's op in the variant of `options` on `device`, on every kind of values, and compares with the f64 kernel.
///
/// Grids are folded for every other seed. Where the op has several outputs it is run once more with one of them alone
/// (by the seed), as programs load it.
///
/// # Errors
/// Those of the device. A wrong number is an outcome, not an error.
pub fn parity(device: &Device, case: &Case, options: &Options, seed: u64) -> Result<Outcome> {
    let types: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&types.iter().collect::<Vec<_>>())?.len();
    let variant = variants(device, case)?.get(options.variant).copied().unwrap_or(PLAIN).to_string();
    let options = &Options { folded: folded(seed), ..options.clone() };
    let (op, values) = (case.op.name().to_string(), TrialName::Regime(Regime::Normal));
    let mut place = Place { op, variant, shape: shape_of(case), values, seed, used: vec![true; outputs] };
    let mut outcome = Outcome::default();
    let most = if case.brief { 2 } else { usize::MAX };
    run(device, case, options, most, &mut place, &mut outcome)?;
    if outputs > 1 && case.op.aliases().is_empty() && case.op.name() != "step_end" {
        place.used = (0..outputs).map(|i| i == seed as usize % outputs).collect();
        run(device, case, options, 1, &mut place, &mut outcome)?;
    }
    Ok(outcome)
}

/// Runs the first `most` trials of a case.
fn run(
    device: &Device,
    case: &Case,
    options: &Options,
    most: usize,
    place: &mut Place,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut bench = Bench::new(device, case, options, &place.used)?;
    for trial in trials_of(case, place.seed).into_iter().take(most) {
        place.values = trial.name;
        let left = bench.run(&trial)?;
        let reference = bench.reference(&trial)?;
        let mut violations: Vec<String> = left.stray.into_iter().collect();
        if !place.used.contains(&false) {
            violations.extend(reference.step_differs(&left.step));
        }
        outcome.add(place, reference.worst(&left.outputs), violations);
    }
    Ok(())
}

/// Whether a case with this seed has its grids folded.
pub(super) fn folded(seed: u64) -> bool {
    seed % 2 == 1
}

/// The types of a case's inputs, as one text.
pub(super) fn shape_of(case: &Case) -> String {
    let inputs: Vec<&Type> = case.inputs.iter().map(|input| &input.ty).collect();
    // What takes nothing is known by what it gives.
    let types =
        if inputs.is_empty() { case.op.infer(&[]).unwrap_or_default() } else { inputs.into_iter().cloned().collect() };
    types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ")
}

/// The trials that make sense for a case: `step_end` counts, so its u32 inputs are no indices.
pub(super) fn trials_of(case: &Case, seed: u64) -> Vec<Trial> {
    let mut trials = trials(&case.inputs, seed);
    if case.op.name() == "step_end" {
        trials.retain(|trial| !matches!(trial.name, TrialName::BadIndex(_)));
    }
    trials
}

/// The names of the variants of a case's op on a device.
///
/// # Errors
/// Those of the op's variants.
pub fn variants(device: &Device, case: &Case) -> Result<Vec<&'static str>> {
    let inputs: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&inputs.iter().collect::<Vec<_>>())?;
    let (used, caps) = (vec![true; outputs.len()], device.caps());
    let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps: &caps };
    if device.is_exact() {
        return Ok(vec![PLAIN]);
    }
    if device.adapter().is_none() {
        let fast = case.op.cpu_variants(&site).into_iter().map(|variant| variant.name);
        return Ok(fast.chain([PLAIN]).collect());
    }
    Ok(case.op.variants(&site)?.into_iter().map(|variant| variant.name).collect())
}
