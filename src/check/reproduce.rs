//! A failing run as WGSL files that need nothing of wgrad: for the bug tracker of a driver.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use crate::check::bench::{GUARD, graph_of, memory, reference, table_of};
use crate::check::parity::{folded, shape_of, trials_of};
use crate::check::suite::{Job, WorstCase};
use crate::error::{Error, Result};
use crate::graph::{Buffer, Caps, Graph, Site, Value, Words, padded};
use crate::program::{Memory, Options, PlannedLaunch, Program, plan};
use crate::shape::Type;

/// Words in a line.
const LINE: usize = 12;

/// A run that can be written out.
struct Run<'a> {
    job: &'a Job,
    case: &'a WorstCase,
    program: Program,
    graph: Arc<Graph>,
    arenas: Vec<Vec<u32>>,
    wanted: Vec<Buffer<f64>>,
}

/// The kernels of a failing run, each as a file's name and text: WGSL under comments that hold the adapter, what went
/// wrong, the grid, `Params`, and the words of everything that is bound. `about` says in lines what it was seen on.
///
/// One file, but for a variant of several kernels: these have one each, in the order in which they run.
///
/// # Errors
/// [`Error::Argument`] for a run that `job` does not have.
pub fn reproduce(job: &Job, case: &WorstCase, caps: &Caps, about: &[String]) -> Result<Vec<(String, String)>> {
    let run = Run::new(job, case, caps)?;
    let launches: Vec<&PlannedLaunch> = run.program.launches().collect();
    let mut kernels: Vec<&str> = vec![];
    for launch in &launches {
        if !kernels.contains(&launch.kernel.text.as_str()) {
            kernels.push(&launch.kernel.text);
        }
    }
    let (op, variant) = (job.op(), &case.place.variant);
    let name = |i: usize| match kernels.len() {
        1 => format!("{op}.{variant}.wgsl"),
        all => format!("{op}.{variant}.{}of{all}.wgsl", i + 1),
    };
    let file = |(i, kernel): (usize, &&str)| {
        let text = run.text(about, &launches, kernel).map_err(|_| Error::argument("run", "one that is text", op))?;
        Ok((name(i), text))
    };
    kernels.iter().enumerate().map(file).collect()
}

impl<'a> Run<'a> {
    fn new(job: &'a Job, case: &'a WorstCase, caps: &Caps) -> Result<Self> {
        let place = &case.place;
        let inputs: Vec<Type> = job.case.inputs.iter().map(|input| input.ty.clone()).collect();
        let outputs = job.case.op.infer(&inputs.iter().collect::<Vec<_>>())?;
        let used = vec![true; outputs.len()];
        let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps };
        let unknown = |name: &str, got: &str| Error::argument(name, "one of the case", got);
        let variant = job.case.op.variants(&site)?.iter().position(|variant| variant.name == place.variant);
        let variant = variant.ok_or_else(|| unknown("variant", &place.variant))?;
        let trial = trials_of(&job.case, place.seed).into_iter().find(|trial| trial.name == place.values);
        let trial = trial.ok_or_else(|| unknown("values", &place.values.to_string()))?;
        let (graph, values) = graph_of(&job.case, &place.used)?;
        let graph = Arc::new(graph);
        let options = Options { guard: GUARD, variant, folded: folded(place.seed), ..Options::default() };
        let program = plan(Arc::clone(&graph), caps, &options)?;
        let arenas = memory(&program, &values, &trial.inputs);
        let wanted = reference(&job.case, &place.used, &trial)?.outputs;
        Ok(Self { job, case, program, graph, arenas, wanted })
    }

    fn text(&self, about: &[String], launches: &[&PlannedLaunch], kernel: &str) -> Result<String, fmt::Error> {
        let mut text = String::new();
        self.head(&mut text, about)?;
        let ranges = ranges(launches);
        for (i, launch) in launches.iter().enumerate() {
            let [x, y, z] = launch.grid;
            let other = if launch.kernel.text == kernel { "" } else { ", another kernel: see the other files" };
            writeln!(text, "//\n// launch {} of {}: {x} x {y} x {z} workgroups{other}", i + 1, launches.len())?;
            for (at, binding) in launch.bindings.iter().enumerate() {
                let access = if binding.writes { "read_write" } else { "read" };
                let place = ranges.get(&key(binding.memory)).copied().unwrap_or(0);
                writeln!(text, "//   group 0, binding {at}, storage {access}: memory {place}")?;
            }
            let params: Vec<String> = launch.params.iter().map(|(name, word)| format!("{name} {word:#x}")).collect();
            writeln!(text, "//   group 1, binding 0, uniform: {}", params.join(", "))?;
        }
        self.memories(&mut text, &ranges)?;
        self.outputs(&mut text)?;
        writeln!(text, "//\n// The kernel, as it was given to the device.\n")?;
        text.push_str(kernel);
        Ok(text)
    }

    fn head(&self, text: &mut String, about: &[String]) -> fmt::Result {
        let WorstCase { place, worst, .. } = self.case;
        writeln!(text, "// A compute kernel that gives a wrong number, with all that it takes to run it again.")?;
        writeln!(text, "// Memory is given as words of 32 bits in hexadecimal; numbers are IEEE 754, little endian.")?;
        about.iter().flat_map(|text| text.lines()).try_for_each(|line| writeln!(text, "// {line}"))?;
        writeln!(text, "// op: {}, variant {}", self.job.op(), place.variant)?;
        writeln!(text, "// inputs: {}; {}, seed {}", shape_of(&self.job.case), place.values, place.seed)?;
        let bits = |value: f64| (value as f32).to_bits();
        let (output, index) = (worst.output, worst.index);
        if worst.error <= 1.0 {
            return writeln!(text, "// every number is within its bar: what is wrong is another rule");
        }
        writeln!(text, "// wrong: output {output}[{index}]")?;
        writeln!(text, "//   got  {:e} ({:#010x})", worst.got, bits(worst.got))?;
        writeln!(text, "//   want {:e} ({:#010x}) within {:e}", worst.want, bits(worst.want), worst.bar)
    }

    /// The words of everything that is bound, before the first launch.
    fn memories(&self, text: &mut String, ranges: &BTreeMap<Key, usize>) -> fmt::Result {
        for (key, place) in ranges {
            let (what, words) = match *key {
                Key::Arena(arena, begin, end) => (self.members(arena, begin, end), &self.arenas[arena][begin..end]),
                Key::Step => ("step words, then the table".into(), &self.step()[..]),
                Key::Flag => ("flag".into(), &vec![0; padded(1)][..]),
            };
            writeln!(text, "//\n// memory {place}, {} words before the first launch: {what}", words.len())?;
            list(text, words)?;
        }
        Ok(())
    }

    fn step(&self) -> Vec<u32> {
        let table = table_of(&self.job.case);
        let words = Words { step: table.first, sequence: 1, ..Words::default() };
        [&words.to_words()[..], &table.to_words(self.graph.step_width())].concat()
    }

    /// Which values stand in a range, and where.
    fn members(&self, arena: usize, begin: usize, end: usize) -> String {
        let node = &self.graph.nodes[0];
        let named = |(name, values): (&'static str, &[Value])| -> Vec<(usize, String)> {
            let place = |(i, &value): (usize, &Value)| {
                let slot = self.program.slot(value).filter(|s| s.arena == arena && (begin..end).contains(&s.offset))?;
                let ty = self.graph.ty(value);
                Some((slot.offset, format!("{name} {i} ({ty}) from word {}", slot.offset - begin)))
            };
            values.iter().enumerate().filter_map(place).collect()
        };
        let mut members: Vec<_> =
            [("input", &node.inputs[..]), ("output", &node.outputs)].into_iter().flat_map(named).collect();
        members.sort();
        let members: Vec<String> = members.into_iter().map(|(_, text)| text).collect();
        if members.is_empty() { "an output that nothing reads".into() } else { members.join(", ") }
    }

    /// What the outputs should be, as the nearest f32.
    fn outputs(&self, text: &mut String) -> fmt::Result {
        for (i, output) in self.wanted.iter().enumerate() {
            let words: Vec<u32> = match output {
                Buffer::Float(v) => v.iter().map(|&v| (v as f32).to_bits()).collect(),
                Buffer::Index(v) => v.clone(),
            };
            if !words.is_empty() {
                writeln!(text, "//\n// output {i} should be, from f64:")?;
                list(text, &words)?;
            }
        }
        Ok(())
    }
}

/// Memory that is bound, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Arena, and the words from and to which.
    Arena(usize, usize, usize),
    Step,
    Flag,
}

fn key(memory: Memory) -> Key {
    match memory {
        Memory::Arena { arena, offset, words } => Key::Arena(arena, offset, offset + words),
        Memory::Step => Key::Step,
        Memory::Flag => Key::Flag,
    }
}

/// Everything that is bound, with a number each.
fn ranges(launches: &[&PlannedLaunch]) -> BTreeMap<Key, usize> {
    let keys = launches.iter().flat_map(|launch| launch.bindings.iter().map(|binding| (key(binding.memory), 0)));
    let mut ranges: BTreeMap<Key, usize> = keys.collect();
    ranges.values_mut().zip(0..).for_each(|(number, i)| *number = i);
    ranges
}

fn list(text: &mut String, words: &[u32]) -> fmt::Result {
    for line in words.chunks(LINE) {
        text.push_str("//  ");
        line.iter().try_for_each(|word| write!(text, " {word:08x}"))?;
        text.push('\n');
    }
    Ok(())
}
