//! The rules that browsers and drivers hold a program to, checked on the host.

use crate::graph::{MOST_BINDINGS, MOST_TRIPS};
use crate::program::{Memory, PlannedLaunch, Program};

impl Program {
    /// What breaks a rule, in words; empty for a program that every browser takes.
    ///
    /// At most 8 bindings; no buffer bound both to read and to write; no two writable ranges that overlap; offsets in
    /// multiples of 256 bytes; no invocation with more than 65,535 iterations; workgroups within each dimension.
    pub fn violations(&self) -> Vec<String> {
        let mut found = vec![];
        for step in &self.steps {
            let name = self.graph.nodes[step.node].op.name();
            for launch in &step.launches {
                let mut say = |what: String| found.push(format!("{name}: {what}"));
                if launch.bindings.len() > MOST_BINDINGS {
                    say(format!("{} bindings", launch.bindings.len()));
                }
                if launch.trips > MOST_TRIPS {
                    say(format!("{} iterations", launch.trips));
                }
                if launch.grid.iter().any(|&n| n > self.caps.workgroups_per_dimension) {
                    say(format!("a grid of {:?}", launch.grid));
                }
                aliasing(launch).into_iter().for_each(say);
            }
        }
        found
    }
}

fn aliasing(launch: &PlannedLaunch) -> Vec<String> {
    let mut found = vec![];
    for (i, a) in launch.bindings.iter().enumerate() {
        if let Memory::Arena { offset, words, .. } = a.memory
            && (offset % 64 != 0 || words == 0)
        {
            found.push(format!("binding {i} at word {offset} with {words} words"));
        }
        for (j, b) in launch.bindings.iter().enumerate().skip(i + 1) {
            let (same, overlap) = match (a.memory, b.memory) {
                (
                    Memory::Arena { arena, offset, words },
                    Memory::Arena { arena: other, offset: begin, words: length },
                ) => (arena == other, offset < begin + length && begin < offset + words),
                (a, b) => (a == b, true),
            };
            if same && a.writes != b.writes {
                found.push(format!("bindings {i} and {j} read and write one buffer"));
            }
            if same && a.writes && b.writes && overlap {
                found.push(format!("bindings {i} and {j} write one range"));
            }
        }
    }
    found
}
