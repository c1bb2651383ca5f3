//! What can go wrong: one error type, fields and not sentences.

use std::fmt;
use std::path::PathBuf;

/// The result of everything in wgrad that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, with the place, what was expected and what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has a shape or a dtype that does not fit.
    #[error("{op}: expected {expected}, got {got}; change the one or the other")]
    Shape {
        /// The operation, layer or argument that was given the tensor.
        op: String,
        /// The shape that it takes.
        expected: String,
        /// The shape that came.
        got: String,
    },
    /// An argument makes no sense.
    #[error("{name}: expected {expected}, got {got}")]
    Argument {
        /// The argument's name, as it is written in the call or on the command line.
        name: String,
        /// The values that it takes.
        expected: String,
        /// The value that came.
        got: String,
    },
    /// A name that nothing has.
    #[error("there is no {what} `{got}`: use one of {}{}", known.join(", "), nearest(got, known))]
    Unknown {
        /// What the name should be that of.
        what: String,
        /// The name that came.
        got: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// No adapter fits what was asked for.
    #[error("no adapter fits `{wanted}`; {}, or take the CPU with `cpu`", found(tried))]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// Every adapter that was found.
        tried: Vec<String>,
    },
    /// Something needs more than the device has.
    #[error("{what}: needs {need} {name}, the limit is {limit}; use a smaller model or batch, or another device")]
    Limit {
        /// What needs it.
        what: String,
        /// The limit's name.
        name: &'static str,
        /// How much is needed.
        need: u64,
        /// How much the device has.
        limit: u64,
    },
    /// The driver refused a call.
    #[error(
        "the device refused {call}: {reason}; if this driver is up to date, please report it with the output of `wgrad devices`"
    )]
    Device {
        /// The call, with the label of its object.
        call: String,
        /// What the driver said.
        reason: String,
    },
    /// The device is gone; nothing that it held can be read.
    #[error(
        "the device is lost: {reason}; results since the last finished submission are dropped, open the device again to go on"
    )]
    DeviceLost {
        /// How it showed.
        reason: String,
    },
    /// The device has no memory left.
    #[error(
        "out of memory: {need} bytes asked for with {held} bytes held by wgrad; use a smaller model or batch, or another device"
    )]
    OutOfMemory {
        /// Bytes asked for.
        need: u64,
        /// Bytes held when they were asked for.
        held: u64,
    },
    /// A batch is too large for the device.
    #[error("a batch of {batch} rows does not fit: {source}; a batch of {fits} does")]
    Batch {
        /// The batch.
        batch: usize,
        /// The largest one that fits.
        fits: usize,
        /// What is too large: [`Error::Limit`] or [`Error::OutOfMemory`].
        source: Box<Error>,
    },
    /// A table has other columns than a model was trained on.
    #[error(
        "{}: columns do not fit the model: {}; rename them, or leave out what it does not know (`--ignore`)", path.display(), differences.join(", ")
    )]
    Columns {
        /// The table.
        path: PathBuf,
        /// All that is missing, and all that the model does not know.
        differences: Vec<String>,
    },
    /// Something that wgrad does not do.
    #[error("{what} is not supported: {fix}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What to do in its place.
        fix: String,
    },
    /// A number is no longer finite; the state is that of the step before.
    #[error(
        "{what} is not finite in epoch {epoch}, step {step}{}{}; the weights are those of the step before; try a smaller learning rate, and look at the data of that step", on_the_way(*direction), at_rows(rows)
    )]
    NotFinite {
        /// The first tensor of the step that is not, or what is known of it.
        what: String,
        /// Whether it was on the way forward or back; `None` where only the end of the step is known.
        direction: Option<Direction>,
        /// The rows of the data that it belongs to, from 0; none for what belongs to no row.
        rows: Vec<u64>,
        /// The epoch, from 1.
        epoch: u64,
        /// The step in the epoch, from 1.
        step: u64,
    },
    /// An index points outside what it indexes; the state is that of the step before.
    #[error(
        "an index is out of range in epoch {epoch}, step {step}: expected less than {rows} rows; check the indices of that step"
    )]
    BadIndex {
        /// Rows of the tensor that was indexed.
        rows: u64,
        /// The epoch, from 1.
        epoch: u64,
        /// The step in the epoch, from 1.
        step: u64,
    },
    /// Something is wrong in a layer.
    #[error("layer {index} ({name}): {source}")]
    Layer {
        /// The layer's place in the model, from 0.
        index: usize,
        /// The layer's name.
        name: String,
        /// What is wrong.
        source: Box<Error>,
    },
    /// Something is wrong with what an output of a model is trained or measured by.
    #[error("{what} of output `{output}`: {source}")]
    Output {
        /// The output.
        output: String,
        /// Its loss, or one of its metrics.
        what: String,
        /// What is wrong.
        source: Box<Error>,
    },
    /// A kernel of an op gives another number than the op's definition, by more than the bar.
    #[error("{op} ({variant}) is wrong on {device}: {point}; correct the kernel, or what `cpu` says it gives")]
    WrongNumber {
        /// The op.
        op: String,
        /// The variant.
        variant: String,
        /// The device.
        device: String,
        /// The worst element, and what repeats it.
        point: Box<Point>,
    },
    /// A kernel of an op writes what is not its own, or leaves the step protocol in another state than the op.
    #[error("{op} ({variant}) breaks a rule on {device}: {rule}")]
    BrokenRule {
        /// The op.
        op: String,
        /// The variant.
        variant: String,
        /// The device.
        device: String,
        /// What was found, and where.
        rule: String,
    },
    /// The gradient of an op is not its derivative.
    #[error(
        "the gradient of {op} is wrong for ({shape}), seed {seed}: of input {input}[{index}] it is {analytic:e}, differences say {difference:e}; correct `gradient`"
    )]
    WrongGradient {
        /// The op.
        op: String,
        /// The types of the inputs.
        shape: String,
        /// The seed of their values.
        seed: u64,
        /// Which input.
        input: usize,
        /// Which of its elements.
        index: usize,
        /// What the op's gradient says.
        analytic: f64,
        /// What differences say.
        difference: f64,
    },
    /// Weights do not fit a model; nothing was changed.
    #[error("{what}: weights do not fit the model: {}; load them into a model of the same layers", differences.join("; "))]
    Mismatch {
        /// Where they come from.
        what: String,
        /// All that differs.
        differences: Vec<String>,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {position}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Line, column or byte, in words.
        position: String,
        /// What is wrong there, and what was expected.
        reason: String,
    },
}

/// The element of an output that is farthest from what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The types of the inputs.
    pub shape: String,
    /// What kind of values they hold.
    pub values: String,
    /// The seed of their values.
    pub seed: u64,
    /// Which output.
    pub output: usize,
    /// Which of its elements.
    pub index: usize,
    /// What the device gave.
    pub got: f64,
    /// What the op's definition gives in f64.
    pub want: f64,
    /// How far they may differ.
    pub bar: f64,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, values, seed, output, index, got, want, bar } = self;
        write!(f, "of ({shape}), {values}, seed {seed}, ")?;
        write!(f, "output {output}[{index}] is expected to be {want:e} within {bar:e}, got {got:e}")
    }
}

/// Which way values go in a step of training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the data to the loss.
    #[default]
    Forward,
    /// From the loss to the weights: gradients.
    Gradient,
}

fn on_the_way(direction: Option<Direction>) -> &'static str {
    match direction {
        Some(Direction::Forward) => ", on the way forward",
        Some(Direction::Gradient) => ", on the way back",
        None => "",
    }
}

/// Some rows in words.
fn at_rows(rows: &[u64]) -> String {
    const SHOWN: usize = 8;
    let text: Vec<String> = rows.iter().take(SHOWN).map(u64::to_string).collect();
    match rows.len() {
        0 => String::new(),
        1 => format!(", row {} of the data", text.join(", ")),
        n if n <= SHOWN => format!(", rows {} of the data", text.join(", ")),
        n => format!(", rows {} and {} more of the data", text.join(", "), n - SHOWN),
    }
}

/// What was found, and what to do about it.
fn found(tried: &[String]) -> String {
    match tried {
        [] => "none was found; install the GPU's driver".into(),
        tried => format!("found: {}; name one of these", tried.join(", ")),
    }
}

/// At most 40 characters of a text from a file, so that a message stays a line.
pub(crate) fn shown(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(40) {
        if matches!(c, '"' | '\'' | '\\') { short.push(c) } else { short.extend(c.escape_debug()) }
    }
    if text.chars().nth(40).is_some() { short + "…" } else { short }
}

/// The name that was probably meant, if one is near enough.
fn nearest(got: &str, known: &[String]) -> String {
    let near = known.iter().map(|name| (edits(&got.to_lowercase(), &name.to_lowercase()), name)).min();
    near.filter(|(edits, name)| *edits <= name.chars().count() / 3 + 1)
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

/// How many letters one word is changed, added or dropped by to get the other: Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let least = (row[j] + 1).min(row[j + 1] + 1).min(corner + usize::from(x != *y));
            corner = std::mem::replace(&mut row[j + 1], least);
        }
    }
    row[b.len()]
}

impl Error {
    pub(crate) fn unknown<'a>(what: &str, got: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Unknown { what: what.into(), got: got.into(), known: known.into_iter().map(String::from).collect() }
    }

    pub(crate) fn argument(name: impl Into<String>, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Argument { name: name.into(), expected: expected.into(), got: got.to_string() }
    }

    pub(crate) fn shape(op: impl Into<String>, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Shape { op: op.into(), expected: expected.into(), got: got.to_string() }
    }
}
