//! What an op asks of the CPU in f32 beside its plain kernel: kernels that are made once at load and own their scratch.

use std::fmt::Debug;

use crate::error::Result;
use crate::graph::op::Args;

/// Elements of the scratch that each member of a team has.
pub const TEAM_SCRATCH: usize = 224 * 256 + 64;

/// Those who work at once on a kernel's parts.
///
/// A kernel splits its outputs, never the order of a sum, so the number of members changes no bit.
///
/// # Safety
/// `run` calls `work` once for each part below `parts`, and for no other: kernels write the outputs of a part without a lock.
pub unsafe trait Team {
    /// Members, the caller among them.
    fn size(&self) -> usize;

    /// Calls `work` for each part from 0 on with the scratch of a member, [`TEAM_SCRATCH`] elements of any value, and
    /// returns when all are done. A single part stays with the caller.
    fn run(&mut self, parts: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync));
}

/// The caller alone.
#[derive(Debug)]
pub struct Alone(Vec<f32>);

impl Default for Alone {
    fn default() -> Self {
        Self(vec![0.0; TEAM_SCRATCH])
    }
}

// SAFETY: each part is given to one member, once.
unsafe impl Team for Alone {
    fn size(&self) -> usize {
        1
    }

    fn run(&mut self, parts: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        (0..parts).for_each(|part| work(part, &mut self.0));
    }
}

/// A kernel of an op at its place in a program. It computes what [`OpDef::cpu`](crate::graph::OpDef::cpu) does, within
/// the op's bars, and sets the flag where that does. It takes no memory when it runs.
pub trait CpuKernel: Debug + Send {
    /// Runs it.
    ///
    /// # Errors
    /// As the op documents.
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()>;
}

/// A kernel with a name.
#[derive(Debug)]
pub struct CpuVariant {
    /// Unique in the op.
    pub name: &'static str,
    /// The kernel.
    pub kernel: Box<dyn CpuKernel>,
}
