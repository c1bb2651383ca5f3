//! The edits that a file of WGSL allows: mistakes that somebody could make, found by rules on its tokens.

use std::fmt;
use std::ops::Range;

use crate::token::{Kind, Token, tokens};

/// A kind of mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mistake {
    /// An index off by one.
    Index,
    /// A stride that is another one of `Params`.
    Stride,
    /// A part of a condition that keeps an invocation inside.
    Guard,
    /// A `min`, `max` or `clamp` that is lost.
    Clamp,
    /// `<` for `<=` and the like.
    Compare,
    /// A barrier that is lost.
    Barrier,
    /// `+` for `-` and the other way round.
    Sign,
    /// The two choices of a `select`, the one for the other.
    Select,
    /// A constant or a result of twice the size, or `true` for `false`.
    Value,
}

impl Mistake {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Index,
        Self::Stride,
        Self::Guard,
        Self::Clamp,
        Self::Compare,
        Self::Barrier,
        Self::Sign,
        Self::Select,
        Self::Value,
    ];
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Index => "index",
            Self::Stride => "stride",
            Self::Guard => "guard",
            Self::Clamp => "clamp",
            Self::Compare => "compare",
            Self::Barrier => "barrier",
            Self::Sign => "sign",
            Self::Select => "select",
            Self::Value => "value",
        })
    }
}

/// One edit of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file's path under `shaders/`.
    pub file: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
    /// The bytes that go.
    pub range: Range<usize>,
    /// What comes in their place.
    pub new: String,
}

impl Edit {
    /// The file's text with the edit.
    pub fn apply(&self, text: &str) -> String {
        [&text[..self.range.start], &self.new, &text[self.range.end..]].concat()
    }

    /// The same line with the edit.
    pub fn edited_line(&self, text: &str) -> String {
        let edited = self.apply(text);
        edited.lines().nth(self.line(text).0 - 1).unwrap_or_default().trim().to_string()
    }

    /// The two lines after that, a blank between them.
    pub fn then(&self, text: &str) -> String {
        text.lines().skip(self.line(text).0).take(2).map(str::trim).collect::<Vec<_>>().join(" ")
    }

    /// The line of the file, from 1, with its text.
    pub fn line<'a>(&self, text: &'a str) -> (usize, &'a str) {
        let number = text[..self.range.start].matches('\n').count();
        (number + 1, text.lines().nth(number).unwrap_or_default().trim())
    }
}

/// Every edit that the rules find in a file, in the order of the text.
pub fn edits(file: &str, text: &str) -> Vec<Edit> {
    let code: Vec<Token<'_>> = tokens(text).into_iter().filter(|token| token.code).collect();
    let rules = Rules { text, tokens: &code, strides: strides(&code) };
    let places = (0..code.len()).flat_map(|i| rules.at(i));
    places.map(|(mistake, range, new)| Edit { file: file.into(), mistake, range, new }).collect()
}

type Found = (Mistake, Range<usize>, String);

struct Rules<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    strides: Vec<&'a str>,
}

impl<'a> Rules<'a> {
    fn at(&self, i: usize) -> Vec<Found> {
        let token = &self.tokens[i];
        let mut found = vec![];
        match (token.kind, token.text) {
            (Kind::Symbol, "[") => found.extend(self.index(i)),
            (Kind::Word, "params") => found.extend(self.stride(i)),
            (Kind::Word, "if") => found.extend(self.guards(i)),
            (Kind::Word, "min" | "max" | "clamp") => found.extend(self.clamp(i)),
            (Kind::Word, "select") => found.extend(self.select(i)),
            (Kind::Word, "workgroupBarrier" | "storageBarrier") => found.extend(self.barrier(i)),
            (Kind::Word, "return") => found.extend(self.result(i)),
            _ => {}
        }
        found.extend(self.replaced(i).map(|(mistake, new)| (mistake, token.range(), new)));
        found
    }

    fn text(&self, i: usize) -> &'a str {
        self.tokens.get(i).map_or("", |token| token.text)
    }

    /// The place of the bracket that closes the one at `open`.
    fn close(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (i, token) in self.tokens.iter().enumerate().skip(open) {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(i);
            }
        }
        None
    }

    /// The parts between the bracket at `open` and the one that closes it, split at `by` outside of inner brackets.
    fn parts(&self, open: usize, by: &str) -> Vec<Range<usize>> {
        let Some(close) = self.close(open) else { return vec![] };
        let (mut parts, mut begin, mut i) = (vec![], open + 1, open + 1);
        while i < close {
            match self.text(i) {
                "(" | "[" | "{" => i = self.close(i).unwrap_or(close),
                text if text == by => {
                    parts.push(begin..i);
                    begin = i + 1;
                }
                _ => {}
            }
            i += 1;
        }
        parts.push(begin..close);
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// The bytes of a range of tokens.
    fn bytes(&self, part: &Range<usize>) -> Range<usize> {
        self.tokens[part.start].at..self.tokens[part.end - 1].range().end
    }

    fn source(&self, part: &Range<usize>) -> &'a str {
        &self.text[self.bytes(part)]
    }

    fn index(&self, i: usize) -> Option<Found> {
        let part = i + 1..self.close(i)?;
        if part.is_empty() {
            return None;
        }
        let inner = self.source(&part);
        let new = if part.len() == 1 { format!("{inner} + 1u") } else { format!("({inner}) + 1u") };
        Some((Mistake::Index, self.bytes(&part), new))
    }

    /// `* params.cols` becomes `* params.rows`: the next of the members that are strides anywhere, or sizes at all.
    fn stride(&self, i: usize) -> Option<Found> {
        let name = (self.text(i + 1) == ".").then(|| self.text(i + 2))?;
        let scales = |text: &str| matches!(text, "*" | "/" | "%");
        if !(i > 0 && scales(self.text(i - 1)) || scales(self.text(i + 3))) {
            return None;
        }
        let place = self.strides.iter().position(|stride| *stride == name)?;
        let other = self.strides[(place + 1) % self.strides.len()];
        (other != name).then(|| (Mistake::Stride, self.tokens[i + 2].range(), other.into()))
    }

    fn guards(&self, i: usize) -> Vec<Found> {
        if self.text(i + 1) != "(" {
            return vec![];
        }
        let mut parts = self.parts(i + 1, "&&");
        parts.retain(|part| part.clone().any(|t| matches!(self.text(t), "<" | "<=" | ">" | ">=")));
        parts.iter().map(|part| (Mistake::Guard, self.bytes(part), "true".into())).collect()
    }

    fn arguments(&self, i: usize) -> Vec<Range<usize>> {
        if self.text(i + 1) == "(" { self.parts(i + 1, ",") } else { vec![] }
    }

    fn clamp(&self, i: usize) -> Option<Found> {
        let kept = self.arguments(i).into_iter().next()?;
        let call = self.tokens[i].at..self.tokens[self.close(i + 1)?].range().end;
        Some((Mistake::Clamp, call, format!("({})", self.source(&kept))))
    }

    fn select(&self, i: usize) -> Option<Found> {
        let arguments = self.arguments(i);
        let [one, other, _] = &arguments[..] else { return None };
        let bytes = self.bytes(&(one.start..other.end));
        Some((Mistake::Select, bytes, format!("{}, {}", self.source(other), self.source(one))))
    }

    fn barrier(&self, i: usize) -> Option<Found> {
        let end = (self.text(i + 3) == ";").then_some(i + 4)?;
        Some((Mistake::Barrier, self.bytes(&(i..end)), String::new()))
    }

    fn result(&self, i: usize) -> Option<Found> {
        let end = (i..self.tokens.len()).find(|&t| self.text(t) == ";")?;
        let part = (end > i + 1).then_some(i + 1..end)?;
        Some((Mistake::Value, self.bytes(&part), format!("2 * ({})", self.source(&part))))
    }

    /// A token that another one takes the place of.
    fn replaced(&self, i: usize) -> Option<(Mistake, String)> {
        let token = &self.tokens[i];
        let binary = i > 0 && {
            let before = &self.tokens[i - 1];
            before.kind == Kind::Number
                || before.kind == Kind::Word && before.text != "return"
                || matches!(before.text, ")" | "]")
        };
        let (mistake, new) = match token.text {
            "<" => (Mistake::Compare, "<="),
            "<=" => (Mistake::Compare, "<"),
            ">" => (Mistake::Compare, ">="),
            ">=" => (Mistake::Compare, ">"),
            "+" if binary => (Mistake::Sign, "-"),
            "-" if binary => (Mistake::Sign, "+"),
            "+=" => (Mistake::Sign, "-="),
            "-=" => (Mistake::Sign, "+="),
            "true" => (Mistake::Value, "false"),
            "false" => (Mistake::Value, "true"),
            text if token.kind == Kind::Number && is_float(text) && !is_zero(text) => {
                return Some((Mistake::Value, format!("(2.0 * {text})")));
            }
            _ => return None,
        };
        Some((mistake, new.into()))
    }
}

fn is_float(number: &str) -> bool {
    !number.starts_with("0x") && (number.contains('.') || number.contains('e') || number.ends_with('f'))
}

fn is_zero(number: &str) -> bool {
    number.trim_end_matches('f').parse() == Ok(0.0)
}

/// The members of `Params` of type u32 that some term multiplies, divides or counts by; all of them where that is one.
fn strides<'a>(code: &[Token<'a>]) -> Vec<&'a str> {
    let text = |i: usize| code.get(i).map_or("", |token| token.text);
    let begin = (0..code.len()).find(|&i| text(i) == "struct" && text(i + 1) == "Params");
    let Some(begin) = begin else { return vec![] };
    let end = (begin..code.len()).find(|&i| text(i) == "}").unwrap_or(code.len());
    let sizes = (begin..end).filter(|&i| text(i + 1) == ":" && text(i + 2) == "u32").map(text);
    let sizes: Vec<&str> = sizes.filter(|name| !name.starts_with("padding")).collect();
    let scales = |i: usize| matches!(text(i), "*" | "/" | "%");
    let used = (1..code.len()).filter(|&i| text(i) == "params" && (scales(i - 1) || scales(i + 3)));
    let used: Vec<&str> = used.map(|i| text(i + 2)).collect();
    let strides: Vec<&str> = sizes.iter().copied().filter(|name| used.contains(name)).collect();
    if strides.len() > 1 { strides } else { sizes }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the edits of one kind make of a text.
    fn made(mistake: Mistake, text: &str) -> Vec<String> {
        edits("x.wgsl", text).iter().filter(|edit| edit.mistake == mistake).map(|edit| edit.apply(text)).collect()
    }

    #[test]
    fn indices_are_off_by_one() {
        assert_eq!(
            made(Mistake::Index, "a[i / 4u][b[j]] = 1u;"),
            ["a[(i / 4u) + 1u][b[j]] = 1u;", "a[i / 4u][(b[j]) + 1u] = 1u;", "a[i / 4u][b[j + 1u]] = 1u;"]
        );
        assert_eq!(made(Mistake::Index, "var<workgroup> a: array<u32, 4>; // a[i]"), [""; 0]);
    }

    #[test]
    fn strides_are_swapped() {
        let text = |stride: &str| {
            format!("struct Params {{ len: u32, rows: u32, cols: u32, x: f32 }} i * params.cols + j / params.{stride};")
        };
        assert_eq!(
            made(Mistake::Stride, &text("rows")),
            [
                text("rows").replace("* params.cols", "* params.rows"),
                text("rows").replace("/ params.rows", "/ params.cols")
            ]
        );
        assert_eq!(made(Mistake::Stride, &text("x"))[0], text("x").replace("* params.cols", "* params.len"));
        assert_eq!(made(Mistake::Stride, "params.x * params.y"), [""; 0]);
    }

    #[test]
    fn guards_go_missing_one_by_one() {
        assert_eq!(
            made(Mistake::Guard, "if (row < rows && f(a && b) && col >= 2u) {}"),
            ["if (true && f(a && b) && col >= 2u) {}", "if (row < rows && f(a && b) && true) {}"]
        );
        assert_eq!(made(Mistake::Guard, "if (BIAS) {} while (i < n) {}"), [""; 0]);
    }

    #[test]
    fn clamps_are_lost() {
        assert_eq!(
            made(Mistake::Clamp, "min(f(i, j), n) + clamp(x, 0, 1)"),
            ["(f(i, j)) + clamp(x, 0, 1)", "min(f(i, j), n) + (x)"]
        );
    }

    #[test]
    fn comparisons_take_or_leave_the_bound() {
        assert_eq!(made(Mistake::Compare, "a < b"), ["a <= b"]);
        assert_eq!(made(Mistake::Compare, "vec4<u32>(a >= b)"), ["vec4<u32>(a > b)"]);
        assert_eq!(made(Mistake::Compare, "a << 2u >> 1u == b"), [""; 0]);
    }

    #[test]
    fn barriers_are_lost() {
        assert_eq!(made(Mistake::Barrier, "a; workgroupBarrier(); b;"), ["a;  b;"]);
    }

    #[test]
    fn signs_of_two_operands_change() {
        assert_eq!(
            made(Mistake::Sign, "return -a + f(b) - 1e-7;"),
            ["return -a - f(b) - 1e-7;", "return -a + f(b) + 1e-7;"]
        );
        assert_eq!(made(Mistake::Sign, "a[i] -= (-b);"), ["a[i] += (-b);"]);
    }

    #[test]
    fn choices_change_places() {
        assert_eq!(made(Mistake::Select, "select(f(a, b), 0u, c)"), ["select(0u, f(a, b), c)"]);
    }

    #[test]
    fn values_double_or_flip() {
        assert_eq!(
            made(Mistake::Value, "a = 0.5 + 0.0 + 3u + 0x1f + 1e-7;"),
            ["a = (2.0 * 0.5) + 0.0 + 3u + 0x1f + 1e-7;", "a = 0.5 + 0.0 + 3u + 0x1f + (2.0 * 1e-7);"]
        );
        assert_eq!(made(Mistake::Value, "return x;"), ["return 2 * (x);"]);
        assert_eq!(made(Mistake::Value, "a = true;"), ["a = false;"]);
    }

    #[test]
    fn an_edit_knows_its_line() {
        let text = "a;\n  b < c;\n  d;\ne;\nf;\n";
        let edit = &edits("x.wgsl", text)[0];
        assert_eq!(edit.line(text), (2, "b < c;"));
        assert_eq!(edit.then(text), "d; e;");
    }
}
