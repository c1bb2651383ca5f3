//! `summary`: the layers of a model as Keras prints them.

use std::fmt::Write;

use crate::graph::VariableKind;
use crate::layers::Config;
use crate::model::Model;

/// The inner widths of the columns at 80 characters a line.
const WIDTHS: [usize; 3] = [33, 24, 15];

impl Model {
    /// A table of the layers, with the shapes of their outputs and what they train. Source: Keras' `summary`.
    pub fn summary(&self) -> String {
        let mut text = format!("Model: \"{}\"\n", self.name);
        text.push_str(&rule('┏', '━', '┳', '┓'));
        text.push_str(&row('┃', ["Layer (type)", "Output Shape", "Param #"]));
        text.push_str(&rule('┡', '━', '╇', '┩'));
        for (i, placed) in self.layers.iter().enumerate() {
            if i > 0 {
                text.push_str(&rule('├', '─', '┼', '┤'));
            }
            let Config { class, .. } = placed.layer.config();
            let dims = placed.output.shape.dims().iter().map(|d| format!(", {d}")).collect::<String>();
            let prefix = format!("{}/", placed.name);
            let params = self.elements(|name, kind| kind != VariableKind::Moment && name.starts_with(&prefix));
            let cells = [format!("{} ({class})", placed.name), format!("(None{dims})"), grouped(params)];
            text.push_str(&row('│', cells.each_ref().map(String::as_str)));
        }
        text.push_str(&rule('└', '─', '┴', '┘'));
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

    fn elements(&self, of: impl Fn(&str, VariableKind) -> bool) -> u64 {
        self.variables.iter().filter(|v| of(&v.name, v.kind)).map(|v| v.ty.len() as u64).sum()
    }
}

fn rule(left: char, line: char, cross: char, right: char) -> String {
    let cells = WIDTHS.map(|width| line.to_string().repeat(width));
    format!("{left}{}{right}\n", cells.join(&cross.to_string()))
}

/// The last column is aligned to the right. Text that is too long for its column is cut.
fn row(edge: char, cells: [&str; 3]) -> String {
    let fit = |i: usize| cells[i].chars().take(WIDTHS[i] - 2).collect::<String>();
    let [name, shape, params] = [0, 1, 2].map(fit);
    let [a, b, c] = WIDTHS.map(|width| width - 2);
    format!("{edge} {name:<a$} {edge} {shape:<b$} {edge} {params:>c$} {edge}\n")
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
    fn numbers_read_as_in_keras() {
        assert_eq!([0, 33, 704, 2080, 2_817_000].map(grouped), ["0", "33", "704", "2,080", "2,817,000"]);
        assert_eq!([0, 1023, 11_268, 5 << 20].map(bytes), ["0.00 B", "1023.00 B", "11.00 KB", "5.00 MB"]);
    }
}
