//! Kernels as text: whole files under a header of `const` lines, and the way back from a line to its file.

use std::borrow::Cow;
use std::fmt::Write;

use crate::graph::launch::{Constant, Launch};

/// A file of WGSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: &'static str,
    text: Cow<'static, str>,
    shipped: bool,
}

/// The file at a path under `shaders/`, as a [`Source`].
macro_rules! shader {
    ($path:literal) => {
        $crate::graph::Source::shipped($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path)))
    };
}
pub(crate) use shader;

impl Source {
    /// A program's own WGSL, under a name that messages give.
    ///
    /// It runs with all checks: loops that it may have are bounded by the compiler.
    pub const fn new(path: &'static str, text: Cow<'static, str>) -> Self {
        Self { path, text, shipped: false }
    }

    /// A file of wgrad's own, whose loops have bounds.
    pub(crate) const fn shipped(path: &'static str, text: &'static str) -> Self {
        Self { path, text: Cow::Borrowed(text), shipped: true }
    }

    /// Its path under `shaders/`, or a name.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// What it holds.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether its loops end: those of a program's own file need not, unless no word of it, of a comment either, begins one.
    fn bounded(&self) -> bool {
        let mut words = self.text.split(|c: char| !c.is_alphanumeric() && c != '_');
        self.shipped || !words.any(|word| matches!(word, "for" | "while" | "loop"))
    }
}

/// The files of functions that other files name in a first line `// uses: lib/exp.wgsl, lib/bits.wgsl`.
const LIB: &[Source] = &[
    shader!("lib/axes.wgsl"),
    shader!("lib/bits.wgsl"),
    shader!("lib/columns.wgsl"),
    shader!("lib/divide.wgsl"),
    shader!("lib/erf.wgsl"),
    shader!("lib/exp.wgsl"),
    shader!("lib/expm1.wgsl"),
    shader!("lib/gate.wgsl"),
    shader!("lib/grid.wgsl"),
    shader!("lib/group.wgsl"),
    shader!("lib/log.wgsl"),
    shader!("lib/log1p.wgsl"),
    shader!("lib/moments.wgsl"),
    shader!("lib/normal.wgsl"),
    shader!("lib/order.wgsl"),
    shader!("lib/philox.wgsl"),
    shader!("lib/pow.wgsl"),
    shader!("lib/reciprocal.wgsl"),
    shader!("lib/reduce.wgsl"),
    shader!("lib/rows.wgsl"),
    shader!("lib/scale.wgsl"),
    shader!("lib/sigmoid.wgsl"),
    shader!("lib/sqrt.wgsl"),
    shader!("lib/step.wgsl"),
    shader!("lib/tanh.wgsl"),
    shader!("lib/tile.wgsl"),
];

/// A kernel's whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// What the compiler gets.
    pub text: String,
    /// Whether all its loops are known to end, so that the compiler need not bound them.
    pub bounded: bool,
    /// Where each file begins: its first line in `text`, from 1, and its path.
    sections: Vec<(usize, &'static str)>,
}

impl Composed {
    /// The file and line that line `line` of the text came from, both from 1.
    pub fn place(&self, line: usize) -> (&'static str, usize) {
        let section = self.sections.iter().rev().find(|(first, _)| *first <= line);
        section.map_or(("header", line), |&(first, path)| (path, line - first + 1))
    }

    /// A compiler's message with a place `wgsl:LINE:` in front of it turned into `FILE:LINE`.
    pub fn locate(&self, message: &str) -> String {
        let mark = "wgsl:";
        let Some(at) = message.find(mark) else { return message.to_string() };
        let digits: String = message[at + mark.len()..].chars().take_while(char::is_ascii_digit).collect();
        match digits.parse() {
            Ok(line) => {
                let (path, line) = self.place(line);
                format!("shaders/{path}:{line}: {message}")
            }
            Err(_) => message.to_string(),
        }
    }
}

/// The text of a launch's kernel: header, files of functions (each once), kernel.
pub fn compose(launch: &Launch) -> Composed {
    let mut text = String::new();
    for (name, value) in &launch.constants {
        // Writing to a string cannot fail.
        let _ = match value {
            Constant::Bool(b) => writeln!(text, "const {name}: bool = {b};"),
            Constant::U32(n) => writeln!(text, "const {name}: u32 = {n}u;"),
            Constant::Call { signature, stem, params } => writeln!(text, "{}", forward(name, signature, stem, params)),
        };
    }
    let mut files: Vec<&Source> = vec![];
    for source in &launch.sources {
        add(source, &mut files);
    }
    let mut sections = vec![];
    let bounded = files.iter().all(|file| file.bounded());
    for source in files {
        sections.push((text.lines().count() + 1, source.path));
        text.push_str(&source.text);
        if !source.text.ends_with('\n') {
            text.push('\n');
        }
    }
    Composed { text, bounded, sections }
}

/// A function `name` that calls `stem_name` with its own arguments and parameters.
fn forward(name: &str, signature: &str, stem: &str, params: &[f32]) -> String {
    let inner = signature.trim_start_matches('(').split(')').next().unwrap_or_default();
    let arguments = inner.split(',').filter_map(|a| a.split(':').next()).map(|a| a.trim().to_string());
    let arguments: Vec<String> = arguments.chain(params.iter().map(|&p| number(p))).collect();
    format!("fn {name}{signature} {{ return {stem}_{name}({}); }}", arguments.join(", "))
}

/// A number in WGSL. As a decimal of f64: the shortest one of the largest f32 is above it, which a compiler may refuse.
pub(super) fn number(x: f32) -> String {
    format!("{:?}f", f64::from(x))
}

fn add<'a>(source: &'a Source, files: &mut Vec<&'a Source>) {
    if files.iter().any(|f| f.path == source.path) {
        return;
    }
    let uses = source.text.lines().next().and_then(|line| line.strip_prefix("// uses: ")).unwrap_or_default();
    for path in uses.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        if let Some(lib) = LIB.iter().find(|lib| lib.path == path) {
            add(lib, files);
        }
    }
    files.push(source);
}

/// The names that files, and those that they use, declare; a name twice where two of them do.
pub(crate) fn declared<'a>(sources: &[&'a Source]) -> Vec<&'a str> {
    let mut files = vec![];
    sources.iter().for_each(|source| add(source, &mut files));
    files.into_iter().flat_map(|file| names(&file.text)).collect()
}

/// The names that a text declares outside of all braces.
fn names(text: &str) -> Vec<&str> {
    let (mut names, mut depth, mut declares) = (vec![], 0u32, false);
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for word in code.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
            if depth == 0 && !name.is_empty() {
                names.extend(declares.then_some(name));
                declares = matches!(name, "fn" | "const" | "struct" | "alias" | "override");
            }
            depth = match word.chars().last() {
                Some('{') => depth + 1,
                Some('}') => depth.saturating_sub(1),
                _ => depth,
            };
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_outside_of_braces() {
        let text = "// fn no() {}\nconst A: u32 = 1u;\nfn f(x: f32) -> f32 {\n    const B = 2;\n    return x;\n}\nstruct S { fn_: u32 }\n";
        assert_eq!(names(text), ["A", "f", "S"]);
        let source = shader!("unary/sigmoid.wgsl");
        let all = declared(&[&source, &source]);
        assert!(all.contains(&"sigmoid_f") && all.contains(&"is_nan"), "{all:?}");
        assert_eq!(all.iter().filter(|name| **name == "sigmoid_f").count(), 1);
    }

    #[test]
    fn only_loops_of_a_program_are_bounded_by_the_compiler() {
        let own = |text: &'static str| compose(&Launch::new(Source::new("own.wgsl", Cow::Borrowed(text)))).bounded;
        assert!(!own("fn main() { while (true) {} }"));
        assert!(own("fn before(x: f32) -> f32 { return x; }"));
        let shipped = Launch::new(shader!("matmul.wgsl"));
        assert!(compose(&shipped).text.contains("for (") && compose(&shipped).bounded);
        let own = Source::new("own.wgsl", Cow::Borrowed("fn own() { loop { break; } }"));
        assert!(!compose(&shipped.source(own)).bounded);
    }
}
