//! Kernels whose operands are read along axes of their own: the part of `Params` that `lib/axes.wgsl` reads.

use crate::error::{Error, Result};
use crate::graph::Launch;
use crate::shape::Walk;

/// Axes that a kernel goes along, after those that can be are merged.
pub const MOST_AXES: usize = 6;

/// Adds the axes of `walk` to a launch of `op` whose `Params` hold `len` so far.
///
/// # Errors
/// [`Error::Limit`] where too many are left.
pub fn along<const N: usize>(op: &str, launch: Launch, walk: &Walk<N>) -> Result<Launch> {
    let rank = walk.axes.len();
    if rank > MOST_AXES {
        let (need, limit) = (rank as u64, MOST_AXES as u64);
        return Err(Error::Limit { what: op.into(), name: "axes, merged where possible", need, limit });
    }
    let mut launch = launch.size("rank", rank).size("padding0", 0).size("padding1", 0);
    for axis in 0..MOST_AXES {
        let (extent, strides) = walk.axes.get(axis).copied().unwrap_or((1, [0; N]));
        launch = launch.size("axes", extent);
        for i in 0..3 {
            launch = launch.size("axes", strides.get(i).copied().unwrap_or(0));
        }
    }
    launch.trips += rank as u64;
    Ok(launch)
}
