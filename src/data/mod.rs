//! Data sets: read, split, scaled.

#[cfg(feature = "csv")]
mod csv;
mod dataset;
pub(crate) mod file;
mod scale;
mod split;

#[cfg(feature = "csv")]
pub use csv::{Table, parse_csv, read_csv};
pub use dataset::Dataset;
#[cfg(feature = "csv")]
pub use dataset::breast_cancer;
pub use scale::StandardScaler;
pub use split::{Split, split};
