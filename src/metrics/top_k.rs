//! Shares of rows whose class is among the largest predictions.

use crate::error::{Error, Result};
use crate::graph::Builder;
use crate::metrics::{Measured, Metric, Observed};
use crate::ops::{ClassKind, ClassTargets, class_loss};

macro_rules! top_k {
    ($metric:ident, $name:literal, $targets:ident, $what:literal) => {
        #[doc = concat!("The share of rows where fewer than k predictions are larger than that of the class ", $what)]
        ///
        /// So a class that is as large as the k-th largest counts, however many are; with k from the number of classes
        /// on every one does.
        ///
        /// # Defaults
        #[doc = concat!("`k(5)`. Source: Keras' `", stringify!($metric), "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct $metric {
            k: usize,
        }

        impl Default for $metric {
            fn default() -> Self {
                Self { k: 5 }
            }
        }

        impl $metric {
            /// How many of the largest predictions are looked at.
            pub fn k(mut self, k: usize) -> Self {
                self.k = k;
                self
            }
        }

        impl Metric for $metric {
            fn name(&self) -> &str {
                $name
            }

            fn check(&self) -> Result<()> {
                if self.k > 0 { Ok(()) } else { Err(Error::argument("k", "at least 1", self.k)) }
            }

            fn call(&self, g: &Builder, Observed { p, targets, weighted, .. }: Observed<'_>) -> Result<Measured> {
                let kind = (ClassKind::TopK(self.k), ClassTargets::$targets);
                Ok(Measured::hits(&class_loss(g, kind, p, targets, 0.0, None)?, weighted))
            }
        }
    };
}

top_k!(
    TopKCategoricalAccuracy,
    "top_k_categorical_accuracy",
    OneHot,
    "of the largest target: targets of a number per class."
);
top_k!(
    SparseTopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy",
    Numbers,
    "of the target: targets are class numbers."
);
