//! The area under a curve of thresholds.

use crate::error::Result;
use crate::graph::{Builder, Finish, Over};
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ColumnTerms, column_sums};

/// Buckets between the 200 thresholds −1e-7, 1/199, …, 198/199, 1 + 1e-7.
const BUCKETS: usize = 199;

/// What an area is under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Curve {
    /// The rate of true positives over that of false positives.
    #[default]
    Roc,
    /// Precision over recall.
    PrecisionRecall,
}

/// The area under the curve that 200 thresholds from 0 to 1 give: by trapezoids, and of precision over recall by Davis'
/// and Goadrich's interpolation. Predictions are probabilities; others are clipped to [0, 1]. All elements of an output
/// count alike.
///
/// It is in the logs of whole epochs alone, for what it is made of stays on the device.
///
/// # Defaults
/// `curve(Curve::Roc)`. Source: Keras' `AUC`, with its other defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct Auc {
    curve: Curve,
}

impl Auc {
    /// The curve.
    pub fn curve(mut self, curve: Curve) -> Self {
        self.curve = curve;
        self
    }
}

impl Metric for Auc {
    fn name(&self) -> &str {
        "auc"
    }

    fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Measured> {
        let sums = column_sums(g, ColumnTerms::Histogram(BUCKETS), p, targets)?;
        let parts = sums.into_iter().map(|sum| (sum, Over::Each)).collect();
        let area = if self.curve == Curve::Roc { roc } else { precision_recall };
        Ok(Measured { parts, finish: Finish::new(move |buckets| area(&above(buckets))) })
    }
}

/// How many targets of 1 and of 0 have predictions above each threshold, the lowest first.
fn above(buckets: &[f64]) -> Vec<[f64; 2]> {
    let (ones, zeros) = buckets.split_at(buckets.len() / 2);
    let mut above = vec![[0.0; 2]];
    for (one, zero) in ones.iter().zip(zeros).rev() {
        let [tp, fp] = above[above.len() - 1];
        above.push([tp + one, fp + zero]);
    }
    above.reverse();
    above
}

/// A share; 0 of nothing.
fn share(a: f64, of: f64) -> f64 {
    if of == 0.0 { 0.0 } else { a / of }
}

fn roc(above: &[[f64; 2]]) -> f64 {
    let rates = |[tp, fp]: [f64; 2]| [share(tp, above[0][0]), share(fp, above[0][1])];
    let area = |pair: &[[f64; 2]]| {
        let [[low_tp, low_fp], [high_tp, high_fp]] = [rates(pair[0]), rates(pair[1])];
        (low_fp - high_fp) * (low_tp + high_tp) / 2.0
    };
    above.windows(2).map(area).sum()
}

/// Between two thresholds true positives go along a line with all that is above: Davis and Goadrich, 2006.
fn precision_recall(above: &[[f64; 2]]) -> f64 {
    let area = |pair: &[[f64; 2]]| {
        let [[low_tp, low_fp], [high_tp, high_fp]] = [pair[0], pair[1]];
        let (low, high) = (low_tp + low_fp, high_tp + high_fp);
        let slope = share(low_tp - high_tp, low - high);
        let start = high_tp - slope * high;
        let ratio = if low > 0.0 && high > 0.0 { low / high } else { 1.0 };
        share(slope * (low_tp - high_tp + start * ratio.ln()), above[0][0])
    };
    above.windows(2).map(area).sum()
}
