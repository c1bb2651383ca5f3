//! Edits that change no result on these drivers: each with the reason, reviewed by hand, and not counted.

use crate::rules::{Edit, Mistake};

/// Edits of one kind at places that hold a text.
pub struct Equivalent {
    /// The file; any for an empty text.
    pub file: &'static str,
    /// The kind.
    pub mistake: Mistake,
    /// A part of the line; for a barrier, of that with the one before and the two after it.
    pub place: &'static str,
    /// Why no result changes.
    pub reason: &'static str,
}

const fn known(file: &'static str, mistake: Mistake, place: &'static str, reason: &'static str) -> Equivalent {
    Equivalent { file, mistake, place, reason }
}

const NOT_WRITTEN: &str =
    "a line past the last one is read, as the last one or from outside the binding, and never written";
const LANES_IN_ORDER: &str = "a race: these drivers run the lanes of a workgroup some at a time and from the first on, so that a \
                              lower lane has read before a higher one writes; WGSL promises no such order";

/// All of them.
pub const EQUIVALENT: &[Equivalent] = &[
    known("matmul.wgsl", Mistake::Clamp, "= min(rows, ", NOT_WRITTEN),
    known("matmul.wgsl", Mistake::Clamp, "= min(cols, ", NOT_WRITTEN),
    known("dense.wgsl", Mistake::Clamp, "min(i, params.m - 1u)", NOT_WRITTEN),
    known("dense.wgsl", Mistake::Clamp, "= min(cols, ", NOT_WRITTEN),
    known("dense_backward.wgsl", Mistake::Clamp, "= min(rows, ", NOT_WRITTEN),
    known("dense_backward.wgsl", Mistake::Clamp, "= min(cols, ", NOT_WRITTEN),
    known("", Mistake::Guard, "if (lane < half) {", LANES_IN_ORDER),
    known("", Mistake::Compare, "if (lane < half) {", LANES_IN_ORDER),
    known("step_end.wgsl", Mistake::Barrier, "workgroupBarrier(); } if (lane == 0u) {", LANES_IN_ORDER),
    known(
        "lib/exp.wgsl",
        Mistake::Clamp,
        "it keeps the two sums apart",
        "the number is below the bound: the min keeps a driver from merging two sums, which costs less than the bar allows",
    ),
    known(
        "lib/log1p.wgsl",
        Mistake::Clamp,
        "clamp(127 - k, 1, 254)",
        "k is -127 at least, and from 24 on the scale is not chosen; 0, infinity and NaN have their results from the bits",
    ),
    known(
        "lib/sigmoid.wgsl",
        Mistake::Compare,
        "bits >= 0x80000000u",
        "only -0 is chosen otherwise: e is 1 there, and r and e r are the same",
    ),
    known(
        "lib/sigmoid.wgsl",
        Mistake::Clamp,
        "min(y, 0x3f800000u)",
        "takes off what is rounded past 1, which is less than the bar allows",
    ),
];

/// Why an edit of a file changes no result, if it is one of those.
pub fn equivalent(edit: &Edit, text: &str) -> Option<&'static str> {
    EQUIVALENT.iter().find(|known| known.is(edit, text)).map(|known| known.reason)
}

impl Equivalent {
    fn is(&self, edit: &Edit, text: &str) -> bool {
        // The line of a barrier says nothing by itself.
        let around = if self.mistake == Mistake::Barrier { edit.context(text) } else { edit.line(text).1.into() };
        (self.file.is_empty() || edit.file == self.file) && edit.mistake == self.mistake && around.contains(self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::files;
    use crate::rules::edits;

    #[test]
    fn every_entry_is_an_edit_that_can_be_made() {
        let files = files().unwrap();
        for known in EQUIVALENT {
            let mut all = files.iter().flat_map(|(file, text)| edits(file, text).into_iter().map(move |e| (e, text)));
            assert!(all.any(|(edit, text)| known.is(&edit, text)), "{}: {}", known.file, known.place);
        }
    }
}
