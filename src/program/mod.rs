//! A graph made ready for a device: launches with what they bind, and where each value lives. Plain data.

mod explain;
mod merge;
mod places;
mod plan;
mod rules;

use std::sync::Arc;

pub use explain::Explained;
pub use plan::{Options, Reuse, plan};

use crate::graph::{Caps, Composed, Graph, Role, Value};

/// Where a value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The arena.
    pub arena: usize,
    /// Where it begins, in words.
    pub offset: usize,
    /// Its elements, a word each.
    pub len: usize,
}

/// Memory that is allocated as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arena {
    /// What it holds.
    pub role: Role,
    /// Its size.
    pub words: usize,
    /// Whether its members stand at the same distances as those of another arena, padding zero.
    pub congruent: bool,
}

/// What a launch binds, in group 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The memory.
    pub memory: Memory,
    /// Whether the launch writes it.
    pub writes: bool,
}

/// Memory that can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Part of an arena.
    Arena {
        /// Which.
        arena: usize,
        /// Where the binding begins, in words.
        offset: usize,
        /// Its length in words.
        words: usize,
    },
    /// Step words and table.
    Step,
    /// The flag.
    Flag,
}

/// A launch as a device runs it.
#[derive(Clone, Debug)]
pub struct PlannedLaunch {
    /// The kernel.
    pub kernel: Arc<Composed>,
    /// Group 0.
    pub bindings: Vec<Binding>,
    /// Names and words of `Params`, group 1.
    pub params: Vec<(&'static str, u32)>,
    /// Workgroups.
    pub grid: [u32; 3],
    /// The most iterations of an invocation.
    pub trips: u64,
    /// Floating point operations.
    pub flops: u64,
}

impl PlannedLaunch {
    /// Bytes of what it binds: an upper bound of what it moves.
    pub fn bytes(&self) -> u64 {
        let words = self.bindings.iter().map(|b| match b.memory {
            Memory::Arena { words, .. } => words as u64,
            Memory::Step | Memory::Flag => 0,
        });
        4 * words.sum::<u64>()
    }
}

/// A node with its launches.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node's place in the graph.
    pub node: usize,
    /// The variant of the op.
    pub variant: &'static str,
    /// None where there is nothing to compute.
    pub launches: Vec<PlannedLaunch>,
}

/// A graph made ready for a device.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it was made of.
    pub graph: Arc<Graph>,
    /// Memory; the first three are those of the variables.
    pub arenas: Vec<Arena>,
    /// Where each value lives; `None` for one that nothing reads.
    pub slots: Vec<Option<Slot>>,
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// What it was made for.
    pub caps: Caps,
}

impl Program {
    /// Where a value lives.
    pub fn slot(&self, value: Value) -> Option<Slot> {
        self.slots.get(value.0).copied().flatten()
    }

    /// Launches of one step.
    pub fn launches(&self) -> impl Iterator<Item = &PlannedLaunch> {
        self.steps.iter().flat_map(|step| &step.launches)
    }

    /// Floating point operations of one step.
    pub fn flops(&self) -> u64 {
        self.launches().map(|l| l.flops).sum()
    }

    /// Bytes of all arenas: known before anything is allocated.
    pub fn memory_bytes(&self) -> u64 {
        self.arenas.iter().map(|a| 4 * a.words as u64).sum()
    }
}
