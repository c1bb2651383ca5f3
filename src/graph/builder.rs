//! Makes a graph, op by op.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Column, Graph, Kept, Node, Op, Origin, Place, Report, Value, Variable, Variables};
use crate::shape::Type;

/// Makes a graph. Taken by `&` everywhere, so that calls nest.
#[derive(Debug)]
pub struct Builder {
    inner: RefCell<Inner>,
}

#[derive(Debug)]
struct Inner {
    graph: Graph,
    variables: HashMap<usize, Value>,
    logits: HashMap<Value, (Value, Squash)>,
    /// Values whose sums are added to the loss.
    losses: Vec<Value>,
    /// Where the ops that come next belong.
    place: Place,
    streams: u32,
}

/// A function that makes probabilities of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squash {
    /// A sigmoid of each.
    Sigmoid,
    /// A softmax over the last axis.
    Softmax,
}

impl Builder {
    /// Begins a graph that may read and write `variables`.
    pub fn new(variables: Arc<Variables>) -> Self {
        let graph = Graph {
            nodes: vec![],
            types: vec![],
            origins: vec![],
            variables,
            writes: vec![],
            data: vec![],
            columns: vec![],
            reports: vec![],
            outputs: vec![],
            results: None,
            kept: None,
        };
        let (variables, logits) = (HashMap::new(), HashMap::new());
        let place = Place::default();
        Self { inner: RefCell::new(Inner { graph, variables, logits, losses: vec![], place, streams: 0 }) }
    }

    /// Adds an op; gives its outputs.
    ///
    /// # Errors
    /// Those of [`OpDef::infer`](crate::graph::OpDef::infer).
    pub fn op(&self, op: Arc<dyn Op>, inputs: &[Value]) -> Result<Vec<Value>> {
        let types: Vec<Type> = inputs.iter().map(|&v| self.ty(v)).collect();
        let outputs = op.infer(&types.iter().collect::<Vec<_>>())?;
        for ty in &outputs {
            ty.shape.checked_len(op.name())?;
        }
        let Inner { graph, place, .. } = &mut *self.inner.borrow_mut();
        let node = graph.nodes.len();
        let outputs: Vec<Value> =
            outputs.into_iter().enumerate().map(|(output, ty)| add(graph, ty, Origin::Node { node, output })).collect();
        graph.nodes.push(Node { op, inputs: inputs.to_vec(), outputs: outputs.clone(), place: place.clone() });
        Ok(outputs)
    }

    /// Adds an op with one output.
    ///
    /// # Errors
    /// Those of [`Builder::op`].
    pub fn op1(&self, op: impl Op + 'static, inputs: &[Value]) -> Result<Value> {
        let outputs = self.op(Arc::new(op), inputs)?;
        outputs.first().copied().ok_or_else(|| Error::shape("op", "one output", "none"))
    }

    /// Says that all ops that `trace` adds belong to a part of the model, as "layer `dense`": messages name it.
    pub fn within<T>(&self, part: &str, trace: impl FnOnce() -> T) -> T {
        let direction = self.inner.borrow().place.direction;
        self.at(Place { part: Some(part.into()), direction }, trace)
    }

    /// The same for a place.
    pub(crate) fn at<T>(&self, place: Place, trace: impl FnOnce() -> T) -> T {
        let before = std::mem::replace(&mut self.inner.borrow_mut().place, place);
        let traced = trace();
        self.inner.borrow_mut().place = before;
        traced
    }

    /// Data that the host uploads before a run.
    pub fn data(&self, ty: Type) -> Value {
        let graph = &mut self.inner.borrow_mut().graph;
        let value = add(graph, ty, Origin::Data);
        graph.data.push(value);
        value
    }

    /// A variable's value at the begin of the step.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is no variable `index`.
    pub fn variable(&self, index: usize) -> Result<Value> {
        let inner = &mut *self.inner.borrow_mut();
        if let Some(&value) = inner.variables.get(&index) {
            return Ok(value);
        }
        let ty = inner.graph.variables.get(index).map(|v| v.ty.clone());
        let ty = ty.ok_or_else(|| Error::argument("a variable's index", "one of the model", index))?;
        let value = add(&mut inner.graph, ty, Origin::Variable(index));
        inner.variables.insert(index, value);
        Ok(value)
    }

    /// Says that variable `index` is `value` after the step. The op that gives `value` shares its storage, and writes
    /// nothing while halted. Said again, it goes on from [`Builder::written`].
    pub fn write(&self, index: usize, value: Value) {
        let writes = &mut self.inner.borrow_mut().graph.writes;
        writes.retain(|(other, _)| *other != index);
        writes.push((index, value));
    }

    /// What variable `index` is after the step, where that was said.
    pub fn written(&self, index: usize) -> Option<Value> {
        let writes = &self.inner.borrow().graph.writes;
        writes.iter().find(|(other, _)| *other == index).map(|(_, value)| *value)
    }

    /// Says that the sum of `value` is added to the loss of the model.
    pub fn add_loss(&self, value: Value) {
        self.inner.borrow_mut().losses.push(value);
    }

    /// What is added to the loss of the model so far.
    pub fn added_losses(&self) -> Vec<Value> {
        self.inner.borrow().losses.clone()
    }

    /// A number that nothing else in this graph has: the place of random numbers.
    pub fn next_stream(&self) -> u32 {
        let inner = &mut *self.inner.borrow_mut();
        inner.streams += 1;
        inner.streams - 1
    }

    /// What the graph may read and write beyond a step.
    pub fn variables(&self) -> Arc<Variables> {
        Arc::clone(&self.inner.borrow().graph.variables)
    }

    /// The place of a variable, which is added where none has its name.
    ///
    /// # Errors
    /// [`Error::Shape`] where one has its name and another type or kind.
    pub fn add_variable(&self, variable: Variable) -> Result<usize> {
        let variables = &mut self.inner.borrow_mut().graph.variables;
        let found = variables.iter().position(|v| v.name == variable.name);
        match found {
            Some(at) if variables.get(at) == Some(&variable) => Ok(at),
            Some(at) => {
                let is = variables.get(at).map_or_else(String::new, |v| format!("{} {:?}", v.ty, v.kind));
                Err(Error::shape(&variable.name, is, format!("{} {:?}", variable.ty, variable.kind)))
            }
            None => Arc::make_mut(variables).add(variable),
        }
    }

    /// Adds a column to the step table; gives its place.
    pub fn column(&self, name: &str, rule: impl Fn(u64) -> f64 + Send + Sync + 'static) -> usize {
        let columns = &mut self.inner.borrow_mut().graph.columns;
        columns.push(Column { name: name.into(), rule: Arc::new(rule) });
        columns.len() - 1
    }

    /// The column of this name, added where there is none: a number that several ops read.
    pub fn shared_column(&self, name: &str, rule: impl Fn(u64) -> f64 + Send + Sync + 'static) -> usize {
        let found = self.inner.borrow().graph.columns.iter().position(|column| column.name == name);
        found.unwrap_or_else(|| self.column(name, rule))
    }

    /// Adds something to what every step reports.
    pub fn report(&self, report: Report) {
        self.inner.borrow_mut().graph.reports.push(report);
    }

    /// What every step reports so far.
    pub fn reports(&self) -> Vec<Report> {
        self.inner.borrow().graph.reports.clone()
    }

    /// Says that somebody outside the graph reads `value`.
    pub fn output(&self, value: Value) {
        self.inner.borrow_mut().graph.outputs.push(value);
    }

    /// Says that `sums` and `counts` hold the results of every step.
    pub fn results(&self, sums: Value, counts: Value) {
        self.inner.borrow_mut().graph.results = Some([sums, counts]);
    }

    /// Says where sums are kept for the end of a pass.
    pub fn keep(&self, kept: Kept) {
        self.output(kept.sums);
        self.inner.borrow_mut().graph.kept = Some(kept);
    }

    /// Says that `probability` is a sigmoid or a softmax of `logits`: a loss on the one is computed from the other.
    pub fn tag_logits(&self, probability: Value, logits: Value, by: Squash) {
        self.inner.borrow_mut().logits.insert(probability, (logits, by));
    }

    /// The value of which `probability` was made by this function, if that is known.
    pub fn logits_of(&self, probability: Value, by: Squash) -> Option<Value> {
        self.inner.borrow().logits.get(&probability).filter(|(_, squash)| *squash == by).map(|(logits, _)| *logits)
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> Type {
        self.inner.borrow().graph.types[value.0].clone()
    }

    /// The node that gives a value.
    pub fn producer(&self, value: Value) -> Option<Node> {
        let graph = &self.inner.borrow().graph;
        match graph.origins[value.0] {
            Origin::Node { node, .. } => Some(graph.nodes[node].clone()),
            _ => None,
        }
    }

    /// Where a value comes from.
    pub fn origin(&self, value: Value) -> Origin {
        self.inner.borrow().graph.origins[value.0]
    }

    pub(crate) fn with_graph<T>(&self, f: impl FnOnce(&Graph) -> T) -> T {
        f(&self.inner.borrow().graph)
    }

    /// The graph: ops that nothing reads are dropped, and those that write state stand in one block after all others,
    /// before the end of the step.
    pub fn finish(self) -> Graph {
        let mut graph = self.inner.into_inner().graph;
        drop_unread(&mut graph);
        order(&mut graph);
        graph
    }
}

fn add(graph: &mut Graph, ty: Type, origin: Origin) -> Value {
    graph.types.push(ty);
    graph.origins.push(origin);
    Value(graph.types.len() - 1)
}

/// Drops the ops that nothing reads.
pub(crate) fn drop_unread(graph: &mut Graph) {
    let mut live = vec![false; graph.types.len()];
    let kept = graph.writes.iter().map(|(_, v)| v).chain(&graph.outputs).chain(graph.results.iter().flatten());
    kept.for_each(|v| live[v.0] = true);
    let mut keep = vec![false; graph.nodes.len()];
    for (node, keep) in graph.nodes.iter().zip(&mut keep).rev() {
        *keep = node.outputs.iter().any(|v| live[v.0]);
        if *keep {
            node.inputs.iter().for_each(|v| live[v.0] = true);
        }
    }
    let mut keep = keep.into_iter();
    graph.nodes.retain(|_| keep.next().unwrap_or(true));
    renumber(graph);
}

/// Says again which node gives each value.
fn renumber(graph: &mut Graph) {
    for (index, node) in graph.nodes.iter().enumerate() {
        for (output, value) in node.outputs.iter().enumerate() {
            graph.origins[value.0] = Origin::Node { node: index, output };
        }
    }
}

/// Where a node stands in a step: 0 for most, 1 for one that writes state, 2 for the end of the step.
fn block(graph: &Graph, written: &[Value], node: &Node) -> usize {
    let ends = graph.results.is_some_and(|r| node.outputs.iter().any(|v| r.contains(v)));
    let writes = node.outputs.iter().any(|v| written.contains(v));
    if ends { 2 } else { usize::from(writes) }
}

/// The values that variables have after the step, and those that lead there in the same storage.
fn written(graph: &Graph) -> Vec<Value> {
    let mut written = vec![];
    for &(_, value) in &graph.writes {
        let mut next = Some(value);
        while let Some(value) = next.filter(|v| matches!(graph.origins[v.0], Origin::Node { .. })) {
            written.push(value);
            next = graph.shared_input(value);
        }
    }
    written
}

fn order(graph: &mut Graph) {
    let written = written(graph);
    let mut nodes = std::mem::take(&mut graph.nodes);
    nodes.sort_by_key(|node| block(graph, &written, node)); // stable: otherwise as traced
    graph.nodes = nodes;
    renumber(graph);
}
