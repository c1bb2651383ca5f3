//! Slices whose parts several members of a team write.

use std::marker::PhantomData;
use std::ops::Range;

use crate::graph::Team;

/// Elements from which on a team is worth its meeting.
const WORTH: usize = 1 << 15;

/// Calls `work` for ranges that make up all `len` elements: one of them, or some for each member of the team.
pub fn spread(len: usize, team: &mut dyn Team, work: &(dyn Fn(Range<usize>) + Sync)) {
    let parts = if len < WORTH { 1 } else { 2 * team.size() };
    team.run(parts, &|part, _| work(len * part / parts..len * (part + 1) / parts));
}

/// A slice that is written in parts that do not overlap.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a, T> {
    start: *mut T,
    len: usize,
    of: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a `&mut [T]` whose users promise to keep to parts of their own.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: the same.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    /// Of a slice.
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), of: PhantomData }
    }

    /// Its length.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where an element is.
    pub(super) fn at(&self, index: usize) -> *mut T {
        self.start.wrapping_add(index)
    }

    /// Its elements in a range, which is cut where the slice ends.
    ///
    /// # Safety
    /// No other part that is in use overlaps with it.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        let (start, end) = (range.start.min(self.len), range.end.min(self.len));
        // SAFETY: it lies inside of the slice, and is nobody else's by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), end.saturating_sub(start)) }
    }
}
