//! `summary`: the layers of a model as Keras prints them.

use std::fmt::Write;

use crate::error::{Error, Result};
use crate::graph::VariableKind;
use crate::layers::Source;
use crate::model::{Key, Layout, Mode, Model};
use crate::program::{Options, plan};
use crate::shape::Shape;

/// A column: its header, its inner width at 80 characters a line, and whether it is aligned to the right.
type Column = (&'static str, usize, bool);

/// The columns of layers in a row.
const IN_A_ROW: &[Column] = &[("Layer (type)", 33, false), ("Output Shape", 24, false), ("Param #", 15, true)];
/// The columns of layers that are connected in any way.
const CONNECTED: &[Column] =
    &[("Layer (type)", 21, false), ("Output Shape", 19, false), ("Param #", 12, true), ("Connected to", 19, false)];

impl Model {
    /// A table of the layers, with the shapes of their outputs and what they train. Source: Keras' `summary`.
    pub fn summary(&self) -> String {
        let columns = if self.network.class == "Sequential" { IN_A_ROW } else { CONNECTED };
        let mut rows = vec![];
        if columns.len() == CONNECTED.len() {
            for (name, ty) in &self.inputs {
                rows.push([format!("{name} (InputLayer)"), with_rows(&ty.shape), "0".into(), "-".into()]);
            }
        }
        for (layer, (name, placed)) in self.network.layers.iter().enumerate() {
            let calls = self.network.calls.iter().enumerate().filter(|(_, call)| call.layer == layer);
            let shapes: Vec<String> =
                calls.clone().take(1).flat_map(|(at, _)| &self.types[at]).map(|ty| with_rows(&ty.shape)).collect();
            let from: Vec<String> =
                calls.flat_map(|(_, call)| &call.inputs).map(|source| self.connection(*source)).collect();
            let prefix = format!("{name}/");
            let params = self.elements(|name, kind| kind != VariableKind::Moment && name.starts_with(&prefix));
            let class = placed.layer().config().class;
            rows.push([format!("{name} ({class})"), shapes.join(", "), grouped(params), from.join(", ")]);
        }
        let mut text = format!("Model: \"{}\"\n", self.name);
        table(&mut text, columns, &rows);
        let of = |kind| self.elements(|_, k| k == kind);
        let (trained, state, moments) =
            (of(VariableKind::Parameter), of(VariableKind::State), of(VariableKind::Moment));
        let mut line = |name: &str, n: u64| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, " {name} params: {} ({})", grouped(n), bytes(4 * n));
        };
        line("Total", trained + state + moments);
        line("Trainable", trained);
        line("Non-trainable", state);
        if moments > 0 {
            line("Optimizer", moments);
        }
        text
    }

    /// The summary, with what batches of `batch` rows cost on this device: floating point operations, launches and
    /// memory of a prediction and, after `compile`, of a step of training. Memory holds the rows of one batch.
    ///
    /// # Errors
    /// [`Error::Argument`] for a batch of 0, [`Error::Limit`] where it does not fit the device.
    pub fn summary_for(&self, batch: usize) -> Result<String> {
        if batch == 0 {
            return Err(Error::argument("batch", "at least 1", batch));
        }
        let mut text = self.summary();
        let modes = [(Mode::Predict, "Prediction"), (Mode::Train, "Training step")];
        for (mode, name) in modes.into_iter().take(1 + usize::from(self.compiled.is_some())) {
            let (graph, _) = self.trace(Key { mode, batch, data: Layout::plain(batch) })?;
            let program = plan(graph, &self.device.caps(), &Options::default())?;
            let (flops, launches) = (grouped(program.flops()), program.launches().count());
            let memory = bytes(program.memory_bytes());
            let _ = writeln!(text, " {name} of {batch} rows: {flops} FLOPs, {launches} launches, {memory} of memory");
        }
        Ok(text)
    }

    /// Where a value comes from: layer, which call of it, which of its outputs.
    fn connection(&self, source: Source) -> String {
        match source {
            Source::Input(i) => format!("{}[0][0]", self.inputs[i].0),
            Source::Output { call, output } => {
                let layer = self.network.calls[call].layer;
                let node = self.network.calls[..call].iter().filter(|call| call.layer == layer).count();
                format!("{}[{node}][{output}]", self.network.layers[layer].0)
            }
        }
    }

    fn elements(&self, of: impl Fn(&str, VariableKind) -> bool) -> u64 {
        self.variables.iter().filter(|v| of(&v.name, v.kind)).map(|v| v.ty.len() as u64).sum()
    }
}

pub(super) fn with_rows(shape: &Shape) -> String {
    format!("(None{})", shape.dims().iter().map(|d| format!(", {d}")).collect::<String>())
}

/// A table with a heavy head. Rows may have more cells than there are columns.
fn table(text: &mut String, columns: &[Column], rows: &[[String; 4]]) {
    let headers: Vec<String> = columns.iter().map(|(header, ..)| (*header).to_string()).collect();
    rule(text, columns, ['┏', '━', '┳', '┓']);
    row(text, columns, '┃', &headers);
    rule(text, columns, ['┡', '━', '╇', '┩']);
    for (i, cells) in rows.iter().enumerate() {
        if i > 0 {
            rule(text, columns, ['├', '─', '┼', '┤']);
        }
        row(text, columns, '│', cells);
    }
    rule(text, columns, ['└', '─', '┴', '┘']);
}

fn rule(text: &mut String, columns: &[Column], [left, line, cross, right]: [char; 4]) {
    let cells: Vec<String> = columns.iter().map(|&(_, width, _)| line.to_string().repeat(width)).collect();
    let _ = writeln!(text, "{left}{}{right}", cells.join(&cross.to_string()));
}

fn row(text: &mut String, columns: &[Column], edge: char, cells: &[String]) {
    let wrapped: Vec<Vec<String>> =
        columns.iter().zip(cells).map(|(&(_, width, _), cell)| wrap(cell, width - 2)).collect();
    for line in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
        text.push(edge);
        for (&(_, width, is_right), lines) in columns.iter().zip(&wrapped) {
            let (cell, width) = (lines.get(line).map_or("", String::as_str), width - 2);
            let _ = if is_right { write!(text, " {cell:>width$} ") } else { write!(text, " {cell:<width$} ") };
            text.push(edge);
        }
        text.push('\n');
    }
}

/// Words in lines of at most `width`; a word that is longer is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width.max(1)) {
            let last = lines.last().map_or(0, |line| line.chars().count());
            let piece: String = piece.iter().collect();
            let fits = last > 0 && last + 1 + piece.chars().count() <= width;
            match lines.last_mut() {
                Some(line) if fits => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                Some(line) if line.is_empty() => *line = piece,
                _ => lines.push(piece),
            }
        }
    }
    lines
}

/// With a comma after every three digits.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = {
        let first = (digits.len() - 1) % 3 + 1;
        let (head, tail) = digits.split_at(first);
        std::iter::once(head).chain((0..tail.len() / 3).map(|i| &tail[3 * i..3 * i + 3])).collect()
    };
    groups.join(",")
}

/// In B, KB, MB, …, with two decimals.
fn bytes(n: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let power = (0..units.len() - 1).take_while(|&p| n >= 1024u64.pow(p as u32 + 1)).count();
    format!("{:.2} {}", n as f64 / 1024f64.powi(power as i32), units[power])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_next_line() {
        assert_eq!(wrap("binary_output (Dense)", 19), ["binary_output", "(Dense)"]);
        assert_eq!(wrap("dense (Dense)", 19), ["dense (Dense)"]);
        assert_eq!(wrap("abcdef gh", 4), ["abcd", "ef", "gh"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn numbers_read_as_in_keras() {
        assert_eq!([0, 33, 704, 2080, 2_817_000].map(grouped), ["0", "33", "704", "2,080", "2,817,000"]);
        assert_eq!([0, 1023, 11_268, 5 << 20].map(bytes), ["0.00 B", "1023.00 B", "11.00 KB", "5.00 MB"]);
    }
}
