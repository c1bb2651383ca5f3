//! Edits that change no result on these drivers: each with the reason, reviewed by hand, and not counted.

use crate::rules::{Edit, Mistake};

/// Edits of some kinds at places that hold a text.
pub struct Equivalent {
    /// The file; any for an empty text.
    pub file: &'static str,
    /// The kinds.
    pub mistakes: &'static [Mistake],
    /// A part of the line.
    pub line: &'static str,
    /// A part of the two lines after it.
    pub then: &'static str,
    /// Why no result changes.
    pub reason: &'static str,
}

const NOT_WRITTEN: &str =
    "what stands past the last line of a tile is read, from somewhere or from outside the binding, and never written";
const IN_ORDER: &str = "a race: these drivers run the lanes of a workgroup from the first on, some at a time, so that a lower \
                        lane has read before a higher one writes; WGSL promises no such order";

/// All of them.
pub const EQUIVALENT: &[Equivalent] = {
    use Mistake::{Barrier, Clamp, Compare, Guard};
    &[
        known("matmul.wgsl", &[Clamp], "= min(rows, ", "", NOT_WRITTEN),
        known("matmul.wgsl", &[Clamp], "= min(cols, ", "", NOT_WRITTEN),
        known("matmul.wgsl", &[Guard, Compare], "if (rows[", "] = c[", NOT_WRITTEN),
        known("dense.wgsl", &[Clamp], "min(i, params.m - 1u)", "", NOT_WRITTEN),
        known("dense.wgsl", &[Clamp], "= min(cols, ", "", NOT_WRITTEN),
        known("dense.wgsl", &[Guard, Compare], "if (rows[", "] = y[at]", NOT_WRITTEN),
        known("dense_backward.wgsl", &[Clamp], "= min(rows, ", "", NOT_WRITTEN),
        known("dense_backward.wgsl", &[Clamp], "= min(cols, ", "", NOT_WRITTEN),
        known("dense_backward.wgsl", &[Guard, Compare], "if (rows[", "] = sum_at(", NOT_WRITTEN),
        known("", &[Guard, Compare], "if (lane < half) {", "", IN_ORDER),
        known("step_end.wgsl", &[Barrier], "workgroupBarrier();", "} if (lane == 0u) {", IN_ORDER),
        known(
            "lib/exp.wgsl",
            &[Clamp],
            "it keeps the sums apart",
            "",
            "the number is below the bound: the min keeps a driver from merging two sums, which the bar allows",
        ),
        known(
            "lib/log1p.wgsl",
            &[Clamp],
            "clamp(127 - k, 1, 254)",
            "",
            "k is -127 at least, and from 24 on the scale is not chosen; special arguments have their results from the bits",
        ),
        known("lib/log1p.wgsl", &[Compare], "k < 24", "", "both choices are right at 2^24, to a rounding"),
        known(
            "lib/sigmoid.wgsl",
            &[Compare],
            "bits >= 0x80000000u",
            "",
            "only -0 is chosen otherwise: e is 1 there, and r and e r are the same",
        ),
        known("lib/sigmoid.wgsl", &[Clamp], "min(y, ", "", "takes off what is rounded past 1, which the bar allows"),
        known(
            "loss/binary_crossentropy.wgsl",
            &[Clamp],
            "let q = clamp(p, ",
            "let slope =",
            "outside the bounds the slope is 0 whatever q is, and inside them q is p",
        ),
        known(
            "loss/binary_crossentropy.wgsl",
            &[Compare],
            "p < LOWEST || p > HIGHEST",
            "",
            "f32 and f64 have other bounds by a rounding, so that the op's bar leaves p open there",
        ),
    ]
};

const fn known(
    file: &'static str,
    mistakes: &'static [Mistake],
    line: &'static str,
    then: &'static str,
    reason: &'static str,
) -> Equivalent {
    Equivalent { file, mistakes, line, then, reason }
}

/// Why an edit of a file changes no result, if it is one of those.
pub fn equivalent(edit: &Edit, text: &str) -> Option<&'static str> {
    EQUIVALENT.iter().find(|known| known.is(edit, text)).map(|known| known.reason)
}

impl Equivalent {
    fn is(&self, edit: &Edit, text: &str) -> bool {
        (self.file.is_empty() || edit.file == self.file)
            && self.mistakes.contains(&edit.mistake)
            && edit.line(text).1.contains(self.line)
            && edit.then(text).contains(self.then)
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
            assert!(all.any(|(edit, text)| known.is(&edit, text)), "{}: {}", known.file, known.line);
        }
    }
}
