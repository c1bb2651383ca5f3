//! The oracle: a graph interpreted in f64, op by op, with a buffer per value and the naive kernels alone.
//!
//! Everything else is compared with it. It shares no merging, no plan and no fast kernel with what it checks.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Buffer, Graph, Origin, StepState, StepTable, Value, Variables, call};
use crate::shape::Type;

/// A graph with the memory to interpret it in.
#[derive(Debug)]
pub struct Oracle {
    graph: Arc<Graph>,
    used: Vec<bool>,
    buffers: Vec<Buffer<f64>>,
    taken: Vec<Buffer<f64>>,
    /// Where the run stands.
    pub step: StepState<f64>,
}

impl Oracle {
    /// Zeros for every value.
    pub fn new(graph: Arc<Graph>) -> Self {
        let buffers = graph.types.iter().map(Buffer::zeros).collect();
        Self { used: graph.used(), graph, buffers, taken: vec![], step: StepState::new() }
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What a value holds.
    pub fn get(&self, value: Value) -> &Buffer<f64> {
        &self.buffers[value.0]
    }

    /// Sets what a value holds.
    ///
    /// # Errors
    /// [`Error::Shape`] where dtype or length are not the value's.
    pub fn set(&mut self, value: Value, buffer: Buffer<f64>) -> Result<()> {
        let (old, ty) = (&mut self.buffers[value.0], self.graph.ty(value));
        if (old.float().len(), old.indices().len()) != (buffer.float().len(), buffer.indices().len()) {
            return Err(Error::shape("data", ty.to_string(), buffer.float().len() + buffer.indices().len()));
        }
        *old = buffer;
        Ok(())
    }

    /// Goes to the first row of a table.
    pub fn begin(&mut self, table: &StepTable) {
        self.step.begin(table);
    }

    /// Runs one step on the variables of the model.
    ///
    /// # Errors
    /// Those of the ops.
    pub fn run(&mut self, variables: &mut [Buffer<f64>]) -> Result<()> {
        self.read(variables);
        for node in 0..self.graph.nodes.len() {
            self.run_node(node)?;
        }
        self.write(variables);
        Ok(())
    }

    /// Reads the variables as they stand at the begin of a step.
    pub fn read(&mut self, variables: &[Buffer<f64>]) {
        for (value, origin) in self.graph.origins.iter().enumerate() {
            if let Origin::Variable(index) = origin {
                self.buffers[value].clone_from(&variables[*index]);
            }
        }
    }

    /// Writes the variables as they stand at the end of a step.
    pub fn write(&self, variables: &mut [Buffer<f64>]) {
        for &(index, value) in &self.graph.writes {
            variables[index].clone_from(&self.buffers[value.0]);
        }
    }

    /// Runs one op.
    ///
    /// # Errors
    /// Those of the op.
    pub fn run_node(&mut self, node: usize) -> Result<()> {
        let graph = Arc::clone(&self.graph);
        let node = &graph.nodes[node];
        let types: Vec<Type> = node.inputs.iter().map(|&v| graph.ty(v).clone()).collect();
        let inputs: Vec<usize> = node.inputs.iter().map(|v| v.0).collect();
        let outputs: Vec<Option<usize>> = node.outputs.iter().map(|v| self.used[v.0].then_some(v.0)).collect();
        for (output, input) in node.op.aliases() {
            self.buffers[node.outputs[output].0] = self.buffers[node.inputs[input].0].clone();
        }
        let kernel = |args: crate::graph::Args<'_, f64>| node.op.cpu_f64(args);
        call(kernel, &types, &mut self.buffers, (&inputs, &outputs), &mut self.taken, &mut self.step)
    }
}

/// Zeros for every variable.
pub fn zeros<F: crate::graph::Float>(variables: &Variables) -> Vec<Buffer<F>> {
    variables.iter().map(|v| Buffer::zeros(&v.ty)).collect()
}
