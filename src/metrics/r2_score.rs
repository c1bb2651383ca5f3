//! The coefficient of determination.

use crate::error::Result;
use crate::graph::{Builder, Finish, Over};
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ColumnTerms, column_sums};

/// `1 − Σ (p − t)² / Σ (t − mean t)²` of each element of an output, the mean over these.
///
/// 0 for an element whose targets are all equal; Keras says NaN where its predictions are right as well. Of an output
/// with several elements it is in the logs of whole epochs alone. Source: Keras' `R2Score`, with its defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct R2Score;

impl Metric for R2Score {
    fn name(&self) -> &str {
        "r2_score"
    }

    fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Measured> {
        let sums = column_sums(g, ColumnTerms::Moments, p, targets)?;
        let over = if g.ty(sums[0]).len() == 1 { Over::Nothing } else { Over::Each };
        let parts = sums.into_iter().map(|sum| (sum, over)).collect();
        Ok(Measured { parts, finish: Finish::new(mean_score) })
    }
}

/// The mean score of the sums of 1, t, t² and (p − t)², as many of each as there are columns.
fn mean_score(sums: &[f64]) -> f64 {
    let columns = sums.len() / 4;
    let score = |column: usize| {
        let [count, sum, squares, off] = [0, 1, 2, 3].map(|i| sums[i * columns + column]);
        let spread = squares - sum * sum / count;
        if spread > 0.0 { 1.0 - off / spread } else { 0.0 }
    };
    (0..columns).map(score).sum::<f64>() / columns as f64
}
