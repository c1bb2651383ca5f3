//! The one rewrite: elementwise ops that stand next to each other become one op, so one kernel.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::graph::{Graph, MOST_BINDINGS, Node, Origin, Place, Pointwise, Source, Value, declared, drop_unread};
use crate::ops::{Chain, MOST_AXES, Member, walk};
use crate::shape::{Shape, Type};

/// The graph with every chain of elementwise ops as one op. Values keep their numbers; those inside of a chain are gone.
///
/// An op joins those that make its operands where all have one shape, where the kernel binds what browsers take, and
/// where nothing that stands in between must run after the one and before the other. Numbers of the step table join
/// whatever reads them. `arenas` says which values share a buffer that other ops ask for: no kernel may both read and
/// write one.
pub fn merge(graph: &Arc<Graph>, arenas: &[Option<usize>]) -> Arc<Graph> {
    let mut groups = Groups::new(graph, arenas);
    for node in 0..graph.nodes.len() {
        groups.join(node);
    }
    let chains = groups.chains();
    if chains.is_empty() { Arc::clone(graph) } else { Arc::new(rewritten(graph, &chains)) }
}

/// Nodes that become one, in order, with what their chain reads and gives.
struct Joined {
    members: Vec<usize>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

struct Groups<'a> {
    graph: &'a Graph,
    arenas: &'a [Option<usize>],
    /// Of each node that goes element by element.
    pointwise: Vec<Option<Pointwise>>,
    readers: HashMap<Value, Vec<usize>>,
    /// Values that are read from outside.
    kept: BTreeSet<Value>,
    /// The group of each node: the smallest member.
    of: Vec<usize>,
    /// The nodes of each group, in order.
    members: Vec<Vec<usize>>,
}

impl<'a> Groups<'a> {
    fn new(graph: &'a Graph, arenas: &'a [Option<usize>]) -> Self {
        let mut readers: HashMap<Value, Vec<usize>> = HashMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|&value| readers.entry(value).or_default().push(at));
        }
        let written = graph.writes.iter().map(|(_, value)| value);
        let kept = written.chain(&graph.outputs).chain(graph.results.iter().flatten()).copied().collect();
        let pointwise = graph.nodes.iter().map(|node| node.op.pointwise()).collect();
        let (of, members) = (0..graph.nodes.len()).map(|node| (node, vec![node])).unzip();
        Self { graph, arenas, pointwise, readers, kept, of, members }
    }

    fn ty(&self, value: Value) -> &Type {
        self.graph.ty(value)
    }

    fn producer(&self, value: Value) -> Option<usize> {
        match self.graph.origins[value.0] {
            Origin::Node { node, .. } if self.graph.nodes.get(node)?.outputs.contains(&value) => Some(node),
            _ => None,
        }
    }

    /// Whether a node gives a number that is the same everywhere, so that it can be made wherever it is read.
    fn is_leaf(&self, node: usize) -> bool {
        self.pointwise[node].is_some() && self.graph.nodes[node].inputs.is_empty()
    }

    /// Whether a node can be in a chain that has a shape.
    fn is_link(&self, node: usize) -> bool {
        self.pointwise[node].is_some() && !self.is_leaf(node)
    }

    /// Joins a node with what makes its operands, one after the other.
    fn join(&mut self, node: usize) {
        if !self.is_link(node) {
            return;
        }
        for &operand in &self.graph.nodes[node].inputs {
            let Some(producer) = self.producer(operand).filter(|&p| self.is_link(p)) else { continue };
            let (one, other) = (self.of[producer], self.of[node]);
            if one == other || self.ty(operand) != self.ty(self.graph.nodes[node].outputs[0]) {
                continue;
            }
            let mut members = [&self.members[one][..], &self.members[other]].concat();
            members.sort_unstable();
            if self.fits(&self.joined(&members)) && !self.leaves_and_returns(&members) {
                members.iter().for_each(|&member| self.of[member] = one.min(other));
                self.members[one.min(other)] = members;
            }
        }
    }

    /// What a chain of these nodes, in order, reads and gives; numbers of the step table are made inside.
    fn joined(&self, links: &[usize]) -> Joined {
        let (mut members, mut inputs, mut outputs) = (BTreeSet::from_iter(links.iter().copied()), vec![], vec![]);
        for &link in links {
            for &operand in &self.graph.nodes[link].inputs {
                match self.producer(operand) {
                    Some(producer) if links.binary_search(&producer).is_ok() => {}
                    Some(producer) if self.is_leaf(producer) => members.extend([producer]),
                    _ if inputs.contains(&operand) => {}
                    _ => inputs.push(operand),
                }
            }
            let read = |value: &Value| {
                let outside = |reader: &usize| links.binary_search(reader).is_err();
                self.kept.contains(value) || self.readers.get(value).is_some_and(|r| r.iter().any(outside))
            };
            outputs.extend(self.graph.nodes[link].outputs.iter().copied().filter(read));
        }
        Joined { members: members.into_iter().collect(), inputs, outputs }
    }

    /// Whether one kernel can do it.
    fn fits(&self, joined: &Joined) -> bool {
        let Some(first) = joined.outputs.first() else { return false };
        let parts = || joined.members.iter().filter_map(|&member| self.pointwise[member].as_ref());
        let bindings = joined.inputs.len() + joined.outputs.len() + usize::from(parts().any(|p| p.reads_step));
        let shape = &self.ty(*first).shape;
        let stretched: Vec<&Shape> =
            joined.inputs.iter().map(|&v| &self.ty(v).shape).filter(|other| *other != shape).collect();
        let arenas = |values: &[Value]| values.iter().filter_map(|v| self.arenas[v.0]).collect::<BTreeSet<_>>();
        bindings <= MOST_BINDINGS
            && walk(shape, &stretched).is_some_and(|walk| walk.axes.len() <= MOST_AXES)
            && arenas(&joined.inputs).is_disjoint(&arenas(&joined.outputs))
            && agree(parts().flat_map(|p| &p.sources))
    }

    /// Whether something outside of the nodes reads of them, directly or not, and is read by one of them.
    fn leaves_and_returns(&self, members: &[usize]) -> bool {
        let groups: BTreeSet<usize> = members.iter().map(|&m| self.of[m]).collect();
        let (mut next, mut seen) = (members.to_vec(), BTreeSet::new());
        while let Some(node) = next.pop() {
            let inside = groups.contains(&self.of[node]);
            let readers = self.graph.nodes[node].outputs.iter().filter_map(|v| self.readers.get(v)).flatten();
            for &reader in readers {
                let reader_inside = groups.contains(&self.of[reader]);
                if reader_inside && !inside {
                    return true;
                }
                if !reader_inside && seen.insert(self.of[reader]) {
                    next.extend(&self.members[self.of[reader]]);
                }
            }
        }
        false
    }

    /// The groups of more than one op.
    fn chains(&self) -> Vec<Joined> {
        let links = (0..self.of.len()).filter(|&node| self.of[node] == node && self.is_link(node));
        let joined = links.map(|group| self.joined(&self.members[group]));
        joined.filter(|joined| joined.members.len() > 1 && self.fits(joined)).collect()
    }
}

/// Whether files can stand in one kernel: each path is one file, and no two declare the same name.
fn agree<'a>(sources: impl Iterator<Item = &'a Source>) -> bool {
    let mut files: Vec<&Source> = vec![];
    for source in sources {
        match files.iter().find(|file| file.path() == source.path()) {
            Some(file) if *file != source => return false,
            Some(_) => {}
            None => files.push(source),
        }
    }
    let mut names = BTreeSet::new();
    declared(&files).into_iter().all(|name| names.insert(name))
}

/// The graph with chains in the places of their members.
fn rewritten(graph: &Graph, chains: &[Joined]) -> Graph {
    let mut chain_of: HashMap<usize, usize> = HashMap::new();
    for (chain, joined) in chains.iter().enumerate() {
        // A number of the step table may be in several chains: it stays for what else reads it, else it is dropped.
        let links = joined.members.iter().filter(|&&m| !graph.nodes[m].inputs.is_empty());
        chain_of.extend(links.map(|&member| (member, chain)));
    }
    let mut units: Vec<Node> = vec![];
    let mut placed = vec![false; chains.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        match chain_of.get(&at) {
            None => units.push(node.clone()),
            Some(&chain) if !placed[chain] => {
                placed[chain] = true;
                units.push(chained(graph, &chains[chain]));
            }
            Some(_) => {}
        }
    }
    let mut merged = Graph { nodes: sorted(units), ..graph.clone() };
    drop_unread(&mut merged);
    merged
}

fn chained(graph: &Graph, joined: &Joined) -> Node {
    let mut registers: Vec<Value> = joined.inputs.clone();
    let mut members = vec![];
    for &member in &joined.members {
        let Node { op, inputs, outputs, .. } = &graph.nodes[member];
        let operands = inputs.iter().filter_map(|v| registers.iter().position(|r| r == v)).collect();
        members.push(Member { op: Arc::clone(op), operands });
        registers.extend(outputs);
    }
    let outputs = joined.outputs.iter().filter_map(|v| registers.iter().position(|r| r == v)).collect();
    let op = Arc::new(Chain::new(members, outputs));
    let place = joined.members.last().map_or_else(Place::default, |&last| graph.nodes[last].place.clone());
    Node { op, inputs: joined.inputs.clone(), outputs: joined.outputs.clone(), place }
}

/// Nodes in an order in which each stands after what it reads, and otherwise as they stood.
fn sorted(nodes: Vec<Node>) -> Vec<Node> {
    let mut waiting: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let mut missing: BTreeSet<Value> = waiting.iter().flatten().flat_map(|n| n.outputs.iter().copied()).collect();
    let mut sorted = vec![];
    let mut from = 0;
    while from < waiting.len() {
        let ready =
            |node: &Option<Node>| node.as_ref().is_some_and(|node| node.inputs.iter().all(|v| !missing.contains(v)));
        let Some(at) = (from..waiting.len()).find(|&at| ready(&waiting[at])) else { break };
        if let Some(node) = waiting[at].take() {
            missing.retain(|v| !node.outputs.contains(v));
            sorted.push(node);
        }
        while waiting.get(from).is_some_and(Option::is_none) {
            from += 1;
        }
    }
    sorted.extend(waiting.into_iter().flatten());
    sorted
}
