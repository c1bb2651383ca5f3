//! Training: runs over data, what they report, and what is left of them.

#[cfg(feature = "plot")]
mod curves;
mod evaluate;
mod fit;
mod halt;
mod history;
mod pass;
mod predict;
mod progress;
mod rows;
mod run;
mod step;
#[cfg(test)]
mod failing;

#[cfg(feature = "plot")]
pub use curves::learning_curves_svg;
pub use fit::{Fit, Verbosity};
pub use history::{History, Logs};
pub use progress::Reporter;
pub use run::{Progress, Run};
pub use step::{Step, Tracing};
