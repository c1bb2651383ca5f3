//! A program in words: for people a table, for programs a list.

use std::fmt;

use serde::Serialize;

use crate::graph::Value;
use crate::program::{Binding, Memory, PlannedLaunch, Program, Step};

/// Shapes of more tensors than this are counted in the table; the list has all.
const MOST_SHAPES: usize = 3;

/// A launch in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The name of the op.
    pub kernel: String,
    /// The variant of its kernel.
    pub variant: String,
    /// The types of what it reads.
    pub inputs: Vec<String>,
    /// The types of what it gives and something reads.
    pub outputs: Vec<String>,
    /// What it binds, in order: the memory's number and what that holds, and `r` or `rw`.
    pub buffers: Vec<String>,
    /// Workgroups.
    pub groups: u64,
    /// Bytes of what it binds.
    pub bytes: u64,
    /// Floating point operations.
    pub flops: u64,
}

impl Program {
    /// Its launches in words, in the order in which they run.
    pub fn explained(&self) -> Vec<Explained> {
        let launches = self.steps.iter().flat_map(|step| step.launches.iter().map(move |launch| (step, launch)));
        launches.map(|(step, launch)| self.explain(step, launch)).collect()
    }

    fn explain(&self, step: &Step, launch: &PlannedLaunch) -> Explained {
        let node = &self.graph.nodes[step.node];
        let types = |values: &[&Value]| values.iter().map(|&&v| self.graph.ty(v).to_string()).collect();
        let written: Vec<&Value> = node.outputs.iter().filter(|v| self.slot(**v).is_some_and(|s| s.len > 0)).collect();
        Explained {
            kernel: node.op.name().into(),
            variant: step.variant.into(),
            inputs: types(&node.inputs.iter().collect::<Vec<_>>()),
            outputs: types(&written),
            buffers: launch.bindings.iter().map(|binding| self.buffer(binding)).collect(),
            groups: launch.grid.iter().map(|&n| u64::from(n)).product(),
            bytes: launch.bytes(),
            flops: launch.flops,
        }
    }

    fn buffer(&self, binding: &Binding) -> String {
        let access = if binding.writes { "rw" } else { "r" };
        let memory = match binding.memory {
            Memory::Arena { arena, .. } => {
                let role = self.arenas.get(arena).map(|arena| format!("{:?}", arena.role).to_lowercase());
                format!("{arena}:{}", role.unwrap_or_default())
            }
            Memory::Step => "step".into(),
            Memory::Flag => "flag".into(),
        };
        format!("{memory} {access}")
    }
}

impl Explained {
    fn cells(&self) -> [String; 7] {
        let few = |types: &[String]| match types.len() {
            n if n > MOST_SHAPES => format!("{n} tensors"),
            _ => types.join(" "),
        };
        let Self { kernel, variant, inputs, outputs, buffers, groups, bytes, flops } = self;
        let shapes = format!("{} -> {}", few(inputs), few(outputs));
        let numbers = [groups, bytes, flops].map(u64::to_string);
        let [groups, bytes, flops] = numbers;
        [kernel.clone(), variant.clone(), shapes, groups, bytes, flops, buffers.join(", ")]
    }
}

impl fmt::Display for Program {
    /// A line per launch: kernel, variant, types of inputs and outputs, workgroups, bytes, FLOPs, what it binds; then the
    /// memory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["launch", "variant", "shapes", "groups", "bytes", "FLOPs", "buffers"].map(String::from);
        let cells: Vec<[String; 7]> =
            std::iter::once(head).chain(self.explained().iter().map(Explained::cells)).collect();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [a, b, c, d, e, g] = [0, 1, 2, 3, 4, 5].map(width);
        for [kernel, variant, shapes, groups, bytes, flops, buffers] in &cells {
            writeln!(f, "{kernel:a$}  {variant:b$}  {shapes:c$}  {groups:>d$}  {bytes:>e$}  {flops:>g$}  {buffers}")?;
        }
        writeln!(f, "{} launches, {} FLOPs a step", self.launches().count(), self.flops())?;
        for (at, arena) in self.arenas.iter().enumerate().filter(|(_, arena)| arena.words > 0) {
            let name = format!("{at}:{}", format!("{:?}", arena.role).to_lowercase());
            writeln!(f, "{name:<28} {:>11} bytes", 4 * arena.words)?;
        }
        write!(f, "{} bytes in all", self.memory_bytes())
    }
}
