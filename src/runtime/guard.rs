//! A call that may panic, and objects whose drop may.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(test)]
use super::shim::{self, Way};
use crate::error::{Error, Result};

/// Runs a call into wgpu. A panic in it counts as a lost device: on Vulkan, to poll a lost device panics.
pub(super) fn call<T>(name: &str, f: impl FnOnce() -> T) -> Result<T> {
    #[cfg(test)]
    let fails = shim::due(name, &[Way::Panic, Way::Refuse]);
    #[cfg(test)]
    if fails == Some(Way::Refuse) {
        return Err(Error::Device { call: name.into(), reason: "refused by a test".into() });
    }
    let run = || {
        #[cfg(test)]
        assert!(fails.is_none(), "broken by a test");
        f()
    };
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|panic| Error::DeviceLost { reason: format!("{name} panicked: {}", text_of(panic.as_ref())) })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// An object of wgpu. To drop one can panic where the device is lost, so that is caught too.
#[derive(Debug)]
pub(super) struct Raw<T>(ManuallyDrop<T>);

impl<T> Raw<T> {
    pub(super) fn new(object: T) -> Self {
        Self(ManuallyDrop::new(object))
    }
}

impl<T> Deref for Raw<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Raw<T> {
    fn drop(&mut self) {
        // SAFETY: the object is taken here alone, and `self` is not used after its drop.
        let object = unsafe { ManuallyDrop::take(&mut self.0) };
        // Nobody is left to tell; the next call finds the device lost.
        let _ = call("drop", || drop(object));
    }
}
