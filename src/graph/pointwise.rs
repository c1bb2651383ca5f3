//! Ops that go element by element, as WGSL expressions: what lets neighbours become one kernel.

use crate::graph::wgsl::{Source, number};

/// An op whose outputs are each an expression of an element of its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointwise {
    /// Files with the functions that the expressions call.
    pub sources: Vec<Source>,
    /// The outputs as expressions of the operands `$0`, `$1`, …
    pub outputs: Vec<String>,
    /// Whether they read the step table.
    pub reads_step: bool,
}

impl Pointwise {
    /// With functions of one file.
    pub fn new(source: Source, outputs: impl IntoIterator<Item = String>) -> Self {
        Self { sources: vec![source], outputs: outputs.into_iter().collect(), reads_step: false }
    }

    /// Output `output` of operands that are called so.
    pub fn expression(&self, output: usize, operands: &[String]) -> String {
        let template = self.outputs.get(output).map_or("", String::as_str);
        let mut pieces = template.split('$');
        let first = pieces.next().unwrap_or_default().to_string();
        pieces.fold(first, |text, piece| {
            let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
            let name = piece[..end].parse().ok().and_then(|at: usize| operands.get(at));
            text + name.map_or("", String::as_str) + &piece[end..]
        })
    }
}

/// A call of a function in WGSL with operands, then numbers.
pub(crate) fn call_of(function: &str, operands: &[&str], params: &[f32]) -> String {
    let arguments = operands.iter().map(|&o| o.to_string()).chain(params.iter().map(|&p| number(p)));
    format!("{function}({})", arguments.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn operands_take_their_places() {
        let outputs = ["$0 * f($1, $1)".to_string(), "$10 + $0".to_string()];
        let pointwise = Pointwise::new(Source::new("f", Cow::Borrowed("")), outputs);
        let names: Vec<String> = (0..11).map(|i| format!("r{i}")).collect();
        assert_eq!(pointwise.expression(0, &names), "r0 * f(r1, r1)");
        assert_eq!(pointwise.expression(1, &names), "r10 + r0");
        assert_eq!(call_of("elu_f", &["$0"], &[1.0, 0.5]), "elu_f($0, 1.0f, 0.5f)");
    }
}
