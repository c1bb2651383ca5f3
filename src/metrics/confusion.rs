//! How often predictions above a threshold are right and wrong: counts, precision and recall.

use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Over};
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ColumnTerms, column_sums};

/// The places of true positives, false positives, false negatives and true negatives.
const TP: usize = 0;
const FP: usize = 1;
const FN: usize = 2;
const TN: usize = 3;

/// Refuses a threshold that is no probability.
pub(super) fn check_threshold(threshold: f64) -> Result<()> {
    if (0.0..=1.0).contains(&threshold) {
        return Ok(());
    }
    Err(Error::argument("threshold", "a number from 0 to 1", threshold))
}

/// The first number as a share of the sum of all; 0 where that is 0.
pub(super) fn share(numbers: &[f64]) -> f64 {
    match numbers.iter().sum() {
        0.0 => 0.0,
        sum => numbers[0] / sum,
    }
}

macro_rules! counted {
    ($metric:ident, $name:literal, [$($part:ident),*], $finish:expr, $what:literal) => {
        #[doc = $what]
        ///
        /// Rows of a weighted metric count by their weights. A target between 0 and 1 counts as so much of a 1 and the
        /// rest of a 0; in Keras as a 1.
        ///
        /// # Defaults
        #[doc = concat!("`threshold(0.5)`; an element at the threshold counts as 0. Source: Keras' `",
            stringify!($metric), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $metric {
            threshold: f64,
        }

        impl Default for $metric {
            fn default() -> Self {
                Self { threshold: 0.5 }
            }
        }

        impl $metric {
            /// What a prediction of the class 1 is above.
            pub fn threshold(mut self, threshold: f64) -> Self {
                self.threshold = threshold;
                self
            }
        }

        impl Metric for $metric {
            fn name(&self) -> &str {
                $name
            }

            fn check(&self) -> Result<()> {
                check_threshold(self.threshold)
            }

            fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Measured> {
                let sums = column_sums(g, ColumnTerms::Confusion(self.threshold), p, targets)?;
                Ok(Measured { parts: vec![$((sums[$part], Over::Nothing)),*], finish: $finish })
            }
        }
    };
}

counted!(
    TruePositives,
    "true_positives",
    [TP],
    Finish::sum(),
    "The number of elements above the threshold whose target is 1."
);
counted!(
    TrueNegatives,
    "true_negatives",
    [TN],
    Finish::sum(),
    "The number of elements not above the threshold whose target is 0."
);
counted!(
    FalsePositives,
    "false_positives",
    [FP],
    Finish::sum(),
    "The number of elements above the threshold whose target is 0."
);
counted!(
    FalseNegatives,
    "false_negatives",
    [FN],
    Finish::sum(),
    "The number of elements not above the threshold whose target is 1."
);
counted!(
    Precision,
    "precision",
    [TP, FP],
    Finish::new(share),
    "The share of elements above the threshold whose target is 1; 0 where none is above."
);
counted!(
    Recall,
    "recall",
    [TP, FN],
    Finish::new(share),
    "The share of elements whose target is 1 that are above the threshold; 0 where no target is 1."
);
