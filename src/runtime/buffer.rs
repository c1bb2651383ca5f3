//! Buffers on the device, and bytes to and from them.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::counters::Tally;
use super::faults::lock;
use super::gpu::Gpu;
use super::guard::Raw;
use crate::error::{Error, Result};

/// Most bytes staged between two submissions.
const STAGE: u64 = 64 << 20;

/// Bytes of one staging buffer.
const CHUNK: usize = 16 << 20;

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferUse {
    /// Read and written by kernels, and copied both ways.
    Storage,
    /// The parameters of a kernel.
    Uniform,
    /// Copied to, and read by the host.
    ReadBack,
}

impl BufferUse {
    fn flags(self) -> wgpu::BufferUsages {
        use wgpu::BufferUsages as Use;
        match self {
            Self::Storage => Use::STORAGE | Use::COPY_SRC | Use::COPY_DST,
            Self::Uniform => Use::UNIFORM | Use::COPY_DST,
            Self::ReadBack => Use::MAP_READ | Use::COPY_DST,
        }
    }
}

/// A buffer on the device. Cloning shares it; its memory is given back with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Buffer(Arc<Inner>);

/// A buffer that somebody else holds.
#[derive(Clone, Debug)]
pub(crate) struct WeakBuffer(Weak<Inner>);

impl WeakBuffer {
    /// The buffer, while somebody holds it.
    pub(crate) fn buffer(&self) -> Option<Buffer> {
        self.0.upgrade().map(Buffer)
    }
}

#[derive(Debug)]
struct Inner {
    raw: Raw<wgpu::Buffer>,
    label: String,
    bytes: u64,
    mapped: AtomicBool,
    tally: Arc<Tally>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tally.freed(self.bytes);
    }
}

impl Buffer {
    /// The same buffer, without holding it.
    pub(crate) fn weak(&self) -> WeakBuffer {
        WeakBuffer(Arc::downgrade(&self.0))
    }

    /// The size in bytes, a multiple of 16.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The name, for errors and debuggers.
    pub(crate) fn label(&self) -> &str {
        &self.0.label
    }

    pub(super) fn raw(&self) -> &wgpu::Buffer {
        &self.0.raw
    }

    /// Marks it as being mapped; whether it was not before.
    pub(super) fn begin_mapping(&self) -> bool {
        !self.0.mapped.swap(true, Ordering::AcqRel)
    }

    /// Marks it as not being mapped.
    pub(super) fn end_mapping(&self) {
        self.0.mapped.store(false, Ordering::Release);
    }

    /// An error if a range of `bytes` from `offset` passes the end.
    pub(super) fn check(&self, offset: u64, bytes: u64) -> Result<()> {
        match offset.checked_add(bytes) {
            Some(end) if end <= self.bytes() => Ok(()),
            _ => Err(Error::argument(
                format!("range of buffer {}", self.label()),
                format!("an end of at most {}", self.bytes()),
                format!("{bytes} bytes from {offset}"),
            )),
        }
    }
}

/// Bytes that lie on the device: what a program's own commands can read.
#[derive(Clone, Debug)]
pub struct DeviceSlice {
    buffer: Buffer,
    range: Range<u64>,
}

impl DeviceSlice {
    pub(crate) fn new(buffer: Buffer, range: Range<u64>) -> Self {
        Self { buffer, range }
    }

    /// The buffer: a storage buffer that can be copied from.
    pub fn buffer(&self) -> &wgpu::Buffer {
        self.buffer.raw()
    }

    /// The bytes in it; they begin at a multiple of 256.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }
}

impl Gpu {
    /// A buffer of at least `bytes`, zeroed; its size is rounded up to a multiple of 16 and is never 0.
    ///
    /// # Errors
    /// `Limit` if the device has no buffer or binding of that size, `OutOfMemory` if it has no memory left.
    pub(crate) fn buffer(&self, label: &str, bytes: u64, usage: BufferUse) -> Result<Buffer> {
        let limits = self.limits();
        let most = match usage {
            BufferUse::Storage => ("bytes in a binding", limits.max_binding_bytes),
            BufferUse::Uniform => ("bytes in a uniform binding", limits.max_uniform_bytes),
            BufferUse::ReadBack => ("bytes in a buffer", limits.max_buffer_bytes),
        };
        let rounded = bytes.max(1).checked_next_multiple_of(16).unwrap_or(u64::MAX);
        for (name, limit) in [("bytes in a buffer", limits.max_buffer_bytes), most] {
            if rounded > limit {
                return Err(Error::Limit { what: format!("buffer {label}"), name, need: rounded, limit });
            }
        }
        let raw = match self.api().buffer(label, rounded, usage.flags()) {
            // Freed buffers give their memory back only when the queue is looked at.
            #[cfg(not(target_arch = "wasm32"))]
            Err(Error::OutOfMemory { .. }) => {
                self.drain()?;
                self.api().buffer(label, rounded, usage.flags())?
            }
            made => made?,
        };
        self.tally().allocated(rounded);
        let (label, tally) = (label.to_string(), self.tally().clone());
        Ok(Buffer(Arc::new(Inner { raw, label, bytes: rounded, mapped: AtomicBool::new(false), tally })))
    }

    /// Writes bytes into a buffer, from `offset` (a multiple of 4), before the next submission.
    ///
    /// A length that is no multiple of 4 is filled up with zeros. At most 64 MiB are staged between two submissions;
    /// beyond that it submits by itself, and waits where waiting is possible.
    ///
    /// # Errors
    /// `Argument` if the range is not inside the buffer.
    pub(crate) fn upload(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        buffer.check(offset, bytes.len() as u64)?;
        if !offset.is_multiple_of(4) {
            return Err(Error::argument(format!("offset in buffer {}", buffer.label()), "a multiple of 4", offset));
        }
        let mut staged = lock(self.staged());
        let mut at = offset;
        for chunk in bytes.chunks(CHUNK) {
            let (words, tail) = chunk.split_at(chunk.len() / 4 * 4);
            if *staged + chunk.len() as u64 > STAGE {
                self.flush()?;
                *staged = 0;
            }
            if !words.is_empty() {
                self.api().write(buffer.raw(), buffer.label(), at, words)?;
            }
            if !tail.is_empty() {
                let mut word = [0; 4];
                word.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
                self.api().write(buffer.raw(), buffer.label(), at + words.len() as u64, &word)?;
            }
            *staged += chunk.len() as u64;
            at += chunk.len() as u64;
        }
        self.tally().uploaded(bytes.len() as u64);
        Ok(())
    }

    /// Sends what is staged, and waits for it where waiting is possible.
    fn flush(&self) -> Result<()> {
        let _sent = self.api().submit(std::iter::empty(), std::iter::empty())?;
        self.tally().submitted(0);
        #[cfg(not(target_arch = "wasm32"))]
        self.wait(&_sent)?;
        Ok(())
    }
}
