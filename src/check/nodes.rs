//! A loaded program against the oracle, node by node on the program's own values.

use std::fmt;
use std::sync::Arc;

use crate::check::compare::{Reference, Worst};
use crate::device::Executable;
use crate::error::Result;
use crate::graph::{Buffer, Graph, Value};
use crate::shape::Type;

/// What a check of one node found.
#[derive(Clone, Debug)]
pub struct NodeOutcome {
    /// The node's place in the graph.
    pub node: usize,
    /// Its op.
    pub op: String,
    /// The worst element of its outputs.
    pub worst: Option<Worst>,
    /// What is wrong with the words of the step protocol after it.
    pub step: Option<String>,
}

impl NodeOutcome {
    /// Whether all is within the op's bar.
    pub fn passes(&self) -> bool {
        self.step.is_none() && self.worst.as_ref().is_none_or(|worst| worst.error <= 1.0)
    }
}

impl fmt::Display for NodeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.node, self.op)?;
        if let Some(worst) = &self.worst {
            write!(f, ": {worst}")?;
        }
        if let Some(step) = &self.step {
            write!(f, ": {step}")?;
        }
        Ok(())
    }
}

/// Runs one step of a loaded graph, a node at a time: those of its program, where a device has one. The f64 kernel of each node runs on what the device holds before
/// it: its inputs, what its outputs held, and the step protocol.
///
/// # Errors
/// Those of the device. A wrong number is an outcome, not an error.
pub fn nodes(executable: &mut dyn Executable, graph: &Graph) -> Result<Vec<NodeOutcome>> {
    let program = executable.program().map(|program| Arc::clone(&program.graph));
    let graph = program.as_deref().unwrap_or(graph);
    let used = graph.used();
    let mut outcomes = vec![];
    for (index, node) in graph.nodes.iter().enumerate() {
        let types: Vec<Type> = node.inputs.iter().map(|&v| graph.ty(v).clone()).collect();
        let inputs = node.inputs.iter().map(|&v| executable.download(v)).collect::<Result<Vec<_>>>()?;
        let before = read(executable, &node.outputs, &used)?;
        let step = executable.step()?;
        executable.run_node(index)?;
        let got: Vec<Buffer<f64>> =
            read(executable, &node.outputs, &used)?.into_iter().map(Option::unwrap_or_default).collect();
        let reference = Reference::new(&*node.op, &types, &inputs, &before, &step)?;
        let after = executable.step()?;
        let mut wrong = reference.step_differs(&after);
        let sequence = (reference.step.words.sequence, after.words.sequence);
        if wrong.is_none() && sequence.0 != sequence.1 {
            wrong = Some(format!("sequence {}, want {}", sequence.1, sequence.0));
        }
        let op = node.op.name().to_string();
        outcomes.push(NodeOutcome { node: index, op, worst: reference.worst(&got), step: wrong });
    }
    Ok(outcomes)
}

/// What outputs hold that something reads.
fn read(executable: &mut dyn Executable, outputs: &[Value], used: &[bool]) -> Result<Vec<Option<Buffer<f64>>>> {
    outputs.iter().map(|&v| used[v.0].then(|| executable.download(v)).transpose()).collect()
}
