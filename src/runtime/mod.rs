//! Everything that talks to wgpu: adapters, the device, buffers, pipelines, submissions and read-back.
//!
//! It knows buffers and pipelines, not tensors or ops. Each call into wgpu stands in `api`, where a refused
//! call, an exhausted memory and a panic become typed errors.

mod adapter;
mod api;
mod bind;
mod buffer;
pub(crate) mod clock;
mod counters;
mod faults;
mod gpu;
mod guard;
mod pipeline;
mod readback;
mod recorder;
#[cfg(test)]
pub(crate) mod shim;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use adapter::Wanted;
#[cfg(not(target_arch = "wasm32"))]
pub use adapter::adapters;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use adapter::select;
pub use adapter::{Adapter, AdapterInfo, AdapterKind, Limits};
pub(crate) use bind::{BindGroups, BufferRange};
pub use buffer::DeviceSlice;
pub(crate) use buffer::{Buffer, BufferUse, WeakBuffer};
pub use counters::Counters;
pub use gpu::Gpu;
pub(crate) use gpu::PATIENCE;
pub(crate) use pipeline::{BindingKind, KernelSource, Pipeline};
pub(crate) use readback::ReadBack;
pub(crate) use recorder::{BufferCopy, Dispatch};
