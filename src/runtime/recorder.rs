//! Launches and copies, recorded and submitted.

use std::sync::Arc;

use super::api::{CopyCall, Launch, Submission};
use super::bind::BindGroups;
use super::buffer::Buffer;
use super::faults::lock;
use super::gpu::Gpu;
use super::pipeline::Pipeline;
use crate::error::{Error, Result};

/// One launch of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Dispatch {
    /// The kernel.
    pub(crate) pipeline: Arc<Pipeline>,
    /// Its buffers.
    pub(crate) binds: BindGroups,
    /// Workgroups along x, y and z.
    pub(crate) grid: [u32; 3],
}

/// One copy between buffers; offsets and size are multiples of 4.
#[derive(Clone, Debug)]
pub(crate) struct BufferCopy {
    /// Where the bytes are.
    pub(crate) from: Buffer,
    /// The first of them.
    pub(crate) from_offset: u64,
    /// Where they go.
    pub(crate) to: Buffer,
    /// The first place there.
    pub(crate) to_offset: u64,
    /// How many.
    pub(crate) bytes: u64,
}

impl Gpu {
    /// Submits a list of launches `times` times over in one pass, then the copies, and does not wait.
    ///
    /// # Errors
    /// `Limit` if a grid is larger than the device takes, `Device` if the driver refuses, `DeviceLost` if it is lost.
    pub(crate) fn submit(&self, dispatches: &[Dispatch], times: u32, copies: &[BufferCopy]) -> Result<Submission> {
        let limit = self.limits().workgroups_per_dimension;
        for dispatch in dispatches {
            if let Some(&need) = dispatch.grid.iter().find(|&&need| need > limit) {
                return Err(Error::Limit {
                    what: format!("grid of {}", dispatch.pipeline.label()),
                    name: "workgroups in a dimension",
                    need: need.into(),
                    limit: limit.into(),
                });
            }
        }
        let launches = (0..times).flat_map(|_| dispatches).map(|dispatch| Launch {
            pipeline: &dispatch.pipeline.compiled.pipeline,
            groups: dispatch.binds.raw(),
            grid: dispatch.grid,
        });
        let copies = copies.iter().map(|copy| CopyCall {
            from: copy.from.raw(),
            from_offset: copy.from_offset,
            to: copy.to.raw(),
            to_offset: copy.to_offset,
            bytes: copy.bytes,
        });
        let mut staged = lock(self.staged());
        let submission = self.api().submit(launches, copies)?;
        *staged = 0;
        self.tally().submitted(dispatches.len() as u64 * u64::from(times));
        Ok(submission)
    }
}
