//! What a device was asked to do, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a [`Gpu`](crate::runtime::Gpu) has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Kernels launched.
    pub dispatches: u64,
    /// Submissions to the queue, those that only flush an upload or copy for a download included.
    pub submissions: u64,
    /// Uploads asked for.
    pub uploads: u64,
    /// Bytes of these uploads.
    pub upload_bytes: u64,
    /// Buffers mapped to be read.
    pub read_backs: u64,
    /// Buffers that exist now.
    pub buffers: u64,
    /// Bytes of the buffers that exist now.
    pub bytes_allocated: u64,
    /// Pipelines compiled.
    pub pipelines: u64,
}

/// The counters while they count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    dispatches: AtomicU64,
    submissions: AtomicU64,
    uploads: AtomicU64,
    upload_bytes: AtomicU64,
    read_backs: AtomicU64,
    buffers: AtomicU64,
    bytes_allocated: AtomicU64,
    pipelines: AtomicU64,
}

impl Tally {
    pub(super) fn submitted(&self, dispatches: u64) {
        self.submissions.fetch_add(1, Relaxed);
        self.dispatches.fetch_add(dispatches, Relaxed);
    }

    pub(super) fn uploaded(&self, bytes: u64) {
        self.uploads.fetch_add(1, Relaxed);
        self.upload_bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn read_back(&self) {
        self.read_backs.fetch_add(1, Relaxed);
    }

    pub(super) fn allocated(&self, bytes: u64) {
        self.buffers.fetch_add(1, Relaxed);
        self.bytes_allocated.fetch_add(bytes, Relaxed);
    }

    pub(super) fn freed(&self, bytes: u64) {
        self.buffers.fetch_sub(1, Relaxed);
        self.bytes_allocated.fetch_sub(bytes, Relaxed);
    }

    pub(super) fn compiled(&self) {
        self.pipelines.fetch_add(1, Relaxed);
    }

    pub(super) fn bytes_allocated(&self) -> u64 {
        self.bytes_allocated.load(Relaxed)
    }

    pub(super) fn now(&self) -> Counters {
        Counters {
            dispatches: self.dispatches.load(Relaxed),
            submissions: self.submissions.load(Relaxed),
            uploads: self.uploads.load(Relaxed),
            upload_bytes: self.upload_bytes.load(Relaxed),
            read_backs: self.read_backs.load(Relaxed),
            buffers: self.buffers.load(Relaxed),
            bytes_allocated: self.bytes_allocated(),
            pipelines: self.pipelines.load(Relaxed),
        }
    }
}
