//! A place for every value: arenas by role, spans that launches bind together, and slots that values share one after the
//! other.

use crate::graph::{Bind, Graph, Launch, Node, Operand, Origin, Role, Value, VariableKind, Variant, padded};
use crate::program::plan::{Options, Reuse};
use crate::program::{Arena, Slot};
use crate::shape::Dtype;

/// Arenas and slots in the making.
pub(super) struct Places<'a> {
    graph: &'a Graph,
    guard: usize,
    reuse: Reuse,
    pub(super) arenas: Vec<Arena>,
    pub(super) slots: Vec<Option<Slot>>,
    /// The value whose storage each value shares, through all ops that share it: itself for most.
    roots: Vec<usize>,
    /// The roots of the values of each span, with what the span is: the longest first.
    spans: Vec<(Role, bool, Vec<Value>)>,
}

/// Memory that values hold one after the other.
struct Shared {
    dtype: Dtype,
    len: usize,
    /// The last node that reads the value that has it now.
    until: usize,
    holds: Vec<Value>,
}

impl<'a> Places<'a> {
    pub(super) fn new(graph: &'a Graph, variants: &[Variant], options: &Options) -> Self {
        let roots = roots(graph);
        let mut spans: Vec<(Role, bool, Vec<Value>)> = vec![];
        for (node, variant) in graph.nodes.iter().zip(variants) {
            for (role, launch, operands) in variant.launches.iter().flat_map(spans_of) {
                let values = operands.iter().map(|&o| Value(roots[value(node, o).0])).collect();
                spans.push((role, launch.congruent, values));
            }
        }
        spans.sort_by_key(|(_, _, values)| std::cmp::Reverse(values.len()));
        let &Options { guard, reuse, .. } = options;
        Self { graph, guard, reuse, arenas: vec![], slots: vec![None; graph.types.len()], roots, spans }
    }

    pub(super) fn assign(&mut self, used: &[bool]) {
        self.variables();
        self.data();
        self.spans();
        self.activations(used);
        self.unread();
        self.slots = self.roots.iter().map(|&root| self.slots[root]).collect();
        for arena in self.arenas.iter_mut().skip(VariableKind::ALL.len()) {
            arena.words += self.guard;
        }
    }

    /// The arenas of the variables stand in front, and do not depend on the program.
    fn variables(&mut self) {
        let (offsets, ends) = self.graph.variables.layout(self.guard);
        let roles = [Role::Parameters, Role::Moments, Role::State];
        for (kind, role) in VariableKind::ALL.into_iter().zip(roles) {
            self.arenas.push(Arena { role, words: ends[kind as usize], congruent: true });
        }
        for (index, origin) in self.graph.origins.iter().enumerate() {
            if let Origin::Variable(v) = origin
                && let Some(variable) = self.graph.variables.get(*v)
            {
                let arena = variable.kind as usize;
                self.slots[index] = Some(Slot { arena, offset: offsets[*v], len: variable.ty.len() });
            }
        }
    }

    fn data(&mut self) {
        let congruent = self
            .spans
            .iter()
            .any(|(_, congruent, values)| *congruent && values.iter().any(|v| self.graph.origins[v.0] == Origin::Data));
        let arena = self.arena(Role::Data, congruent);
        for &value in &self.graph.data {
            self.put(value, arena);
        }
    }

    /// Values that some launch binds together share an arena, in the order of the longest span.
    fn spans(&mut self) {
        let spans = std::mem::take(&mut self.spans);
        let mut groups: Vec<(Role, bool, Vec<Value>)> = vec![];
        for (role, congruent, values) in &spans {
            let mut group = (*role, *congruent, vec![]);
            // A span joins all groups that it has a member of: those come first, in their order.
            groups.retain_mut(|(role, congruent, members)| {
                let apart = !members.iter().any(|v| values.contains(v));
                if !apart {
                    group = (*role, group.1 || *congruent, [group.2.as_slice(), members].concat());
                }
                apart
            });
            let free = values.iter().filter(|v| self.slots[v.0].is_none() && !group.2.contains(v));
            let free: Vec<Value> = free.copied().collect();
            group.2.extend(free);
            if !group.2.is_empty() {
                groups.push(group);
            }
        }
        for (role, congruent, members) in groups {
            let arena = self.arena(role, congruent);
            members.into_iter().for_each(|value| self.put(value, arena));
        }
        self.spans = spans;
    }

    /// Everything else that is read has memory for as long as it is: what no later launch reads goes to the next value. A
    /// launch never writes what it reads, for the memory of its inputs is not free yet.
    fn activations(&mut self, used: &[bool]) {
        let until = self.lifetimes();
        let mut shared: Vec<Shared> = vec![];
        for (at, node) in self.graph.nodes.iter().enumerate() {
            for &value in &node.outputs {
                if used[value.0] && self.roots[value.0] == value.0 && self.slots[value.0].is_none() {
                    self.share(&mut shared, value, (at, until[value.0]));
                }
            }
        }
        for Shared { len, holds, until, .. } in shared {
            let arena = self.arena(if until == usize::MAX { Role::Output } else { Role::Activation }, false);
            let offset = self.arenas[arena].words;
            for value in holds {
                self.slots[value.0] = Some(Slot { arena, offset, len: self.graph.ty(value).len() });
            }
            self.arenas[arena].words += padded(len) + self.guard;
        }
    }

    /// Gives a value that is made at a node, and read until another, the free memory that fits it best: the smallest that
    /// is large enough, else the largest, which grows. What is read from outside has its own.
    fn share(&self, shared: &mut Vec<Shared>, value: Value, (made, until): (usize, usize)) {
        let (dtype, len) = (self.graph.ty(value).dtype, self.graph.ty(value).len());
        let shares = self.reuse == Reuse::On && until < usize::MAX;
        let free = |memory: &&mut Shared| shares && memory.dtype == dtype && memory.until < made;
        let fit = |memory: &&mut Shared| match memory.len >= len {
            true => (0, memory.len),
            false => (1, usize::MAX - memory.len),
        };
        match shared.iter_mut().filter(free).min_by_key(fit) {
            Some(memory) => {
                (memory.len, memory.until) = (memory.len.max(len), until);
                memory.holds.push(value);
            }
            None => shared.push(Shared { dtype, len, until, holds: vec![value] }),
        }
    }

    /// The last node that reads each value or what shares its memory; past the end for what is read from outside.
    fn lifetimes(&self) -> Vec<usize> {
        let graph = self.graph;
        let mut until = vec![0; graph.types.len()];
        for (at, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().chain(&node.outputs).for_each(|v| until[self.roots[v.0]] = at);
        }
        let kept = graph.writes.iter().map(|(_, v)| v).chain(&graph.outputs).chain(graph.results.iter().flatten());
        kept.for_each(|v| until[self.roots[v.0]] = usize::MAX);
        until
    }

    /// Outputs that nothing reads are bound to a place each, of the smallest size.
    fn unread(&mut self) {
        let arena = self.arena(Role::Unread, false);
        for node in &self.graph.nodes {
            for &output in &node.outputs {
                if self.slots[self.roots[output.0]].is_none() {
                    let offset = self.arenas[arena].words;
                    self.slots[output.0] = Some(Slot { arena, offset, len: 0 });
                    self.arenas[arena].words += padded(0);
                }
            }
        }
        if self.arenas[arena].words == self.guard {
            self.arenas[arena].words += padded(0); // a span of nothing is bound here
        }
    }

    fn arena(&mut self, role: Role, congruent: bool) -> usize {
        self.arenas.push(Arena { role, words: self.guard, congruent });
        self.arenas.len() - 1
    }

    fn put(&mut self, value: Value, arena: usize) {
        let len = self.graph.ty(value).len();
        let into = &mut self.arenas[arena];
        self.slots[value.0] = Some(Slot { arena, offset: into.words, len });
        into.words += padded(len) + if into.congruent { 0 } else { self.guard };
    }
}

/// The value whose storage each value shares.
fn roots(graph: &Graph) -> Vec<usize> {
    let mut roots: Vec<usize> = (0..graph.types.len()).collect();
    for node in &graph.nodes {
        for (output, input) in node.op.aliases() {
            roots[node.outputs[output].0] = roots[node.inputs[input].0];
        }
    }
    roots
}

/// Which values launches bind together: a number for those that so come to lie in one arena.
pub(super) fn spanned(graph: &Graph, variants: &[Variant]) -> Vec<Option<usize>> {
    let roots = roots(graph);
    let mut arenas: Vec<Option<usize>> = vec![None; graph.types.len()];
    for (node, variant) in graph.nodes.iter().zip(variants) {
        for (_, _, operands) in variant.launches.iter().flat_map(spans_of) {
            let values: Vec<usize> = operands.iter().map(|&o| roots[value(node, o).0]).collect();
            let Some(&first) = values.first() else { continue };
            let joined: Vec<usize> = values.iter().filter_map(|&v| arenas[v]).collect();
            arenas.iter_mut().filter(|a| a.is_some_and(|a| joined.contains(&a))).for_each(|a| *a = Some(first));
            values.into_iter().for_each(|v| arenas[v] = Some(first));
        }
    }
    roots.iter().map(|&root| arenas[root]).collect()
}

fn spans_of(launch: &Launch) -> impl Iterator<Item = (Role, &Launch, &[Operand])> {
    launch.binds.iter().filter_map(move |bind| match bind {
        Bind::Span(role, operands) => Some((*role, launch, operands.as_slice())),
        _ => None,
    })
}

/// The value that an operand of a node's launch is.
pub(super) fn value(node: &Node, operand: Operand) -> Value {
    match operand {
        Operand::Input(i) => node.inputs[i],
        Operand::Output(i) => node.outputs[i],
    }
}
