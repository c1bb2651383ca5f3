//! A program as a table for people.

use std::fmt;

use crate::program::Program;

impl fmt::Display for Program {
    /// A line per launch: kernel, variant, outputs, grid, bindings, bytes, FLOPs; then the totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:<10} {:<34} {:>9} {:>9} {:>11} {:>12}",
            "launch", "variant", "outputs", "groups", "bindings", "bytes", "FLOPs"
        )?;
        for step in &self.steps {
            let node = &self.graph.nodes[step.node];
            let written = node.outputs.iter().filter(|v| self.slot(**v).is_some_and(|s| s.len > 0));
            let outputs: Vec<String> = written.map(|&v| self.graph.ty(v).shape.to_string()).collect();
            let outputs = if outputs.len() > 3 { format!("{} tensors", outputs.len()) } else { outputs.join(" ") };
            for launch in &step.launches {
                let groups: u64 = launch.grid.iter().map(|&n| u64::from(n)).product();
                let (name, bindings) = (node.op.name(), launch.bindings.len());
                let (bytes, flops) = (launch.bytes(), launch.flops);
                writeln!(
                    f,
                    "{name:<28} {:<10} {outputs:<34} {groups:>9} {bindings:>9} {bytes:>11} {flops:>12}",
                    step.variant
                )?;
            }
        }
        writeln!(f, "{} launches, {} FLOPs a step", self.launches().count(), self.flops())?;
        for arena in &self.arenas {
            if arena.words > 0 {
                writeln!(f, "{:<28} {:>11} bytes", format!("{:?}", arena.role), 4 * arena.words)?;
            }
        }
        write!(f, "{} bytes in all", self.memory_bytes())
    }
}
