//! Loops of the CPU in f32: products of matrices in tiles, functions of many numbers at once, sums.
//!
//! Each is written once, over [`Lanes`], and compiled for every [`Level`]. A level is chosen at run time by what the CPU
//! has. The levels' results differ in the last bits, since one of them has a fused multiply-add; within one, results do
//! not depend on how work is split.

mod fast;
mod functions;
mod lanes;
mod level;
mod pack;
mod product;
mod shared;
mod sums;
mod tile;

pub use fast::Fast;
pub use lanes::{Lanes, Plain};
pub use level::{Level, Work};
pub use product::{After, Matrix, Product};
pub use shared::{Shared, spread};
pub use sums::{Above, chunked, column_sums};

#[cfg(test)]
mod tests;
