//! Training: what is left of a run.

#[cfg(feature = "plot")]
mod curves;

#[cfg(feature = "plot")]
pub use curves::learning_curves_svg;
