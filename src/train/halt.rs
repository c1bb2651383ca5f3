//! What was not finite first in a step that halted a run: the step is run again, op by op.

use std::collections::HashSet;

use crate::device::{Executable, Upload};
use crate::error::{Direction, Error, Result};
use crate::graph::{Buffer, FLAG_NOT_FINITE, GRADIENT_LIMIT, Graph, Node, Origin, StepTable, Value};
use crate::model::{Key, Trained};
use crate::program::{Options, Reuse};
use crate::train::rows::Rows;

/// A step that halted a run.
#[derive(Debug)]
pub(crate) struct Halt<'a> {
    /// The graph that ran.
    pub(crate) key: Key,
    /// All rows.
    pub(crate) rows: &'a Rows,
    /// Their order in the epoch.
    pub(crate) order: &'a [u32],
    /// What changes from step to step.
    pub(crate) table: &'a StepTable,
}

/// The first tensor that is not finite.
#[derive(Debug)]
struct First {
    what: String,
    direction: Direction,
    rows: Vec<u64>,
}

/// A step that was run op by op.
#[derive(Debug, Default)]
struct Traced {
    /// What was not finite, in the order in which it was computed.
    bad: Vec<(Value, First)>,
    /// The op that set the flag, the last one that was run.
    flagged: Option<usize>,
}

impl Halt<'_> {
    /// The error of a run that halted, with the first tensor of that step that was not finite. The state is that of the step
    /// before, so the step does the same again; where it does not, or the device has no memory for it, the error stays as
    /// it is.
    pub(crate) fn named(&self, trained: &dyn Trained, error: Error) -> Error {
        let Error::NotFinite { epoch, step, .. } = error else { return error };
        match self.first(trained, (step as usize).saturating_sub(1)) {
            Ok(Some(First { what, direction, rows })) => {
                Error::NotFinite { what, direction: Some(direction), rows, epoch, step }
            }
            _ => error,
        }
    }

    fn first(&self, trained: &dyn Trained, step: usize) -> Result<Option<First>> {
        if let Some(given) = self.in_variables(trained)? {
            return Ok(Some(given));
        }
        if let Some(given) = self.in_data(trained, step)? {
            return Ok(Some(given));
        }
        let mut loaded = trained.load(self.key, &Options { reuse: Reuse::Off, apart: true, ..Options::default() })?;
        self.rows.upload(&mut loaded)?;
        if let Some(permutation) = loaded.feed.permutation {
            loaded.executable.upload(permutation, Upload::Index(self.order))?;
        }
        self.in_nodes(&mut *loaded.executable, &loaded.graph, step)
    }

    /// A weight that was not finite before.
    fn in_variables(&self, trained: &dyn Trained) -> Result<Option<First>> {
        let (graph, _) = trained.graph(self.key)?;
        let (_, storage) = trained.memory();
        for (index, variable) in graph.variables.iter().enumerate() {
            if !storage.read(index, &variable.ty)?.to_f64().iter().all(|v| v.is_finite()) {
                let what = format!("the weight `{}`", variable.name);
                return Ok(Some(First { what, direction: Direction::Forward, rows: vec![] }));
            }
        }
        Ok(None)
    }

    /// A row of the batch that was given so.
    fn in_data(&self, trained: &dyn Trained, step: usize) -> Result<Option<First>> {
        let of_batch = self.of_batch(step);
        let rows: Vec<usize> = of_batch.iter().map(|&row| row as usize).collect();
        let [inputs, outputs] = trained.names();
        let inputs = self.rows.x.iter().zip(inputs.into_iter().map(|name| format!("the input `{name}`")));
        let outputs = self.rows.y.iter().zip(outputs.into_iter().map(|name| format!("the target of output `{name}`")));
        for (tensor, what) in inputs.chain(outputs) {
            let given = tensor.take_rows(&rows)?;
            let values = given.to_f64();
            let rows = rows_with(&values, given.len() / rows.len().max(1), &of_batch, |v| !v.is_finite());
            if !rows.is_empty() {
                return Ok(Some(First { what, direction: Direction::Forward, rows }));
            }
        }
        Ok(None)
    }

    /// The rows of the data that count in a step.
    fn of_batch(&self, step: usize) -> Vec<u64> {
        let count = self.table.rows.get(step).map_or(0, |&rows| rows as usize);
        self.order.iter().skip(step * self.key.batch).take(count).map(|&row| u64::from(row)).collect()
    }

    /// What was not finite first, of all that led to what an op sets the flag for, and is not so in a step beside it: what is
    /// masked may well be infinite.
    fn in_nodes(&self, executable: &mut dyn Executable, graph: &Graph, step: usize) -> Result<Option<First>> {
        let beside = if step > 0 { step - 1 } else { step + 1 };
        let usual = match beside < self.table.len() {
            true => self.until_flagged(executable, graph, beside)?,
            false => Traced::default(),
        };
        let Traced { bad, flagged: Some(node) } = self.until_flagged(executable, graph, step)? else { return Ok(None) };
        let from = [&graph.nodes[node].outputs[..], &graph.nodes[node].inputs].concat();
        let led = leading(graph, from, |value| bad.iter().any(|(other, _)| *other == value));
        let is_usual = |value: Value| usual.flagged.is_none() && usual.bad.iter().any(|(other, _)| *other == value);
        let led = bad.into_iter().filter(|(value, _)| led.contains(value));
        let (unusual, usual): (Vec<_>, Vec<_>) = led.partition(|(value, _)| !is_usual(*value));
        Ok(unusual.into_iter().chain(usual).next().map(|(_, first)| first))
    }

    /// What is not finite in a step, op by op, and the op that set the flag. Nothing is run that changes the state.
    fn until_flagged(&self, executable: &mut dyn Executable, graph: &Graph, step: usize) -> Result<Traced> {
        executable.begin(&StepTable { first: step as u32, ..self.table.clone() })?;
        let (used, mut bad) = (graph.used(), vec![]);
        for (at, node) in graph.nodes.iter().enumerate() {
            if node.outputs.iter().any(|&v| matches!(graph.shared(v), Some(Origin::Variable(_)))) {
                break;
            }
            executable.run_node(at)?;
            for (output, &value) in node.outputs.iter().enumerate().filter(|(_, v)| used[v.0]) {
                if let Buffer::Float(values) = executable.download(value)? {
                    bad.extend(self.in_values((graph, node, output), &values, step).map(|first| (value, first)));
                }
            }
            if executable.flag()? & FLAG_NOT_FINITE != 0 {
                return Ok(Traced { bad, flagged: Some(at) });
            }
        }
        Ok(Traced { bad, flagged: None })
    }

    fn in_values(&self, (graph, node, at): (&Graph, &Node, usize), values: &[f64], step: usize) -> Option<First> {
        let (ty, types) = (graph.ty(node.outputs[at]), node.inputs.iter().map(|&v| graph.ty(v)).collect::<Vec<_>>());
        let of_loss = node.op.loss_terms(&types).is_some() && at == 0;
        let direction = if of_loss { Direction::Gradient } else { node.place.direction };
        // What the flag is set for: of the gradients, those of weights and of losses may be too large for an optimizer.
        let limited = direction == Direction::Gradient && (of_loss || !ty.batched);
        let most = if limited { GRADIENT_LIMIT } else { f64::INFINITY };
        let bad = |v: f64| v.is_nan() || v.abs() >= most;
        let width = values.len() / ty.shape.dims().first().copied().unwrap_or(1).max(1);
        let rows = if ty.batched { rows_with(values, width, &self.of_batch(step), bad) } else { vec![] };
        if rows.is_empty() && (ty.batched || !values.iter().copied().any(bad)) {
            return None; // what does not count may be anything
        }
        let (op, place) =
            (node.op.name(), node.place.part.as_ref().map_or(String::new(), |part| format!(" in {part}")));
        let output = if node.outputs.len() > 1 { format!(" (output {at})") } else { String::new() };
        let what = match direction {
            Direction::Forward => format!("the output {} of {op}{output}{place}", ty.shape),
            Direction::Gradient => format!("the gradient {} of {op}{output}{place}", ty.shape),
        };
        Some(First { what, direction, rows })
    }
}

/// The values from which these come, these among them, as far as each is of a kind.
fn leading(graph: &Graph, mut from: Vec<Value>, of_kind: impl Fn(Value) -> bool) -> HashSet<Value> {
    let mut leading = HashSet::new();
    while let Some(value) = from.pop() {
        if of_kind(value)
            && leading.insert(value)
            && let Origin::Node { node, .. } = graph.origins[value.0]
        {
            from.extend(&graph.nodes[node].inputs);
        }
    }
    leading
}

/// Those of `rows` that have an element of a kind, of `width` elements each, in this order.
fn rows_with(values: &[f64], width: usize, rows: &[u64], of_kind: impl Fn(f64) -> bool) -> Vec<u64> {
    let kept = values.chunks(width.max(1)).zip(rows).filter(|(values, _)| values.iter().any(|&v| of_kind(v)));
    kept.map(|(_, &row)| row).collect()
}
