//! Edits that change no result on these drivers: each with the reason, reviewed by hand, and not counted.

use crate::rules::{Edit, Mistake};

/// Edits of some kinds at places that hold a text.
pub struct Equivalent {
    /// The file; any for an empty text.
    pub file: &'static str,
    /// The kinds.
    pub mistakes: &'static [Mistake],
    /// A part of the line, as it is or as the edit makes it.
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

const NO_RESULT: &str =
    "what is past the last result is computed, from somewhere or from outside the binding, and never written";
const LANES_IN_TURN: &str = "a lane past the eighth writes what is largest so far over the eighth result, as an index past \
                             the last is held to it; these drivers run at most eight lanes at a time, so that it has \
                             read that result";
const SAME_AGAIN: &str =
    "an index past the last one is held to it, so that one element is read or written once more, as it was";
const MINUS_ZERO: &str = "only -0 is taken otherwise, and both choices are the same number there";
const SMALLEST_NORMAL: &str = "only 2^-126 is taken otherwise, and both ways give the same exponent and significand";
const ZERO_SIGN: &str = "only the sign of a 0 may be another, which the bar does not tell";
const BOTH_RIGHT: &str = "both formulas are right where one takes over from the other, to a rounding";
const EQUAL: &str = "of two equal numbers it does not matter which is taken";
const CHOSEN_LATER: &str = "the argument that is taken otherwise has its result from a later choice";
const NO_AXIS: &str = "an axis that is not there has an extent of 1 and moves by 0";
const UNDERFLOWS: &str = "beyond the bound the result is below 2^-126, where the bar allows 0; of an infinity NaN becomes \
                          an integer that gives 0 on these drivers";
const AT_A_BOUND: &str = "only p at a bound itself has another slope, where the op's bar leaves it open";
const KEPT_APART: &str = "no number is above the bound: it keeps a driver from merging two sums, which the bar allows";

/// All of them.
pub const EQUIVALENT: &[Equivalent] = {
    use Mistake::{Barrier, Clamp, Compare, Guard, Value};
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
        known("sum.wgsl", &[Guard, Compare], "if (j < params.len) {", "", NO_RESULT),
        known("extreme.wgsl", &[Guard, Compare], "if (j < params.len) {", "", NO_RESULT),
        known("argmax.wgsl", &[Guard, Compare], "if (j < params.len) {", "", NO_RESULT),
        known("", &[Guard, Compare], "if (lane < half) {", "", IN_ORDER),
        known("lib/group.wgsl", &[Guard, Compare], "if (lane < 8u) {", "var part = 0u;", LANES_IN_TURN),
        known("lib/group.wgsl", &[Guard, Compare], "if (lane < 8u) {", "var part = group_pairs", LANES_IN_TURN),
        known("scatter_add.wgsl", &[Guard, Compare], "if (lane < 8u) {", "", SAME_AGAIN),
        known(
            "step_end.wgsl",
            &[Barrier],
            "workgroupBarrier();",
            "} if (lane == 0u) {",
            "lane 0 alone reads what the last round leaves, and alone writes it",
        ),
        known("", &[Compare], "for (var i = 0u; i <= 16u; i++) {", "if (rows[i", SAME_AGAIN),
        known("dense.wgsl", &[Compare], "for (var i = 0u; i <= 16u; i++) {", "let at = rows[i", SAME_AGAIN),
        known("lib/group.wgsl", &[Compare], "for (var i = 64u; i <= 72u; i++) {", "most = max(", SAME_AGAIN),
        known("lib/group.wgsl", &[Compare], "for (var i = 65u; i <= 72u; i++) {", "most = larger(", SAME_AGAIN),
        known("lib/group.wgsl", &[Compare], "(b.x == a.x && b.y <= a.y)", "", EQUAL),
        known("lib/group.wgsl", &[Compare], "(b.z == a.z && b.w <= a.w)", "", EQUAL),
        known("lib/reduce.wgsl", &[Guard, Compare], "if (GROUPS > ", "", NO_AXIS),
        known(
            "copy.wgsl",
            &[Guard, Compare],
            "if (at < params.len) {",
            "",
            "past the last element the coordinates begin again: the first ones get once more what they have",
        ),
        known(
            "store_rows.wgsl",
            &[Guard, Compare],
            "if (at < params.batch * params.cols) {",
            "",
            "rows that count, which the next line asks for, are at most the batch",
        ),
        known("scatter_add.wgsl", &[Compare], "chunk <= end", "", "a further chunk has no term"),
        known("lib/exp.wgsl", &[Clamp], "it keeps the sums apart", "", KEPT_APART),
        known("lib/bits.wgsl", &[Clamp], "min(bitcast<u32>(x), 0xfffffffeu)", "", KEPT_APART),
        known(
            "lib/log1p.wgsl",
            &[Clamp],
            "clamp(127 - k, 1, 254)",
            "",
            "k is -127 at least, and from 24 on the scale is not chosen; special arguments have their results from the bits",
        ),
        known("lib/log1p.wgsl", &[Compare], "k < 24", "", BOTH_RIGHT),
        known("lib/log1p.wgsl", &[Compare], "magnitude_bits(x) <= 0x33800000u", "", BOTH_RIGHT),
        known("lib/tanh.wgsl", &[Compare], "magnitude_bits(x) <= 0x3f100000u", "", BOTH_RIGHT),
        known("lib/erf.wgsl", &[Compare], "magnitude_bits(x) <= 0x3f800000u", "", BOTH_RIGHT),
        known("lib/pow.wgsl", &[Compare], "m >= 0xb504f3u", "", BOTH_RIGHT),
        known("unary/gelu.wgsl", &[Compare], "t <= 0.75", "", BOTH_RIGHT),
        known("unary/hard_sigmoid.wgsl", &[Compare], "ordered(x) < ordered(-3.0)", "", BOTH_RIGHT),
        known("unary/hard_silu.wgsl", &[Compare], "0u, ordered(x) < ordered(-3.0)", "", ZERO_SIGN),
        known("unary/hard_silu.wgsl", &[Compare], "ordered(x) > ordered(3.0) || is_nan", "", BOTH_RIGHT),
        known("unary/leaky_relu.wgsl", &[Compare], "let below = ordered(x) <= 0", "", ZERO_SIGN),
        known("binary/maximum.wgsl", &[Compare], "key_nan_last(a) >= key_nan_last(b)", "", EQUAL),
        known("binary/minimum.wgsl", &[Compare], "key_nan_first(a) <= key_nan_first(b)", "", EQUAL),
        known("lib/log.wgsl", &[Compare], "magnitude_bits(x) <= 0x800000u", "", SMALLEST_NORMAL),
        known("lib/scale.wgsl", &[Compare], "magnitude <= 0x800000u", "", SMALLEST_NORMAL),
        known("lib/sqrt.wgsl", &[Compare], "magnitude <= 0x800000u", "", SMALLEST_NORMAL),
        known("lib/sigmoid.wgsl", &[Compare], "bits >= 0x80000000u", "", MINUS_ZERO),
        known("lib/gate.wgsl", &[Compare], "bitcast<u32>(x) > 0x80000000u", "", MINUS_ZERO),
        known("lib/order.wgsl", &[Compare], "-magnitude, bitcast<u32>(x) > 0x80000000u", "", MINUS_ZERO),
        known("unary/gelu.wgsl", &[Compare], "bitcast<u32>(x) > 0x80000000u", "", CHOSEN_LATER),
        known("unary/mish.wgsl", &[Compare], "bitcast<u32>(x) > 0x80000000u", "", MINUS_ZERO),
        known("unary/relu.wgsl", &[Compare], "bits <= 0x80000000u", "", "it looks at f(x), which is never -0"),
        known(
            "unary/sign.wgsl",
            &[Value],
            "return 2 * (bitcast<f32>(select(0u, bitcast<u32>(y)",
            "",
            "twice 0 is 0, and twice NaN is NaN",
        ),
        known("lib/log.wgsl", &[Compare], "bits - 0x80000001u <= 0x7f800000u", "", "NaN is taken for NaN"),
        known("lib/sqrt.wgsl", &[Compare], "0x7fc00000u, bits > 0x80000000u", "", CHOSEN_LATER),
        known("softmax.wgsl", &[Compare], "most > KEY_OF_INFINITY", "", "infinity less infinity is NaN already"),
        known("class_loss.wgsl", &[Compare], "best.x > KEY_OF_INFINITY", "", "infinity less infinity is NaN already"),
        known("class_loss.wgsl", &[Clamp], "min(magnitude, 0x4f000000u)", "", CHOSEN_LATER),
        known("class_loss.wgsl", &[Compare], "magnitude <= 0x4f000000u", "", "there are fewer than 2^31 classes"),
        known("class_loss.wgsl", &[Compare], "return q >", "", AT_A_BOUND),
        known("unary/erf.wgsl", &[Clamp], "min(magnitude_bits(x), 0x41200000u)", "", UNDERFLOWS),
        known("unary/gelu_tanh.wgsl", &[Clamp], "min(magnitude_bits(x), 0x41400000u)); // 12", "", UNDERFLOWS),
        known("unary/hard_sigmoid.wgsl", &[Clamp], "min(bitcast<u32>((x + 3.0)", "", CHOSEN_LATER),
        known(
            "lib/divide.wgsl",
            &[Compare],
            "whole <= divisor",
            "",
            "a quotient of 1 comes out of either number of bits",
        ),
        known(
            "lib/pow.wgsl",
            &[Clamp],
            "clamp(-1 - part.exponent, 0, 31)",
            "",
            "it is out of bounds for a mantissa of 0 alone",
        ),
        known("lib/pow.wgsl", &[Compare], "error >= 0", "", "the correction is 0 there"),
        known("lib/pow.wgsl", &[Compare], "(k <= 0)", "", "0 has been sent back before"),
        known("lib/pow.wgsl", &[Compare], "k <= 0)", "", "0 has been sent back before"),
        known(
            "lib/pow.wgsl",
            &[Compare],
            "bitcast<i32>(b) <= 0)",
            "",
            "of an exponent of 0 it turns 0 round, or the result is 1 by another choice",
        ),
        known("lib/pow.wgsl", &[Compare], "own >= one", "", EQUAL),
        known(
            "lib/pow.wgsl",
            &[Compare],
            "own <= one",
            "",
            "of a difference of 0 it turns 0 round, or the result is 1 by another choice",
        ),
        known("lib/pow.wgsl", &[Compare], "base >= 0x3f800000u", "", CHOSEN_LATER),
        known("lib/pow.wgsl", &[Compare], "magnitude_bits(b) <= 0x7f800000u", "", "infinity counts as a whole number"),
        known(
            "binary/power.wgsl",
            &[Compare],
            "!whole.x && magnitude_bits(b) <= 0x7f800000u",
            "",
            "infinity counts as a whole number",
        ),
        known("lib/sigmoid.wgsl", &[Clamp], "min(y, ", "", "takes off what is rounded past 1, which the bar allows"),
        known(
            "loss/binary_crossentropy.wgsl",
            &[Clamp],
            "let q = clamp(p, ",
            "let slope =",
            "outside the bounds the slope is 0 whatever q is, and inside them q is p",
        ),
        known("loss/binary_crossentropy.wgsl", &[Compare], "p < LOWEST || p > HIGHEST", "", AT_A_BOUND),
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
            && (edit.line(text).1.contains(self.line) || edit.edited_line(text).contains(self.line))
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
