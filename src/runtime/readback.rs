//! Bytes on their way back to the host.

use std::ops::Range;
use std::time::Duration;

use super::api::{Mapping, Submission};
use super::buffer::Buffer;
use super::clock::Clock;
use super::gpu::Gpu;
use crate::error::{Error, Result};

/// A read-back buffer that is being mapped. It is unmapped, and can be copied to again, once the bytes are taken or
/// this is dropped.
#[derive(Debug)]
pub(crate) struct ReadBack {
    gpu: Gpu,
    after: Submission,
    buffer: Buffer,
    mapping: Option<Mapping>,
    // What is mapped begins at a multiple of 8; what is wanted, this many bytes later.
    mapped: Range<u64>,
    skip: usize,
    len: usize,
}

impl ReadBack {
    /// Asks for the bytes `range` of a read-back buffer, right after the submission that copies into it.
    ///
    /// Later submissions may be under way: only that one is waited for.
    ///
    /// # Errors
    /// `Argument` for a range that is empty or passes the buffer's end, and if the buffer is being read already.
    pub(crate) fn start(gpu: &Gpu, after: &Submission, buffer: &Buffer, range: Range<u64>) -> Result<Self> {
        let bytes = range.end.saturating_sub(range.start);
        buffer.check(range.start, bytes)?;
        let too_long = || Error::argument(format!("range of buffer {}", buffer.label()), "1 byte to 4 GiB", bytes);
        let len = usize::try_from(bytes).ok().filter(|&len| len > 0).ok_or_else(too_long)?;
        let mapped = range.start / 8 * 8..range.end.next_multiple_of(4);
        let skip = (range.start % 8) as usize;
        if !buffer.begin_mapping() {
            let place = format!("read-back of {}", buffer.label());
            return Err(Error::argument(place, "a buffer that is not being read", "one that is"));
        }
        let mapping =
            gpu.api().map(buffer.raw(), buffer.label(), mapped.clone()).inspect_err(|_| buffer.end_mapping())?;
        gpu.tally().read_back();
        let (gpu, after, buffer) = (gpu.clone(), after.clone(), buffer.clone());
        Ok(Self { gpu, after, buffer, mapping: Some(mapping), mapped, skip, len })
    }

    /// The bytes, if they have come. Does not wait; each call lets the device make progress.
    ///
    /// # Errors
    /// `DeviceLost` if they will not come; `Argument` if they were taken before.
    pub(crate) fn try_take(&mut self) -> Result<Option<Vec<u8>>> {
        self.gpu.api().poll()?;
        self.arrived()
    }

    /// The bytes, waiting for them. Native only.
    ///
    /// # Errors
    /// `DeviceLost` if they will not come or have not come after 60 s.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wait(mut self) -> Result<Vec<u8>> {
        let late = self.gpu.clone();
        self.wait_for(Duration::MAX)?.ok_or_else(|| late.lose("it did not answer".into()))
    }

    /// The bytes, waiting for them at most so long: `None` where that was not enough. Native only.
    ///
    /// # Errors
    /// `DeviceLost` if they will not come or have not come after 60 s.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn wait_for(&mut self, most: Duration) -> Result<Option<Vec<u8>>> {
        let gpu = self.gpu.clone();
        let clock = Clock::start();
        gpu.until(|timeout| {
            let left = most.saturating_sub(clock.elapsed());
            if left.is_zero() {
                return Ok(Some(None));
            }
            let timeout = timeout.min(left);
            let done = gpu.api().finished(&self.after, timeout)?;
            let taken = self.arrived()?;
            if done && taken.is_none() {
                // Another thread has polled and is about to run the callback.
                std::thread::sleep(Duration::from_micros(50));
            }
            Ok(taken.map(Some))
        })
    }

    fn arrived(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mapping) = &self.mapping else {
            return Err(Error::argument(format!("read-back of {}", self.buffer.label()), "to be taken once", "twice"));
        };
        let Some(mapped) = mapping.outcome() else {
            return Ok(None);
        };
        if !mapped {
            self.mapping = None;
            self.buffer.end_mapping();
            return Err(self.gpu.api().lost(format!("{} could not be mapped", self.buffer.label())));
        }
        let bytes = self.gpu.api().mapped(self.buffer.raw(), self.buffer.label(), self.mapped.clone());
        self.release()?;
        let mut bytes = bytes?;
        bytes.drain(..self.skip.min(bytes.len()));
        bytes.truncate(self.len);
        Ok(Some(bytes))
    }

    fn release(&mut self) -> Result<()> {
        self.mapping = None;
        let unmapped = self.gpu.api().unmap(self.buffer.raw(), self.buffer.label());
        self.buffer.end_mapping();
        unmapped
    }
}

impl Drop for ReadBack {
    fn drop(&mut self) {
        if self.mapping.is_some() {
            // On a lost device there is nothing left to unmap.
            let _ = self.release();
        }
    }
}
