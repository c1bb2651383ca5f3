//! One op on a device against its f64 kernel, on awkward sizes and values, with patterns around all memory.

use std::fmt;
use std::sync::Arc;

use crate::check::compare::{Reference, UNTOUCHED, UNTOUCHED_INDEX, Worst};
use crate::check::values::{Regime, Trial, TrialName, trials};
use crate::device::{Device, Executable, Storage, Upload};
use crate::error::{Error, Result};
use crate::graph::{Buffer, Builder, Graph, Measure, Site, StepState, StepTable, Value, Variable, Variables};
use crate::ops::Case;
use crate::program::{Options, Slot};
use crate::shape::{Dtype, Type};
use crate::tensor::Tensor;

/// Words around every value that must not change.
const GUARD: usize = 1024;
/// What all memory holds before an op runs: NaN, and as an integer an index that points at nothing.
const POISON: u32 = 0x7fc5_a500;

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Graphs that were loaded: ops with types, variant and the outputs that are read.
    pub shapes: usize,
    /// Runs of them, on different values.
    pub cases: usize,
    /// The largest distance from the oracle, as a share of the bar: a check passes with at most 1.
    pub max_error: f64,
    /// Where that was, and how to repeat it.
    pub worst: Option<(Place, Worst)>,
    /// Other rules that were broken, in words.
    pub violations: Vec<String>,
}

/// What repeats a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The op.
    pub op: String,
    /// Its variant.
    pub variant: usize,
    /// The inputs.
    pub types: Vec<Type>,
    /// What is special about their values.
    pub values: TrialName,
    /// The seed of their values.
    pub seed: u64,
    /// Which outputs are read.
    pub used: Vec<bool>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: Vec<String> = self.types.iter().map(Type::to_string).collect();
        let Self { op, variant, values, seed, used, .. } = self;
        write!(f, "{op} variant {variant} of ({}), {values}, seed {seed}", types.join(", "))?;
        if used.contains(&false) { write!(f, ", outputs read: {used:?}") } else { Ok(()) }
    }
}

impl Outcome {
    /// Whether every element is within its bar, and no rule was broken.
    pub fn passes(&self) -> bool {
        self.max_error <= 1.0 && self.violations.is_empty()
    }

    /// Adds what another check found.
    pub fn merge(&mut self, other: Self) {
        self.shapes += other.shapes;
        self.cases += other.cases;
        if other.worst.is_some() && (self.worst.is_none() || other.max_error > self.max_error) {
            (self.max_error, self.worst) = (other.max_error, other.worst);
        }
        self.violations.extend(other.violations);
    }

    fn add(&mut self, place: &Place, worst: Option<Worst>, violations: Vec<String>) {
        self.cases += 1;
        if let Some(worst) = worst
            && (self.worst.is_none() || worst.error > self.max_error)
        {
            (self.max_error, self.worst) = (worst.error, Some((place.clone(), worst)));
        }
        self.violations.extend(violations.into_iter().map(|v| format!("{place}: {v}")));
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} shapes, {} cases, {:.3} of the bar", self.shapes, self.cases, self.max_error)?;
        if let Some((place, worst)) = &self.worst {
            write!(f, "\n  {place}: {worst}")?;
        }
        for violation in self.violations.iter().take(8) {
            write!(f, "\n  {violation}")?;
        }
        match self.violations.len().saturating_sub(8) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Runs variant `variant` of a case's op on `device` on every kind of values, and compares with the f64 kernel.
///
/// Where the op has several outputs it is run once more with one of them alone (by the seed), as programs load it.
///
/// # Errors
/// Those of the device. A wrong number is an outcome, not an error.
pub fn parity(device: &Device, case: &Case, variant: usize, seed: u64) -> Result<Outcome> {
    let types: Vec<&Type> = case.inputs.iter().map(|input| &input.ty).collect();
    let outputs = case.op.infer(&types)?.len();
    let mut outcome = Outcome::default();
    let mut bench = Bench::new(device, case, variant, seed, vec![true; outputs])?;
    let most = if case.brief { 2 } else { usize::MAX };
    for trial in trials(&case.inputs, seed).into_iter().filter(|t| applies(case, t.name)).take(most) {
        bench.run(trial, &mut outcome)?;
    }
    outcome.shapes += 1;
    if outputs > 1 && case.op.aliases().is_empty() && case.op.name() != "step_end" {
        let used = (0..outputs).map(|i| i == seed as usize % outputs).collect();
        let mut bench = Bench::new(device, case, variant, seed, used)?;
        for trial in trials(&case.inputs, seed).into_iter().take(1) {
            bench.run(trial, &mut outcome)?;
        }
        outcome.shapes += 1;
    }
    Ok(outcome)
}

/// The number of variants of a case's op.
///
/// # Errors
/// Those of the op's variants.
pub fn variants(device: &Device, case: &Case) -> Result<usize> {
    let inputs: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&inputs.iter().collect::<Vec<_>>())?;
    let (used, caps) = (vec![true; outputs.len()], device.caps());
    Ok(case.op.variants(&Site { inputs: &inputs, outputs: &outputs, used: &used, caps: &caps })?.len())
}

/// Whether a trial makes sense for an op: `step_end` counts, so its u32 inputs are no indices.
fn applies(case: &Case, name: TrialName) -> bool {
    !(matches!(name, TrialName::BadIndex(_)) && case.op.name() == "step_end")
}

/// The graph of a case, the op alone, where the outputs of which `used` says so are read; and its inputs.
///
/// # Errors
/// Those of the op.
pub fn graph_of(case: &Case, used: &[bool]) -> Result<(Graph, Vec<Value>)> {
    let mut variables = Variables::default();
    let mut places = vec![];
    for (i, input) in case.inputs.iter().enumerate() {
        let add = |kind| variables.add(Variable { name: format!("input {i}"), ty: input.ty.clone(), kind });
        places.push(input.variable.map(add).transpose()?);
    }
    let builder = Builder::new(Arc::new(variables));
    for i in 0..case.columns.len() {
        builder.column(&format!("column {i}"), |_| 0.0);
    }
    let value = |(input, place): (&crate::ops::Input, &Option<usize>)| match place {
        Some(variable) => builder.variable(*variable),
        None => Ok(builder.data(input.ty.clone())),
    };
    let inputs = case.inputs.iter().zip(&places).map(value).collect::<Result<Vec<_>>>()?;
    let outputs = builder.op(Arc::clone(&case.op), &inputs)?;
    let aliases = case.op.aliases();
    for (i, &output) in outputs.iter().enumerate().filter(|(i, _)| used[*i]) {
        match aliases.iter().find(|(output, _)| *output == i).and_then(|&(_, input)| places[input]) {
            Some(variable) => builder.write(variable, output),
            None => builder.output(output),
        }
    }
    if case.op.name() == "step_end" {
        builder.results(outputs[0], outputs[1]);
    }
    Ok((builder.finish(), inputs))
}

/// The table of a case: one step.
pub(super) fn table_of(case: &Case) -> StepTable {
    // In f32, as every device has it.
    let columns = case.columns.iter().map(|&c| f64::from(c as f32)).collect();
    StepTable { rows: vec![case.rows.0 as u32], columns: vec![columns] }
}

/// An op loaded on a device.
struct Bench<'a> {
    case: &'a Case,
    place: Place,
    graph: Arc<Graph>,
    storage: Storage,
    executable: Box<dyn Executable>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    has_arenas: bool,
}

impl<'a> Bench<'a> {
    fn new(device: &Device, case: &'a Case, variant: usize, seed: u64, used: Vec<bool>) -> Result<Self> {
        let (graph, inputs) = graph_of(case, &used)?;
        let graph = Arc::new(graph);
        let options = Options { guard: GUARD, variant };
        let storage = device.storage(&graph.variables, &options)?;
        let executable = device.load(&graph, &storage, &options)?;
        let types = case.inputs.iter().map(|input| input.ty.clone()).collect();
        let values = TrialName::Regime(Regime::Normal);
        let place = Place { op: case.op.name().into(), variant, types, values, seed, used };
        let outputs = graph.nodes[0].outputs.clone();
        let has_arenas = device.adapter().is_some();
        Ok(Self { case, place, graph, storage, executable, inputs, outputs, has_arenas })
    }

    fn run(&mut self, trial: Trial, outcome: &mut Outcome) -> Result<()> {
        self.place.values = trial.name;
        self.poison()?;
        for (i, data) in trial.inputs.iter().enumerate() {
            self.upload(i, data)?;
        }
        let table = table_of(self.case);
        self.executable.begin(&table)?;
        self.executable.run_node(0)?;
        let mut violations = vec![];
        let got = self.results(&mut violations)?;
        let reference = self.reference(&trial, &table)?;
        if !self.place.used.contains(&false) {
            violations.extend(reference.step_differs(&self.executable.step()?));
        }
        outcome.add(&self.place, reference.worst(&got), violations);
        Ok(())
    }

    /// Fills all memory with what no op gives.
    fn poison(&mut self) -> Result<()> {
        if self.has_arenas {
            for (arena, words) in self.arenas().into_iter().enumerate() {
                self.executable.fill_arena(arena, &vec![poison(arena); words])?;
            }
            return Ok(());
        }
        for &output in self.plain_outputs().iter().flatten() {
            let ty = self.graph.ty(output);
            match ty.dtype {
                Dtype::U32 => self.executable.upload(output, Upload::Index(&vec![UNTOUCHED_INDEX; ty.len()]))?,
                Dtype::F32 => {
                    let poison = Tensor::full(ty.shape.clone(), f32::from_bits(POISON))?;
                    self.executable.upload(output, Upload::Tensor(&poison))?;
                }
            }
        }
        Ok(())
    }

    /// Outputs that are read and have memory of their own.
    fn plain_outputs(&self) -> Vec<Option<Value>> {
        let aliases = self.case.op.aliases();
        let plain = |i: &usize| self.place.used[*i] && !aliases.iter().any(|(output, _)| output == i);
        self.outputs.iter().enumerate().map(|(i, &v)| plain(&i).then_some(v)).collect()
    }

    /// Words of each arena.
    fn arenas(&self) -> Vec<usize> {
        self.executable.program().map_or(vec![], |p| p.arenas.iter().map(|a| a.words).collect())
    }

    fn upload(&mut self, input: usize, data: &Buffer<f32>) -> Result<()> {
        let value = self.inputs[input];
        let shape = self.graph.ty(value).shape.clone();
        let tensor = |v: &Vec<f32>| Tensor::new(shape, v.clone());
        match (data, self.graph.origins[value.0]) {
            (Buffer::Float(v), crate::graph::Origin::Variable(index)) => self.storage.write(index, &tensor(v)?),
            (Buffer::Float(v), _) => self.executable.upload(value, Upload::Tensor(&tensor(v)?)),
            (Buffer::Index(v), _) => self.executable.upload(value, Upload::Index(v)),
        }
    }

    /// What the op left in its outputs, and what else changed.
    fn results(&mut self, violations: &mut Vec<String>) -> Result<Vec<Buffer<f64>>> {
        let read: Vec<Option<Value>> =
            self.outputs.iter().zip(&self.place.used).map(|(&v, &used)| used.then_some(v)).collect();
        if !self.has_arenas {
            let download = |value: &Option<Value>| match value {
                Some(value) => self.executable.download(*value),
                None => Ok(Buffer::default()),
            };
            return read.iter().map(download).collect();
        }
        let mut memory = vec![];
        for arena in 0..self.arenas().len() {
            memory.push(self.executable.arena(arena)?.unwrap_or_default());
        }
        violations.extend(self.strays(&memory));
        let program = self.executable.program();
        let got = |value: &Option<Value>| {
            let slot = value.and_then(|value| program.and_then(|p| p.slot(value)));
            let (Some(value), Some(Slot { arena, offset, len })) = (*value, slot) else {
                return Ok(Buffer::default());
            };
            let words = memory.get(arena).and_then(|m| m.get(offset..offset + len));
            let words = words.ok_or_else(|| Error::shape("arena", format!("{len} words at {offset}"), arena))?;
            Ok(match self.graph.ty(value).dtype {
                Dtype::F32 => Buffer::Float(words.iter().map(|&w| f32::from_bits(w).into()).collect()),
                Dtype::U32 => Buffer::Index(words.iter().map(|&w| untouched(w, arena)).collect()),
            })
        };
        read.iter().map(got).collect()
    }

    /// Words that changed and belong to no value. Padding belongs to the values where a launch updates several arenas
    /// by one index.
    fn strays(&self, memory: &[Vec<u32>]) -> Vec<String> {
        let Some(program) = self.executable.program() else { return vec![] };
        let mut found = vec![];
        for (index, (arena, words)) in program.arenas.iter().zip(memory).enumerate() {
            let mut owned = vec![false; words.len()];
            let slots = program.slots.iter().flatten().filter(|slot| slot.arena == index);
            for slot in slots {
                let len = if arena.congruent { crate::graph::padded(slot.len) } else { slot.len };
                owned[slot.offset..slot.offset + len].fill(true);
            }
            let stray = |(&word, &owned): (&u32, &bool)| !owned && word != poison(index);
            if let Some(at) = words.iter().zip(&owned).position(stray) {
                found.push(format!("word {at} of arena {index} ({:?}) belongs to nothing and was written", arena.role));
            }
        }
        found
    }

    fn reference(&self, trial: &Trial, table: &StepTable) -> Result<Reference> {
        let inputs: Vec<Buffer<f64>> = trial.inputs.iter().map(widen).collect();
        let aliases = self.case.op.aliases();
        let before = self.outputs.iter().enumerate().map(|(i, &output)| {
            let old = aliases.iter().find(|(output, _)| *output == i).map(|&(_, input)| inputs[input].clone());
            let ty = self.graph.ty(output);
            let fresh = || match ty.dtype {
                Dtype::F32 => Buffer::Float(vec![UNTOUCHED; ty.len()]),
                Dtype::U32 => Buffer::Index(vec![UNTOUCHED_INDEX; ty.len()]),
            };
            self.place.used[i].then(|| old.unwrap_or_else(fresh))
        });
        let before: Vec<Option<Buffer<f64>>> = before.collect();
        let mut step = StepState::<f64>::new();
        step.begin(table);
        let mut reference = Reference::new(&*self.case.op, &self.place.types, &inputs, &before, &step)?;
        if trial.name == TrialName::Regime(Regime::Integers) && self.case.op.measure() == Measure::Sum {
            reference.bars.iter_mut().for_each(|bars| bars.fill(0.0));
        }
        Ok(reference)
    }
}

/// What an arena holds: each its own, so that NaN that is read in one and written in another shows.
fn poison(arena: usize) -> u32 {
    POISON | arena as u32 & 0xff
}

/// A word of an output of dtype u32: an untouched one as the f64 kernel has it.
fn untouched(word: u32, arena: usize) -> u32 {
    if word == poison(arena) { UNTOUCHED_INDEX } else { word }
}

fn widen(buffer: &Buffer<f32>) -> Buffer<f64> {
    match buffer {
        Buffer::Float(v) => Buffer::Float(v.iter().map(|&v| v.into()).collect()),
        Buffer::Index(v) => Buffer::Index(v.clone()),
    }
}
