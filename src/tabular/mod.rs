//! Tables in, predictions out: a model together with what its table's columns are, in one file.

#[cfg(feature = "plot")]
mod confusion;
mod predictor;
mod scores;

#[cfg(feature = "plot")]
#[cfg(feature = "cli")]
pub(crate) use confusion::shortened;
#[cfg(feature = "plot")]
pub use confusion::{MOST_DRAWN, confusion_matrix_svg};
pub use predictor::{Origin, Predictor};
pub use scores::{Predictions, Scores};
