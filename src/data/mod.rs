//! Data sets: read, split, scaled.

#[cfg(feature = "csv")]
mod csv;
mod dataset;
mod encode;
pub(crate) mod file;
#[cfg(feature = "csv")]
mod lines;
mod npy;
#[cfg(feature = "csv")]
mod preprocessing;
#[cfg(feature = "csv")]
mod records;
mod scale;
#[cfg(feature = "csv")]
mod scan;
mod split;
#[cfg(feature = "csv")]
mod table;
#[cfg(feature = "csv")]
mod task;

#[cfg(feature = "cli")]
pub(crate) use csv::cells;
#[cfg(feature = "csv")]
pub use csv::{ReadCsv, parse_csv, read_csv};
pub use dataset::Dataset;
#[cfg(feature = "csv")]
pub use dataset::breast_cancer;
#[cfg(feature = "cli")]
pub(crate) use dataset::{BREAST_CANCER_TARGET, breast_cancer_table};
pub use encode::OneHotEncoder;
pub use npy::{parse_npy, read_npy};
#[cfg(feature = "csv")]
pub use preprocessing::{Encoding, Input, MOST_FEATURES, Missing, Preprocessing, Target};
pub use scale::StandardScaler;
pub use split::{Split, split, stratified_split};
#[cfg(feature = "csv")]
pub use table::{Column, MOST_CATEGORIES, Table};
#[cfg(feature = "csv")]
pub use task::Task;
