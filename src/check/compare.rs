//! A result against the oracle's: element by element at the op's bar, and the step protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check::number;
use crate::error::Result;
use crate::graph::{Buffer, GRADIENT_LIMIT, Inputs, Op, StepState, Tolerance, call};
use crate::shape::Type;

/// What the f64 kernel finds in an output before it runs, where a device finds NaN: no f32 has this value.
pub(super) const UNTOUCHED: f64 = 1000.0 + 1.0 / 3.0;
/// What a device finds in an output of dtype u32.
pub(super) const UNTOUCHED_INDEX: u32 = 0xa5a5_a5a5;
/// A bar from here on says that a partial sum may pass the largest f32, so that the result can be anything.
const WIDEST_BAR: f64 = 6.5e32; // 2^109, that is 32 · 2^-24 · 2^128 and some
const LARGEST: f64 = f32::MAX as f64;

/// An element whose distance from the oracle, as a share of its bar, is the largest of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// Which output.
    pub output: usize,
    /// Which element.
    pub index: usize,
    /// What the device gave.
    #[serde(with = "number")]
    pub got: f64,
    /// What the oracle gave.
    #[serde(with = "number")]
    pub want: f64,
    /// How far they may differ.
    #[serde(with = "number")]
    pub bar: f64,
    /// How far they differ, as a share of the bar.
    #[serde(with = "number")]
    pub error: f64,
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, index, got, want, bar, error } = self;
        write!(f, "{error:.3} of the bar at output {output}[{index}]: got {got:e}, want {want:e} within {bar:e}")
    }
}

/// What an op gives in f64, and how far a device may be from it.
#[derive(Debug)]
pub struct Reference {
    /// The outputs; one that nothing reads is empty.
    pub outputs: Vec<Buffer<f64>>,
    /// How far each element may be off.
    pub bars: Vec<Vec<f64>>,
    /// The step protocol after the op.
    pub step: StepState<f64>,
}

impl Reference {
    /// Runs the naive f64 kernel of `op`. `before` is what each output holds, `None` for one that nothing reads.
    ///
    /// # Errors
    /// Those of the op.
    pub fn new(
        op: &dyn Op,
        types: &[Type],
        inputs: &[Buffer<f64>],
        before: &[Option<Buffer<f64>>],
        step: &StepState<f64>,
    ) -> Result<Self> {
        let mut buffers = inputs.to_vec();
        let mut place = |buffer: &Buffer<f64>| {
            buffers.push(buffer.clone());
            buffers.len() - 1
        };
        let outputs: Vec<Option<usize>> = before.iter().map(|b| b.as_ref().map(&mut place)).collect();
        let ids: Vec<usize> = (0..inputs.len()).collect();
        let mut after = step.clone();
        let kernel = |args: crate::graph::Args<'_, f64>| op.cpu_f64(args);
        call(kernel, types, &mut buffers, (&ids, &outputs), &mut vec![], &mut after)?;
        let outputs: Vec<Buffer<f64>> =
            outputs.iter().map(|id| id.map_or_else(Buffer::default, |id| std::mem::take(&mut buffers[id]))).collect();
        let before: Vec<Buffer<f64>> = before.iter().map(|b| b.clone().unwrap_or_default()).collect();
        let case = Tolerance { types, inputs: Inputs::new(inputs, &ids), outputs: &outputs, before: &before, step };
        let bars = op.tolerance(&case);
        Ok(Self { outputs, bars, step: after })
    }

    /// The worst element of what a device gave; `None` where there is no element.
    pub fn worst(&self, got: &[Buffer<f64>]) -> Option<Worst> {
        let mut worst: Option<Worst> = None;
        for (output, got) in got.iter().enumerate() {
            for (index, got) in elements(got).enumerate() {
                let (want, bar) = (element(&self.outputs[output], index), self.bars[output].get(index));
                let (want, bar) = (want.unwrap_or(f64::NAN), bar.copied().unwrap_or(0.0));
                let error = error(want, got, bar);
                if worst.as_ref().is_none_or(|w| error > w.error) {
                    worst = Some(Worst { output, index, got, want, bar, error });
                }
            }
        }
        worst
    }

    /// What is wrong with the flag and the words of a device, if anything is.
    ///
    /// The flag is not looked at where a value is within its bar of what sets it, or passes the largest f32.
    pub fn step_differs(&self, got: &StepState<f64>) -> Option<String> {
        let (want, mut words) = (self.step.words, got.words);
        // Downloads count it up as well.
        words.sequence = words.sequence.min(want.sequence);
        let decided = self
            .outputs
            .iter()
            .zip(&self.bars)
            .all(|(output, bars)| output.float().iter().zip(bars).all(|(&want, &bar)| decided(want, bar)));
        (decided && (self.step.flag != got.flag || want != words))
            .then(|| format!("flag {} and {words:?}, want flag {} and {want:?}", got.flag, self.step.flag))
    }
}

fn elements(buffer: &Buffer<f64>) -> impl Iterator<Item = f64> {
    buffer.float().iter().copied().chain(buffer.indices().iter().map(|&i| f64::from(i)))
}

fn element(buffer: &Buffer<f64>, at: usize) -> Option<f64> {
    match buffer {
        Buffer::Float(v) => v.get(at).copied(),
        Buffer::Index(v) => v.get(at).map(|&i| f64::from(i)),
    }
}

/// Whether f32 and f64 must come to one verdict on a value.
fn decided(want: f64, bar: f64) -> bool {
    let near = (want.abs() - GRADIENT_LIMIT).abs() <= bar;
    want.is_nan() || (bar < WIDEST_BAR && want.abs() + bar < LARGEST && !near)
}

/// How far `got` is from `want`, as a share of `bar`; infinite where a rule is broken.
///
/// NaN is NaN; what passes the largest f32 by more than the bar comes out as infinity, NaN or 3e38 and more, and of a sum
/// with parts beyond it with the sign of the part that passed it first (a fused product does not turn it into NaN); a
/// value that may or may not pass it, and one of a sum with such a part, can be anything.
fn error(want: f64, got: f64, bar: f64) -> f64 {
    let rule = |holds: bool| if holds { 0.0 } else { f64::INFINITY };
    if want.is_nan() || want == UNTOUCHED {
        return rule(got.is_nan());
    }
    if want.is_infinite() || want.abs() - bar > LARGEST {
        let either_sign = want.is_finite() && bar >= WIDEST_BAR;
        let signed = either_sign || got.is_sign_negative() == want.is_sign_negative();
        return rule(got.is_nan() || (got.abs() >= 3e38 && signed));
    }
    if !bar.is_finite() || bar >= WIDEST_BAR || want.abs() + bar > LARGEST {
        return 0.0;
    }
    if bar == 0.0 {
        return rule((got as f32).to_bits() == (want as f32).to_bits());
    }
    let error = (got - want).abs() / bar;
    if error.is_nan() { f64::INFINITY } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_the_comparison() {
        assert_eq!(error(1.0, 1.5, 1.0), 0.5);
        assert_eq!(error(1.0, f64::NAN, 1.0), f64::INFINITY);
        assert_eq!(error(1.0, f64::INFINITY, 1.0), f64::INFINITY);
        assert_eq!(error(f64::NAN, 1.0, 1.0), f64::INFINITY);
        assert_eq!(error(f64::NAN, f64::NAN, 0.0), 0.0);
        assert_eq!(error(1e39, f64::INFINITY, 1.0), 0.0);
        assert_eq!(error(1e39, -f64::INFINITY, 1.0), f64::INFINITY);
        assert_eq!(error(1e39, 1e30, 1.0), f64::INFINITY);
        assert_eq!(error(1e50, -f64::INFINITY, 1e45), 0.0);
        assert_eq!(error(1e50, 1e30, 1e45), f64::INFINITY);
        assert_eq!(error(f64::INFINITY, -f64::INFINITY, 1e45), f64::INFINITY);
        assert_eq!(error(1.0, f64::NAN, 1e33), 0.0);
        assert_eq!(error(0.0, -0.0, 0.0), f64::INFINITY);
        assert_eq!(error(UNTOUCHED, f64::NAN, 0.0), 0.0);
        assert_eq!(error(UNTOUCHED, 0.0, f64::INFINITY), f64::INFINITY);
    }
}
