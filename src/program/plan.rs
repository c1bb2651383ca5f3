//! Resolves the launches of a graph to the places of its values.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Bind, Caps, Graph, Launch, MOST_TRIPS, Operand, Param, Site, Value, Variant, compose, padded};
use crate::program::merge::merge;
use crate::program::places::{Places, spanned, value};
use crate::program::{Arena, Binding, Memory, PlannedLaunch, Program, Slot, Step};
use crate::shape::Type;

/// Whether values share memory one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// A value's memory goes to the next one once nothing reads it any more.
    #[default]
    On,
    /// Every value keeps memory of its own: all of a step can be looked at after it.
    Off,
}

/// How a program is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether values share memory.
    pub reuse: Reuse,
    /// Whether elementwise ops stay as they are, each with its launch, so that what is between them can be looked at.
    pub apart: bool,
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

/// Makes a program of a graph: elementwise neighbours become one op, every value gets its place, every launch what it
/// binds.
///
/// # Errors
/// [`Error::Limit`] where a binding or a launch does not fit the device, [`Error::Unsupported`] where a launch would
/// break a rule of [`Program::violations`], and what the ops' variants say.
pub fn plan(graph: Arc<Graph>, caps: &Caps, options: &Options) -> Result<Program> {
    let apart = variants(&graph, caps, options)?;
    let merged = if options.apart { Arc::clone(&graph) } else { merge(&graph, &spanned(&graph, &apart)) };
    let variants = if Arc::ptr_eq(&merged, &graph) { apart } else { variants(&merged, caps, options)? };
    let mut places = Places::new(&merged, &variants, options);
    places.assign(&merged.used());
    let (arenas, slots) = (places.arenas, places.slots);
    let resolver = Resolver { graph: &merged, arenas: &arenas, slots: &slots, caps, options };
    let steps = variants
        .iter()
        .enumerate()
        .map(|(node, variant)| {
            let launches = variant.launches.iter().filter(|launch| launch.groups > 0);
            let launches = launches.map(|launch| resolver.resolve(node, launch)).collect::<Result<_>>()?;
            Ok(Step { node, variant: variant.name, launches })
        })
        .collect::<Result<Vec<_>>>()?;
    let program = Program { graph: merged, arenas, slots, steps, caps: caps.clone() };
    match program.violations().into_iter().next() {
        None => Ok(program),
        Some(rule) => {
            let fix = "let what is read and what is written be of different kinds: data, weights, state, gradients";
            Err(Error::Unsupported { what: format!("a launch that no browser takes ({rule})"), fix: fix.into() })
        }
    }
}

/// How each node runs.
fn variants(graph: &Graph, caps: &Caps, options: &Options) -> Result<Vec<Variant>> {
    let used = graph.used();
    let of_node = |node: &crate::graph::Node| {
        let types = |values: &[Value]| -> Vec<Type> { values.iter().map(|&v| graph.ty(v).clone()).collect() };
        let (inputs, outputs) = (types(&node.inputs), types(&node.outputs));
        let used: Vec<bool> = node.outputs.iter().map(|v| used[v.0]).collect();
        let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps };
        let variants = node.op.variants(&site)?;
        let wanted = if options.variant < variants.len() { options.variant } else { 0 };
        let missing = || Error::Unsupported { what: node.op.name().into(), fix: "run it on the CPU".into() };
        variants.into_iter().nth(wanted).ok_or_else(missing)
    };
    graph.nodes.iter().map(of_node).collect()
}

/// What launches are resolved by.
struct Resolver<'a> {
    graph: &'a Graph,
    arenas: &'a [Arena],
    slots: &'a [Option<Slot>],
    caps: &'a Caps,
    options: &'a Options,
}

impl Resolver<'_> {
    fn slot(&self, node: usize, operand: Operand) -> Result<Slot> {
        let value = value(&self.graph.nodes[node], operand);
        let name = self.graph.nodes[node].op.name();
        self.slots[value.0].ok_or_else(|| Error::shape(name, "operands with memory", format!("{operand:?}")))
    }

    fn resolve(&self, node: usize, launch: &Launch) -> Result<PlannedLaunch> {
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
                fits(name, 4 * words as u64, self.caps.max_binding_bytes)?;
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
            grid: self.grid(name, launch.groups)?,
            trips: launch.trips,
            flops: launch.flops,
        })
    }

    fn grid(&self, name: &str, groups: u64) -> Result<[u32; 3]> {
        match self.caps.grid(name, groups)? {
            [x, 1, 1] if self.options.folded && x > 1 => Ok([x.div_ceil(2), 2, 1]),
            grid => Ok(grid),
        }
    }

    /// The smallest range that holds all slots, and where each begins in it.
    fn hull(&self, name: &str, slots: &[Slot]) -> Result<(Memory, Vec<usize>)> {
        let Some(first) = slots.first() else {
            let arena = self.arenas.len() - 1; // nothing to bind: the place that is there for it
            return Ok((Memory::Arena { arena, offset: self.options.guard, words: padded(0) }, vec![]));
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
