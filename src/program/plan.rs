//! Finds a place for every value, and resolves launches to it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Bind, Caps, Graph, Launch, MOST_TRIPS, Operand, Origin, Param, Role, Site, Value, VariableKind, Variant, compose,
    padded,
};
use crate::program::{Arena, Binding, Memory, PlannedLaunch, Program, Slot, Step};
use crate::shape::Type;

/// How a program is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Words that belong to nothing around what is bound: what a check fills with a pattern and looks at afterwards.
    pub guard: usize,
    /// The place of the variant that is forced for every op that has it; the default one elsewhere.
    pub variant: usize,
    /// What to plan for in the place of the device, where a check forces what only other sizes or devices would.
    pub caps: Option<Caps>,
    /// Whether grids of several workgroups are folded to two rows, as those of more than 65,535 are: then some have a
    /// workgroup more than there is work for.
    pub folded: bool,
}

/// Makes a program of a graph. Every value has memory of its own, but for outputs that share an input's.
///
/// # Errors
/// [`Error::Limit`] where a binding or a launch does not fit the device, [`Error::Unsupported`] where a launch would
/// break a rule of [`Program::violations`], and what the ops' variants say.
pub fn plan(graph: Arc<Graph>, caps: &Caps, options: &Options) -> Result<Program> {
    let used = graph.used();
    let variants = graph
        .nodes
        .iter()
        .map(|node| {
            let types = |values: &[Value]| -> Vec<Type> { values.iter().map(|&v| graph.ty(v).clone()).collect() };
            let (inputs, outputs) = (types(&node.inputs), types(&node.outputs));
            let used: Vec<bool> = node.outputs.iter().map(|v| used[v.0]).collect();
            let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps };
            let variants = node.op.variants(&site)?;
            let wanted = if options.variant < variants.len() { options.variant } else { 0 };
            let missing = || Error::Unsupported { what: node.op.name().into(), fix: "run it on the CPU".into() };
            variants.into_iter().nth(wanted).ok_or_else(missing)
        })
        .collect::<Result<Vec<Variant>>>()?;
    let mut places = Places::new(&graph, &variants, options);
    places.assign(&used);
    let steps = variants
        .iter()
        .enumerate()
        .map(|(node, variant)| {
            let launches = variant.launches.iter().filter(|launch| launch.groups > 0);
            let launches = launches.map(|launch| places.resolve(node, launch, caps)).collect::<Result<_>>()?;
            Ok(Step { node, variant: variant.name, launches })
        })
        .collect::<Result<Vec<_>>>()?;
    let (arenas, slots) = (places.arenas, places.slots);
    let program = Program { graph, arenas, slots, steps, caps: caps.clone() };
    match program.violations().into_iter().next() {
        None => Ok(program),
        Some(rule) => {
            let fix = "let what is read and what is written be of different kinds: data, weights, state, gradients";
            Err(Error::Unsupported { what: format!("a launch that no browser takes ({rule})"), fix: fix.into() })
        }
    }
}

/// Arenas and slots in the making.
struct Places<'a> {
    graph: &'a Graph,
    guard: usize,
    folded: bool,
    arenas: Vec<Arena>,
    slots: Vec<Option<Slot>>,
    /// The value whose storage each value shares, through all ops that share it: itself for most.
    roots: Vec<usize>,
    /// The roots of the values of each span, with what the span is: the longest first.
    spans: Vec<(Role, bool, Vec<Value>)>,
}

impl<'a> Places<'a> {
    fn new(graph: &'a Graph, variants: &[Variant], options: &Options) -> Self {
        let mut roots: Vec<usize> = (0..graph.types.len()).collect();
        for node in &graph.nodes {
            for (output, input) in node.op.aliases() {
                roots[node.outputs[output].0] = roots[node.inputs[input].0];
            }
        }
        let mut spans = vec![];
        for (node, variant) in variants.iter().enumerate() {
            for launch in &variant.launches {
                for bind in &launch.binds {
                    if let Bind::Span(role, operands) = bind {
                        let values =
                            operands.iter().map(|&o| Value(roots[value(graph, node, o).0])).collect::<Vec<_>>();
                        spans.push((*role, launch.congruent, values));
                    }
                }
            }
        }
        spans.sort_by_key(|(_, _, values)| std::cmp::Reverse(values.len()));
        let &Options { guard, folded, .. } = options;
        Self { graph, guard, folded, arenas: vec![], slots: vec![None; graph.types.len()], roots, spans }
    }

    fn assign(&mut self, used: &[bool]) {
        self.variables();
        self.data();
        self.spans();
        for (index, used) in used.iter().enumerate() {
            let wanted = *used || matches!(self.graph.origins[index], Origin::Data);
            if self.slots[index].is_none() && self.roots[index] == index && wanted {
                let arena = self.arena(Role::Activation, false);
                self.put(Value(index), arena);
            }
        }
        self.unread();
        self.slots = self.roots.iter().map(|&root| self.slots[root]).collect();
        for arena in self.arenas.iter_mut().skip(3) {
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

    fn slot(&self, node: usize, operand: Operand) -> Result<Slot> {
        let value = value(self.graph, node, operand);
        let name = self.graph.nodes[node].op.name();
        self.slots[value.0].ok_or_else(|| Error::shape(name, "operands with memory", format!("{operand:?}")))
    }

    fn resolve(&self, node: usize, launch: &Launch, caps: &Caps) -> Result<PlannedLaunch> {
        let name = self.graph.nodes[node].op.name();
        let mut bindings = vec![];
        let mut members: HashMap<(usize, usize), usize> = HashMap::new();
        for (bind, what) in launch.binds.iter().enumerate() {
            let memory = match what {
                Bind::One(operand) => {
                    let slot = self.slot(node, *operand)?;
                    Memory::Arena { arena: slot.arena, offset: slot.offset, words: padded(slot.len) }
                }
                Bind::Span(_, operands) => {
                    let slots = operands.iter().map(|&o| self.slot(node, o)).collect::<Result<Vec<_>>>()?;
                    let (memory, offsets) = self.hull(name, &slots)?;
                    members.extend(offsets.into_iter().enumerate().map(|(member, at)| ((bind, member), at)));
                    memory
                }
                Bind::Step | Bind::StepWrite => Memory::Step,
                Bind::Flag | Bind::FlagWrite => Memory::Flag,
            };
            if let Memory::Arena { words, .. } = memory {
                fits(name, 4 * words as u64, caps.max_binding_bytes)?;
            }
            bindings.push(Binding { memory, writes: what.writes() });
        }
        if launch.congruent {
            congruent(name, launch, &members, |operand| Ok(self.slot(node, operand)?.len))?;
        }
        if launch.trips > MOST_TRIPS {
            let (need, limit) = (launch.trips, MOST_TRIPS);
            return Err(Error::Limit { what: name.into(), name: "iterations of an invocation", need, limit });
        }
        let params = launch.params.iter().map(|&(name, param)| {
            let words = |bind: usize| match bindings.get(bind).map(|b| b.memory) {
                Some(Memory::Arena { words, .. }) => words,
                _ => 0,
            };
            let word = match param {
                Param::U32(n) => n,
                Param::F32(x) => x.to_bits(),
                Param::Offset { bind, member } => members.get(&(bind, member)).copied().unwrap_or(0) as u32,
                Param::Words { bind } => words(bind) as u32,
                Param::StepWidth => self.graph.step_width() as u32,
            };
            (name, word)
        });
        Ok(PlannedLaunch {
            kernel: Arc::new(compose(launch)),
            params: params.collect(),
            bindings,
            grid: self.grid(name, launch.groups, caps)?,
            trips: launch.trips,
            flops: launch.flops,
        })
    }

    fn grid(&self, name: &str, groups: u64, caps: &Caps) -> Result<[u32; 3]> {
        match caps.grid(name, groups)? {
            [x, 1, 1] if self.folded && x > 1 => Ok([x.div_ceil(2), 2, 1]),
            grid => Ok(grid),
        }
    }

    /// The smallest range that holds all slots, and where each begins in it.
    fn hull(&self, name: &str, slots: &[Slot]) -> Result<(Memory, Vec<usize>)> {
        let Some(first) = slots.first() else {
            let arena = self.arenas.len() - 1; // nothing to bind: the place that is there for it
            return Ok((Memory::Arena { arena, offset: self.guard, words: padded(0) }, vec![]));
        };
        if slots.iter().any(|slot| slot.arena != first.arena) {
            return Err(Error::shape(name, "a span in one arena", format!("{slots:?}")));
        }
        let begin = slots.iter().map(|s| s.offset).min().unwrap_or(0);
        let end = slots.iter().map(|s| s.offset + padded(s.len)).max().unwrap_or(0);
        let memory = Memory::Arena { arena: first.arena, offset: begin, words: end - begin };
        Ok((memory, slots.iter().map(|s| s.offset - begin).collect()))
    }
}

fn value(graph: &Graph, node: usize, operand: Operand) -> Value {
    match operand {
        Operand::Input(i) => graph.nodes[node].inputs[i],
        Operand::Output(i) => graph.nodes[node].outputs[i],
    }
}

fn fits(name: &str, need: u64, limit: u64) -> Result<()> {
    if need <= limit {
        return Ok(());
    }
    Err(Error::Limit { what: name.into(), name: "bytes in a binding", need, limit })
}

/// Every span of the launch has its members at the distances of the first one's, which repeat in a longer one; what the
/// kernel goes over as one has nothing else in between.
fn congruent(
    name: &str,
    launch: &Launch,
    members: &HashMap<(usize, usize), usize>,
    lens: impl Fn(Operand) -> Result<usize>,
) -> Result<()> {
    let offsets = |bind: usize| -> Vec<usize> { (0..).map_while(|m| members.get(&(bind, m)).copied()).collect() };
    let spans = launch.binds.iter().enumerate().filter(|(_, b)| matches!(b, Bind::Span(..)));
    let spans: Vec<Vec<usize>> = spans.map(|(bind, _)| offsets(bind)).collect();
    let first = spans.first().cloned().unwrap_or_default();
    let fits = spans.iter().all(|span| {
        span.chunks(first.len().max(1)).all(|part| part.iter().zip(&first).all(|(&at, &like)| at - part[0] == like))
    });
    if !fits {
        return Err(Error::shape(name, "parameters, gradients and moments in one order", "another"));
    }
    let operands = launch.binds.iter().find_map(|bind| if let Bind::Span(_, of) = bind { Some(of) } else { None });
    let mut end = 0;
    for (operand, &at) in operands.into_iter().flatten().zip(&first) {
        if at != end {
            return Err(Error::shape(name, "parameters side by side", "others in between: update them on their own"));
        }
        end = at + padded(lens(*operand)?);
    }
    Ok(())
}
