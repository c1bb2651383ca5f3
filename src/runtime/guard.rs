//! A call that may panic, and objects whose drop may.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Runs a call into wgpu. A panic in it counts as a lost device: on Vulkan, to poll a lost device panics.
pub(super) fn call<T>(name: &str, f: impl FnOnce() -> T) -> Result<T> {
    let run = || {
        #[cfg(test)]
        shim::panic_if_broken(name);
        f()
    };
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|panic| Error::DeviceLost { reason: format!("{name} panicked: {}", text_of(panic.as_ref())) })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// Makes a wrapped call panic on this thread, as wgpu does where a driver fails.
#[cfg(test)]
pub(super) mod shim {
    thread_local!(static BROKEN: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) });

    pub(crate) fn break_call(name: Option<&'static str>) {
        BROKEN.set(name);
    }

    pub(super) fn panic_if_broken(name: &str) {
        if BROKEN.get() == Some(name) {
            panic!("broken by a test");
        }
    }
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
