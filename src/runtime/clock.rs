//! The one clock; a browser has none that std reaches.

use std::time::Duration;

/// A moment to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(#[cfg(not(target_arch = "wasm32"))] std::time::Instant);

impl Clock {
    /// Whether it cannot tell how much time has passed.
    pub(crate) const STANDS_STILL: bool = cfg!(target_arch = "wasm32");

    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self(
            #[cfg(not(target_arch = "wasm32"))]
            std::time::Instant::now(),
        )
    }

    /// The time since the start; always 0 on wasm32.
    pub(crate) fn elapsed(&self) -> Duration {
        #[cfg(not(target_arch = "wasm32"))]
        return self.0.elapsed();
        #[cfg(target_arch = "wasm32")]
        Duration::ZERO
    }
}
