//! The figures of a workload, and statistics over blocks.

use serde::Serialize;

use crate::bench::{BLOCK_SECONDS, BLOCKS};
use crate::device::Device;
use crate::error::Result;

/// Median, best and worst of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// The middle one, or the mean of the two in the middle; 0 of none.
    pub median: f64,
    /// The best one.
    pub best: f64,
    /// The worst one.
    pub worst: f64,
    /// How many there are.
    pub n: usize,
}

impl Statistics {
    /// Of values of which the larger ones are better, or the smaller ones.
    ///
    /// ```
    /// use wgrad::bench::Statistics;
    /// let of = Statistics::of(&[3.0, 1.0, 2.0, 8.0], true);
    /// assert_eq!(of, Statistics { median: 2.5, best: 8.0, worst: 1.0, n: 4 });
    /// ```
    pub fn of(values: &[f64], more_is_better: bool) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
        let n = sorted.len();
        let (least, most) = (at(0), at(n.saturating_sub(1)));
        let (best, worst) = if more_is_better { (most, least) } else { (least, most) };
        Self { median: (at(n.saturating_sub(1) / 2) + at(n / 2)) / 2.0, best, worst, n }
    }
}

/// The figures of a workload on a device. As JSON its fields stand in this order, and those of no value are null, or
/// left out from `loss1` on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The workload's name.
    pub bench: &'static str,
    /// The device's name.
    pub device: String,
    /// The median of the blocks.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// The best block.
    pub best: f64,
    /// The number of blocks.
    pub n: usize,
    /// What the device could do at most, in the same unit.
    pub limit: Option<f64>,
    /// How much of that the median is: `value / limit`, and of seconds and bytes `limit / value`.
    pub fraction: Option<f64>,
    /// The worst block.
    pub worst: f64,
    /// The loss of the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss1: Option<f64>,
    /// Steps before the first timed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_steps: Option<usize>,
    /// The loss of the last of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_w: Option<f64>,
}

impl Measured {
    /// Figures without a limit and without losses.
    pub fn new(bench: &'static str, device: &Device, unit: &'static str, of: Statistics) -> Self {
        let device = device.name().to_string();
        let Statistics { median, best, worst, n } = of;
        let [value, best, worst] = [median, best, worst].map(rounded);
        Self {
            bench,
            device,
            value,
            unit,
            best,
            n,
            limit: None,
            fraction: None,
            worst,
            loss1: None,
            warm_steps: None,
            loss_w: None,
        }
    }

    /// With what the device could do at most: more than the value, or less where less is better.
    pub fn limit(mut self, limit: f64, more_is_better: bool) -> Self {
        if limit > 0.0 && limit.is_finite() && self.value > 0.0 {
            let fraction = if more_is_better { self.value / limit } else { limit / self.value };
            (self.limit, self.fraction) = (Some(rounded(limit)), Some(rounded(fraction)));
        }
        self
    }

    /// With the loss of the first step, and that of step `warm.0`, the last one before the first timed one.
    pub fn losses(self, first: f64, warm: Option<(usize, f64)>) -> Self {
        let [first, last] = [Some(first), warm.map(|(_, loss)| loss)].map(|loss| loss.map(eight_digits));
        Self { loss1: first, warm_steps: warm.map(|(steps, _)| steps), loss_w: last, ..self }
    }
}

/// As many digits as an f32 has, and one more.
fn eight_digits(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

/// Six significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Units of work in a block, of which one takes `seconds`: at least one.
pub fn units_of_block(seconds: f64) -> usize {
    ((BLOCK_SECONDS / seconds.max(1e-9)) as usize).max(1)
}

/// Seconds of each block, by `run`, which does a block's work and says how long a unit of it took.
pub fn blocks(mut run: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    (0..BLOCKS).map(|_| run()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_know_which_end_is_the_best() {
        let values = [5.0, 1.0, 3.0];
        assert_eq!(Statistics::of(&values, true), Statistics { median: 3.0, best: 5.0, worst: 1.0, n: 3 });
        assert_eq!(Statistics::of(&values, false), Statistics { median: 3.0, best: 1.0, worst: 5.0, n: 3 });
        assert_eq!(Statistics::of(&[2.0], true), Statistics { median: 2.0, best: 2.0, worst: 2.0, n: 1 });
        assert_eq!(Statistics::of(&[], true).n, 0);
    }

    #[test]
    fn a_fraction_is_at_most_one_whichever_way_is_better() {
        let of = |value| Statistics::of(&[value], true);
        let cpu = Device::cpu();
        let rate = Measured::new("x", &cpu, "steps/s", of(50.0)).limit(200.0, true);
        assert_eq!((rate.limit, rate.fraction), (Some(200.0), Some(0.25)));
        let seconds = Measured::new("x", &cpu, "s", of(4.0)).limit(1.0, false);
        assert_eq!(seconds.fraction, Some(0.25));
        let without = Measured::new("x", &cpu, "s", of(4.0)).limit(0.0, false);
        assert_eq!((without.limit, without.fraction), (None, None));
    }

    #[test]
    fn numbers_keep_six_digits() {
        assert_eq!(rounded(1_234_567.8), 1_234_570.0);
        assert_eq!(rounded(0.711_207_989), 0.711_208);
    }

    #[test]
    fn a_block_is_half_a_second_or_one_unit() {
        assert_eq!([units_of_block(0.01), units_of_block(7.0)], [50, 1]);
        assert!(units_of_block(0.0) > 1_000_000, "what takes no time has many units, and not endlessly many");
    }
}
