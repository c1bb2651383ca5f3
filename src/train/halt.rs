//! What was not finite first in a step that halted a run: the step is run again, op by op.

use crate::device::Executable;
use crate::error::{Direction, Error, Result};
use crate::graph::{Buffer, GRADIENT_LIMIT, Graph, Node, Origin, StepTable, Value};
use crate::model::{Key, Trained};
use crate::program::{Options, Reuse};
use crate::shape::Type;
use crate::tensor::Tensor;
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
        let given = self.in_variables(trained)?.or_else(|| self.in_data(trained, step));
        if given.is_some() {
            return Ok(given);
        }
        let mut loaded = trained.load(self.key, &Options { reuse: Reuse::Off, apart: true, ..Options::default() })?;
        self.rows.upload(&mut loaded)?;
        if let Some(permutation) = loaded.feed.permutation {
            loaded.executable.upload(permutation, crate::device::Upload::Index(self.order))?;
        }
        loaded.executable.begin(&StepTable { first: step as u32, ..self.table.clone() })?;
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
    fn in_data(&self, trained: &dyn Trained, step: usize) -> Option<First> {
        let of_batch = self.of_batch(step);
        let bad = |tensor: &Tensor| -> Vec<u64> {
            let (values, width) = (tensor.to_f64(), tensor.len() / tensor.rows().max(1));
            let row = |row: u64| values.get(row as usize * width..(row as usize + 1) * width).unwrap_or_default();
            of_batch.iter().copied().filter(|&at| row(at).iter().any(|v| !v.is_finite())).collect()
        };
        let [inputs, outputs] = trained.names();
        let inputs = self.rows.x.iter().zip(inputs.into_iter().map(|name| format!("the input `{name}`")));
        let outputs = self.rows.y.iter().zip(outputs.into_iter().map(|name| format!("the target of output `{name}`")));
        inputs.chain(outputs).find_map(|(tensor, what)| {
            let rows = bad(tensor);
            (!rows.is_empty()).then_some(First { what, direction: Direction::Forward, rows })
        })
    }

    /// The rows of the data that count in a step.
    fn of_batch(&self, step: usize) -> Vec<u64> {
        let count = self.table.rows.get(step).map_or(0, |&rows| rows as usize);
        self.order.iter().skip(step * self.key.1).take(count).map(|&row| u64::from(row)).collect()
    }

    /// What an op gave, of those before the state changes.
    fn in_nodes(&self, executable: &mut dyn Executable, graph: &Graph, step: usize) -> Result<Option<First>> {
        let used = graph.used();
        for (at, node) in graph.nodes.iter().enumerate() {
            if node.outputs.iter().any(|&v| matches!(graph.shared(v), Some(Origin::Variable(_)))) {
                break;
            }
            executable.run_node(at)?;
            for &value in node.outputs.iter().filter(|v| used[v.0]) {
                if let Buffer::Float(values) = executable.download(value)?
                    && let Some(first) = self.in_values((graph, node, value), &values, step)
                {
                    return Ok(Some(first));
                }
            }
        }
        Ok(None)
    }

    fn in_values(&self, (graph, node, value): (&Graph, &Node, Value), values: &[f64], step: usize) -> Option<First> {
        let types: Vec<&Type> = node.inputs.iter().map(|&v| graph.ty(v)).collect();
        let of_loss = node.op.loss_terms(&types).is_some() && node.outputs.first() == Some(&value);
        let direction = if of_loss { Direction::Gradient } else { node.place.direction };
        // What the flag is set for: of the gradients, those of weights and of losses may be too large for an optimizer.
        let limited = direction == Direction::Gradient && (of_loss || !graph.ty(value).batched);
        let most = if limited { GRADIENT_LIMIT } else { f64::INFINITY };
        let bad = |v: &f64| v.is_nan() || v.abs() >= most;
        let (ty, of_batch) = (graph.ty(value), self.of_batch(step));
        let mut rows = vec![];
        if ty.batched {
            let width = (values.len() / ty.shape.dims().first().copied().unwrap_or(1).max(1)).max(1);
            let counted = values.chunks(width).zip(of_batch);
            rows = counted.filter(|(values, _)| values.iter().any(bad)).map(|(_, row)| row).collect();
        }
        if rows.is_empty() && (ty.batched || !values.iter().any(bad)) {
            return None; // what does not count may be anything
        }
        let (op, place) =
            (node.op.name(), node.place.part.as_ref().map_or(String::new(), |part| format!(" in {part}")));
        let what = match direction {
            Direction::Forward => format!("the output {} of {op}{place}", ty.shape),
            Direction::Gradient => format!("the gradient {} of {op}{place}", ty.shape),
        };
        Some(First { what, direction, rows })
    }
}
