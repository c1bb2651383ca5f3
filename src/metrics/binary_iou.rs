//! How much of what is predicted and what is true is both.

use crate::error::Result;
use crate::graph::{Builder, Finish, Over};
use crate::metrics::confusion::{check_threshold, share};
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ColumnTerms, column_sums};

/// `TP / (TP + FP + FN)`: intersection over union of the elements above the threshold and those whose target is 1; 0 where
/// there is neither.
///
/// # Defaults
/// `threshold(0.5)`; an element at the threshold counts as 0. Source: Keras' `BinaryIoU` of the class 1.
#[derive(Clone, Copy, Debug)]
pub struct BinaryIoU {
    threshold: f64,
}

impl Default for BinaryIoU {
    fn default() -> Self {
        Self { threshold: 0.5 }
    }
}

impl BinaryIoU {
    /// What a prediction of the class 1 is above.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }
}

impl Metric for BinaryIoU {
    fn name(&self) -> &str {
        "binary_io_u"
    }

    fn check(&self) -> Result<()> {
        check_threshold(self.threshold)
    }

    fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Measured> {
        let [tp, fp, fneg, _] = column_sums(g, ColumnTerms::Confusion(self.threshold), p, targets)?[..] else {
            return Err(crate::error::Error::shape(self.name(), "four sums", "others"));
        };
        let parts = [tp, fp, fneg].map(|sum| (sum, Over::Nothing)).to_vec();
        Ok(Measured { parts, finish: Finish::new(share) })
    }
}
