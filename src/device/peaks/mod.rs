//! What a device can do at most, measured on it: the limit that a workload is compared with.

mod cpu;
mod gpu;

use std::hint::black_box;

pub use gpu::peak_launches;

use crate::device::{Device, Kind};
use crate::error::Result;

/// Bytes of the last cache where a device does not say: more than most GPUs have.
const CACHE: u64 = 64 << 20;

/// What a device can do at most, as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peaks {
    /// Floating point operations a second in registers, a multiply-add counted as two.
    pub flops_per_second: f64,
    /// Bytes a second, read and written counted both, of a copy that no cache holds.
    pub bytes_per_second: f64,
    /// The same of a copy of at most 2 MiB.
    pub cached_bytes_per_second: f64,
    /// Bytes that count as cached.
    pub cache_bytes: u64,
    /// Seconds of a launch that waits for the one before it and does nothing; 0 on a CPU, which launches none.
    pub launch_seconds: f64,
}

/// What something has to do at least.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Floating point operations.
    pub flops: f64,
    /// Bytes: each tensor read once and written once.
    pub bytes: f64,
    /// Bytes of all tensors together.
    pub memory: f64,
    /// Launches that wait for one another.
    pub launches: f64,
}

impl Peaks {
    /// `max(flops / P, bytes / BW, launches t)`: no device with these peaks takes fewer seconds.
    ///
    /// Bytes of what fits the cache come from the cache, at the rate of a copy of 2 MiB.
    ///
    /// ```
    /// use wgrad::device::{Peaks, Work};
    /// let peaks = Peaks {
    ///     flops_per_second: 100e9,
    ///     bytes_per_second: 10e9,
    ///     cached_bytes_per_second: 80e9,
    ///     cache_bytes: 32 << 20,
    ///     launch_seconds: 50e-6,
    /// };
    /// let step = Work { flops: 1e6, bytes: 8e4, memory: 4e4, launches: 9.0 };
    /// assert!((peaks.seconds(step) / 450e-6 - 1.0).abs() < 1e-12);
    /// assert!((peaks.seconds(Work { launches: 0.0, ..step }) / 10e-6 - 1.0).abs() < 1e-12);
    /// assert!((peaks.seconds(Work { bytes: 1e9, memory: 1e9, ..step }) / 0.1 - 1.0).abs() < 1e-12);
    /// ```
    pub fn seconds(&self, work: Work) -> f64 {
        let cached = work.memory <= self.cache_bytes as f64;
        let rate = if cached { self.cached_bytes_per_second } else { self.bytes_per_second };
        let times = [work.flops / self.flops_per_second, work.bytes / rate, work.launches * self.launch_seconds];
        times.into_iter().fold(0.0, f64::max)
    }
}

impl Device {
    /// Measures what this device can do at most; takes about a second. Nothing else should run meanwhile.
    ///
    /// Of a GPU: a kernel of multiply-adds in registers, a kernel that copies, a chain of launches that do nothing. Of a
    /// CPU: the same on all cores, the first with AVX2 where it has that.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where there is none for the copy,
    /// [`Error::DeviceLost`](crate::Error::DeviceLost) where a kernel has not done what it should.
    pub fn peaks(&self) -> Result<Peaks> {
        match &self.kind {
            Kind::Gpu(gpu) => gpu::peaks(gpu),
            Kind::Cpu | Kind::Exact => cpu::peaks(),
        }
    }
}

/// Bytes of the last cache of this machine's CPU.
fn cpu_cache_bytes() -> u64 {
    let size = |level: usize| {
        let text = std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{level}/size")).ok()?;
        let kib: u64 = text.trim().strip_suffix('K')?.parse().ok()?;
        Some(kib << 10)
    };
    (0..8).filter_map(size).max().unwrap_or(CACHE)
}

/// The best of several rates: what disturbs a measurement makes it slower, never faster.
fn best(times: usize, mut rate: impl FnMut() -> Result<f64>) -> Result<f64> {
    (0..times).try_fold(0.0, |best: f64, _| Ok(best.max(black_box(rate()?))))
}
