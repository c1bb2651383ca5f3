//! What went wrong outside of a call: a lost device, an error that no scope caught.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// A lock that a panic elsewhere does not close: what it holds is whole after every statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The record that a device's handlers write and every call looks at first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    any: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    lost: Option<String>,
    uncaptured: Option<String>,
}

impl Faults {
    /// Notes that the device is lost; the first reason stays.
    pub(super) fn lose(&self, reason: String) {
        lock(&self.seen).lost.get_or_insert(reason);
        self.any.store(true, Ordering::Release);
    }

    /// Notes an error that no scope caught; the first one stays until it is reported.
    pub(super) fn uncaptured(&self, reason: String) {
        lock(&self.seen).uncaptured.get_or_insert(reason);
        self.any.store(true, Ordering::Release);
    }

    /// The error of a device that is lost.
    pub(super) fn check(&self) -> Result<()> {
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        match &lock(&self.seen).lost {
            Some(reason) => Err(Error::DeviceLost { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// The same, or once the error that no scope caught.
    pub(super) fn report(&self) -> Result<()> {
        self.check()?;
        if !self.any.load(Ordering::Acquire) {
            return Ok(());
        }
        match lock(&self.seen).uncaptured.take() {
            Some(reason) => Err(Error::Device { call: "an earlier call".into(), reason }),
            None => Ok(()),
        }
    }
}
