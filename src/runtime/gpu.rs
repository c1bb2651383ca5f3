//! A device that is open.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::adapter::{Adapter, AdapterInfo, Limits};
use super::api::{self, Submission};
use super::clock::Clock;
use super::counters::{Counters, Tally};
use super::pipeline::{KernelSource, Pipeline};
use crate::error::{Error, Result};

/// How long a device may take for what it was asked before it counts as lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long one wait takes at most, so that a device that another thread finds lost is noticed.
const SLICE: Duration = Duration::from_millis(250);

/// An open GPU. Cloning shares it.
#[derive(Clone)]
pub struct Gpu(Arc<Inner>);

struct Inner {
    // Before the device: they are dropped first.
    kernels: Mutex<HashMap<KernelSource, Arc<Pipeline>>>,
    api: api::Device,
    info: AdapterInfo,
    tally: Arc<Tally>,
    staged: Mutex<u64>,
}

impl Gpu {
    /// Opens an adapter with all its limits. Native only.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) if the driver refuses, [`Error::DeviceLost`](crate::Error::DeviceLost)
    /// if it fails.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(adapter: &Adapter) -> Result<Self> {
        let tally = Arc::new(Tally::default());
        let (_, limits, _) = api::describe(&adapter.raw)?;
        let api = api::Device::open(&adapter.raw, limits, tally.clone())?;
        Ok(Self::new(api, adapter.info().clone(), tally))
    }

    /// Takes a device that the program has opened, with the limits that it was opened with.
    ///
    /// Its error handler and its lost callback stay the program's. Work of wgrad and of the program share the queue.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost) if the driver fails.
    pub fn from_wgpu(adapter: &wgpu::Adapter, device: wgpu::Device, queue: wgpu::Queue) -> Result<Self> {
        let tally = Arc::new(Tally::default());
        let info = AdapterInfo::new(api::describe(adapter)?);
        let api = api::Device::adopt(device, queue, tally.clone());
        let limits = AdapterInfo::new(api.describe()?).limits;
        Ok(Self::new(api, AdapterInfo { limits, ..info }, tally))
    }

    fn new(api: api::Device, info: AdapterInfo, tally: Arc<Tally>) -> Self {
        Self(Arc::new(Inner { kernels: Mutex::default(), api, info, tally, staged: Mutex::new(0) }))
    }

    /// What the adapter says of itself. The limits are those of the device.
    pub fn info(&self) -> &AdapterInfo {
        &self.0.info
    }

    /// What the device can take.
    pub fn limits(&self) -> &Limits {
        &self.0.info.limits
    }

    /// What it has done since it was opened.
    pub fn counters(&self) -> Counters {
        self.0.tally.now()
    }

    /// Waits until a submission has finished. Native only.
    ///
    /// # Errors
    /// `DeviceLost` if the device is lost or does not answer for 60 s.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wait(&self, submission: &Submission) -> Result<()> {
        self.until(|timeout| Ok(self.0.api.finished(submission, timeout)?.then_some(())))
    }

    /// Waits until all submissions have finished, so that memory comes back. Native only.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn drain(&self) -> Result<()> {
        self.until(|timeout| Ok(self.0.api.idle(timeout)?.then_some(())))
    }

    /// Asks until there is an answer, each time with the time that it may wait.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn until<T>(&self, mut ask: impl FnMut(Duration) -> Result<Option<T>>) -> Result<T> {
        let clock = Clock::start();
        loop {
            if let Some(answer) = ask(SLICE)? {
                return Ok(answer);
            }
            if clock.elapsed() >= PATIENCE {
                return Err(self.0.api.lost(format!("it did not answer for {} s", PATIENCE.as_secs())));
            }
        }
    }

    /// Counts the device as lost from now on: what it has done cannot be trusted.
    pub(crate) fn lose(&self, reason: String) -> Error {
        self.0.api.lost(reason)
    }

    pub(super) fn api(&self) -> &api::Device {
        &self.0.api
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.0.tally
    }

    /// Pipelines that were compiled, by their source without its label.
    pub(super) fn kernels(&self) -> &Mutex<HashMap<KernelSource, Arc<Pipeline>>> {
        &self.0.kernels
    }

    /// Bytes staged since the last submission.
    pub(super) fn staged(&self) -> &Mutex<u64> {
        &self.0.staged
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gpu({})", self.0.info)
    }
}
