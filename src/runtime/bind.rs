//! Buffers bound to a kernel.

use std::sync::Arc;

use super::buffer::Buffer;
use super::gpu::Gpu;
use super::guard::Raw;
use super::pipeline::Pipeline;
use crate::error::{Error, Result};

/// A part of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferRange<'a> {
    /// The buffer.
    pub(crate) buffer: &'a Buffer,
    /// Where it begins, in bytes: a multiple of the device's alignment.
    pub(crate) offset: u64,
    /// How many bytes it has; not 0.
    pub(crate) size: u64,
}

impl<'a> BufferRange<'a> {
    /// The whole buffer.
    pub(crate) fn whole(buffer: &'a Buffer) -> Self {
        Self { buffer, offset: 0, size: buffer.bytes() }
    }

    fn check(&self, label: &str, name: &'static str, limit: u64) -> Result<()> {
        if self.size == 0 {
            let place = format!("size of {} bound to {label}", self.buffer.label());
            return Err(Error::argument(place, "at least 1 byte", 0));
        }
        if self.size > limit {
            let what = format!("{} bound to {label}", self.buffer.label());
            return Err(Error::Limit { what, name, need: self.size, limit });
        }
        self.buffer.check(self.offset, self.size)
    }
}

/// What a launch binds; it keeps the buffers alive. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct BindGroups(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    storage: Raw<wgpu::BindGroup>,
    params: Option<Raw<wgpu::BindGroup>>,
    _held: Vec<Buffer>,
}

impl BindGroups {
    pub(super) fn raw(&self) -> [Option<&wgpu::BindGroup>; 2] {
        [Some(&self.0.storage), self.0.params.as_deref()]
    }
}

impl Gpu {
    /// Binds buffers to a kernel: `storage` in the order of its bindings, `params` where it has them.
    ///
    /// # Errors
    /// `Argument` if the number of buffers is wrong or a range is not inside its buffer, `Limit` if a range is larger
    /// than a binding may be, `Device` for what wgpu finds beyond that.
    pub(crate) fn bind_group(
        &self,
        pipeline: &Pipeline,
        storage: &[BufferRange<'_>],
        params: Option<BufferRange<'_>>,
    ) -> Result<BindGroups> {
        let label = pipeline.label();
        if storage.len() != pipeline.storage() {
            let place = format!("storage buffers bound to {label}");
            return Err(Error::argument(place, pipeline.storage().to_string(), storage.len()));
        }
        for range in storage {
            range.check(label, "bytes in a binding", self.limits().max_binding_bytes)?;
        }
        if let Some(range) = params {
            range.check(label, "bytes in a uniform binding", self.limits().max_uniform_bytes)?;
        }
        let bind = |layout: &wgpu::BindGroupLayout, ranges: &[BufferRange<'_>]| {
            let ranges: Vec<_> = ranges.iter().map(|r| (r.buffer.raw(), r.offset, r.size)).collect();
            self.api().bind_group(label, layout, &ranges)
        };
        let (group, uniform) = match (pipeline.compiled.layouts.as_slice(), params) {
            ([first], None) => (bind(first, storage)?, None),
            ([first, second], Some(range)) => (bind(first, storage)?, Some(bind(second, &[range])?)),
            (layouts, _) => {
                let expected = if layouts.len() == 2 { "a buffer" } else { "none" };
                let got = if params.is_some() { "a buffer" } else { "none" };
                return Err(Error::argument(format!("params bound to {label}"), expected, got));
            }
        };
        let held = storage.iter().chain(&params).map(|range| range.buffer.clone()).collect();
        Ok(BindGroups(Arc::new(Inner { storage: group, params: uniform, _held: held })))
    }
}
