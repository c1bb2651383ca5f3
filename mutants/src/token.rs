//! The tokens of a text in WGSL: as much as the rules need, without comments.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// A number.
    Number,
    /// An operator, a bracket or the like.
    Symbol,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: &'a str,
    /// Where it begins.
    pub at: usize,
    /// Whether it computes something: it is in no attribute and no list of types in angle brackets.
    pub code: bool,
}

impl Token<'_> {
    /// Its bytes in the text.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }
}

/// Symbols of several characters, the longer ones first.
const LONG: &[&str] = &[
    "<<=", ">>=", "<=", ">=", "==", "!=", "&&", "||", "<<", ">>", "->", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=",
    "|=", "^=",
];

/// Words that a list of types may follow.
const GENERIC: &[&str] = &["array", "atomic", "bitcast", "ptr", "var", "vec2", "vec3", "vec4"];

/// The tokens of `text`.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = vec![];
    let mut at = 0;
    let (mut angles, mut attribute) = (0_usize, Attribute::None);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = skipped(rest);
        if blank > 0 {
            at += blank;
            continue;
        }
        let opens = rest.starts_with('<')
            && found.last().is_some_and(|last| GENERIC.contains(&last.text) && last.range().end == at);
        let (kind, len) = if opens || angles > 0 && rest.starts_with('>') { (Kind::Symbol, 1) } else { first(rest) };
        let word = &rest[..len];
        angles += usize::from(opens || angles > 0 && word == "<");
        attribute = attribute.next(word);
        found.push(Token { kind, text: word, at, code: angles == 0 && attribute == Attribute::None });
        angles -= usize::from(angles > 0 && word == ">");
        at += len;
    }
    found
}

/// How far into an attribute a text is: `@name`, which may have arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    None,
    Begun,
    Named,
    Inside(usize),
}

impl Attribute {
    fn next(self, token: &str) -> Self {
        match (self, token) {
            (_, "@") => Self::Begun,
            (Self::Begun, _) => Self::Named,
            (Self::Named, "(") => Self::Inside(1),
            (Self::Inside(depth), "(") => Self::Inside(depth + 1),
            (Self::Inside(1), ")") => Self::Named,
            (Self::Inside(depth), ")") => Self::Inside(depth - 1),
            (Self::Inside(depth), _) => Self::Inside(depth),
            (Self::Named | Self::None, _) => Self::None,
        }
    }
}

/// The bytes of blanks and of a comment that a text begins with.
fn skipped(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    text.len() - text.trim_start().len()
}

/// The kind and the bytes of the token that a text begins with.
fn first(text: &str) -> (Kind, usize) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let c = text.chars().next().unwrap_or_default();
    if c.is_ascii_digit() {
        let hex = text.starts_with("0x");
        let mut last = ' ';
        let end = text.find(|c: char| {
            let sign = !hex && matches!(c, '+' | '-') && matches!(last, 'e' | 'E');
            last = c;
            !(is_word(c) || c == '.' || sign)
        });
        return (Kind::Number, end.unwrap_or(text.len()));
    }
    if is_word(c) {
        return (Kind::Word, text.find(|c| !is_word(c)).unwrap_or(text.len()));
    }
    let long = LONG.iter().find(|symbol| text.starts_with(**symbol));
    (Kind::Symbol, long.map_or(c.len_utf8(), |symbol| symbol.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, code: bool) -> Vec<&str> {
        tokens(text).into_iter().filter(|token| token.code == code).map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_no_tokens() {
        assert_eq!(texts("a /* < */ < b // - c\n + d // e", true), ["a", "<", "b", "+", "d"]);
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(texts("1e-7 -2.5f + 0x7fe-1u, 3u", true), ["1e-7", "-", "2.5f", "+", "0x7fe", "-", "1u", ",", "3u"]);
    }

    #[test]
    fn types_in_angle_brackets_are_no_code() {
        let text = "var<storage, read> x: array<atomic<u32>>; a < b >> 2u <= vec4<f32>(c)";
        assert_eq!(
            texts(text, true),
            ["var", "x", ":", "array", ";", "a", "<", "b", ">>", "2u", "<=", "vec4", "(", "c", ")"]
        );
    }

    #[test]
    fn attributes_are_no_code() {
        assert_eq!(
            texts("@compute @workgroup_size(8 * (2 + 1)) fn f(@builtin(x) y: u32)", true),
            ["fn", "f", "(", "y", ":", "u32", ")"]
        );
    }
}
