//! The F1 score.

use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Over, Value};
use crate::metrics::confusion::check_threshold;
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ColumnTerms, column_sums, greater_equal, max};

/// Keras' `epsilon`.
const EPSILON: f64 = 1e-7;

/// What one number is made of those of the classes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum F1Average {
    /// The mean of the classes' scores.
    #[default]
    Macro,
    /// The score of the counts of all classes together.
    Micro,
    /// The mean of the classes' scores, each by how often it is the target.
    Weighted,
}

/// `2 P R / (P + R)` of precision P and recall R of each class, averaged over the classes: outputs `[classes]`, targets
/// of a number per class. Keras' 1e-7 is in all denominators.
///
/// An average over several classes but the micro one is in the logs of whole epochs alone.
///
/// # Defaults
/// `average(F1Average::Macro)`; Keras' own default gives a number per class, which logs do not hold. Without a
/// `threshold`, the largest prediction of a row is of the class 1, all of equal ones; of a single column one above 0.5,
/// where Keras takes every row for the class 1. Source: Keras' `F1Score`.
#[derive(Clone, Copy, Debug, Default)]
pub struct F1Score {
    average: F1Average,
    threshold: Option<f64>,
}

impl F1Score {
    /// What one number is made by.
    pub fn average(mut self, average: F1Average) -> Self {
        self.average = average;
        self
    }

    /// What a prediction of the class 1 is above, in the place of being the largest.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
        self
    }
}

impl Metric for F1Score {
    fn name(&self) -> &str {
        "f1_score"
    }

    fn check(&self) -> Result<()> {
        self.threshold.map_or(Ok(()), check_threshold)
    }

    fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Measured> {
        let classes = match g.ty(p).shape.dims() {
            [_, classes] => *classes,
            _ => return Err(Error::shape("f1_score", "an output of [classes]", g.ty(p))),
        };
        let (p, threshold) = match self.threshold {
            Some(threshold) => (p, threshold),
            None if classes == 1 => (p, 0.5),
            None => (largest(g, p)?, 0.5),
        };
        let sums = column_sums(g, ColumnTerms::Confusion(threshold), p, targets)?;
        let together = classes == 1 || self.average == F1Average::Micro;
        let over = if together { Over::Nothing } else { Over::Each };
        let average = self.average;
        Ok(Measured {
            parts: sums.into_iter().take(3).map(|sum| (sum, over)).collect(),
            finish: Finish::new(move |counts| averaged(average, counts)),
        })
    }
}

/// 1 where an element is as large as the largest of its row, else 0.
fn largest(g: &Builder, p: Value) -> Result<Value> {
    let top = max(g, p, &[1], true)?;
    greater_equal(g, p, top)
}

/// The score of true positives, false positives and false negatives, as many of each as there are classes.
fn averaged(average: F1Average, counts: &[f64]) -> f64 {
    let classes = counts.len() / 3;
    let of = |class: usize| [0, 1, 2].map(|i| counts[i * classes + class]);
    let score = |[tp, fp, fn_]: [f64; 3]| {
        let (precision, recall) = (tp / (tp + fp + EPSILON), tp / (tp + fn_ + EPSILON));
        2.0 * precision * recall / (precision + recall + EPSILON)
    };
    let scores = (0..classes).map(|class| score(of(class)));
    if average != F1Average::Weighted {
        return scores.sum::<f64>() / classes as f64;
    }
    let support = |class: usize| of(class)[0] + of(class)[2];
    let all: f64 = (0..classes).map(support).sum();
    scores.enumerate().map(|(class, score)| score * support(class) / (all + EPSILON)).sum()
}
