//! Shares of predictions that are right.

use crate::error::{Error, Result};
use crate::graph::Builder;
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{self, ClassKind, ClassTargets, Hits, class_loss, pointwise_loss};

/// The accuracy that fits the output: [`BinaryAccuracy`] for one unit, [`SparseCategoricalAccuracy`] for targets of one
/// column, else [`CategoricalAccuracy`]. Source: Keras' metric "accuracy".
#[derive(Clone, Copy, Debug, Default)]
pub struct Accuracy;

impl Metric for Accuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        let (p, y) = (g.ty(observed.p).shape, g.ty(observed.targets.y).shape);
        match (p.dims().last(), y.dims().last()) {
            (Some(1), _) => BinaryAccuracy::default().call(g, observed),
            (_, Some(1)) => SparseCategoricalAccuracy.call(g, observed),
            _ if y.rank() < p.rank() => SparseCategoricalAccuracy.call(g, observed),
            _ => CategoricalAccuracy.call(g, observed),
        }
    }
}

/// The share of elements that are right: above the threshold where the target is 1, else not. Source: Keras'
/// `BinaryAccuracy`.
///
/// # Defaults
/// `threshold(0.5)`; an element at the threshold counts as 0.
#[derive(Clone, Copy, Debug)]
pub struct BinaryAccuracy {
    threshold: f64,
}

impl Default for BinaryAccuracy {
    fn default() -> Self {
        Self { threshold: 0.5 }
    }
}

impl BinaryAccuracy {
    /// What a prediction of the class 1 is above.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Metric for BinaryAccuracy {
    fn name(&self) -> &str {
        "binary_accuracy"
    }

    fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.threshold) {
            return Ok(());
        }
        Err(Error::argument("threshold", "a number from 0 to 1", self.threshold))
    }

    fn call(&self, g: &Builder, Observed { p, targets, loss, weighted }: Observed<'_>) -> Result<Measured> {
        if loss.hits == Some(Hits::Binary) && self.threshold == 0.5 && !weighted {
            return Ok(Measured::hits(loss, false));
        }
        let function = ops::BinaryAccuracy { threshold: self.threshold };
        Ok(Measured::hits(&pointwise_loss(g, function, p, targets, (1.0, 0.0), None)?, weighted))
    }
}

/// The share of rows whose largest prediction is at the largest target: targets of a number per class. Of equal ones
/// the first is the largest. Source: Keras' `CategoricalAccuracy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoricalAccuracy;

impl Metric for CategoricalAccuracy {
    fn name(&self) -> &str {
        "categorical_accuracy"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        class_hits(g, ClassTargets::OneHot, observed)
    }
}

/// The share of rows whose largest prediction is at the class of the target: targets are class numbers. Source: Keras'
/// `SparseCategoricalAccuracy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SparseCategoricalAccuracy;

impl Metric for SparseCategoricalAccuracy {
    fn name(&self) -> &str {
        "sparse_categorical_accuracy"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        class_hits(g, ClassTargets::Numbers, observed)
    }
}

/// Hits of classes: those of the loss where it has counted them.
fn class_hits(g: &Builder, of: ClassTargets, observed: Observed<'_>) -> Result<Measured> {
    let Observed { p, targets, loss, weighted } = observed;
    if loss.hits == Some(Hits::Class(of)) && !weighted {
        return Ok(Measured::hits(loss, false));
    }
    Ok(Measured::hits(&class_loss(g, (ClassKind::Scores, of), p, targets, 0.0, None)?, weighted))
}
