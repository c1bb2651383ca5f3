//! An op alone in a graph, loaded on a device, with patterns around all memory.

use std::sync::Arc;

use crate::check::compare::{Reference, UNTOUCHED, UNTOUCHED_INDEX};
use crate::check::values::{Regime, Trial, TrialName};
use crate::device::{Device, Executable, Image, Storage, Upload};
use crate::error::{Error, Result};
use crate::graph::{Buffer, Builder, Graph, Measure, Origin, StepState, StepTable, Value, Variable, Variables, padded};
use crate::ops::Case;
use crate::program::{Options, Program};
use crate::shape::{Dtype, Type};
use crate::tensor::Tensor;

/// Words around every value that must not change.
pub(super) const GUARD: usize = 1024;
/// What all memory holds before an op runs: NaN, and as an integer an index that points at nothing.
const POISON: u32 = 0x7fc5_a500;

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

/// The table of a case: the step that it runs at, and other numbers in those before it.
pub(super) fn table_of(case: &Case) -> StepTable {
    let (count, batch) = case.rows;
    let other = if count > 0 { 0 } else { batch };
    let row = |step| if step == case.step { count as u32 } else { other as u32 };
    // In f32, as every device has it.
    let column = |step, c: f64| f64::from(if step == case.step { c as f32 } else { -3.0 - c as f32 });
    let columns = (0..=case.step).map(|step| case.columns.iter().map(|&c| column(step, c)).collect()).collect();
    StepTable { rows: (0..=case.step).map(row).collect(), columns, first: case.step as u32 }
}

/// What a device left.
#[derive(Debug)]
pub(super) struct Left {
    /// The outputs; one that nothing reads is empty.
    pub(super) outputs: Vec<Buffer<f64>>,
    /// The step protocol.
    pub(super) step: StepState<f64>,
    /// What was written and must not be, in words.
    pub(super) stray: Option<String>,
}

/// An op loaded on a device.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    case: &'a Case,
    used: Vec<bool>,
    table: StepTable,
    graph: Arc<Graph>,
    storage: Storage,
    executable: Box<dyn Executable>,
    inputs: Vec<Value>,
    has_arenas: bool,
}

impl<'a> Bench<'a> {
    /// Loads the op of `case`, the outputs of which `used` says so read.
    pub(super) fn new(device: &Device, case: &'a Case, options: &Options, used: &[bool]) -> Result<Self> {
        let (graph, inputs) = graph_of(case, used)?;
        let graph = Arc::new(graph);
        let options = Options { guard: GUARD, ..options.clone() };
        let storage = device.storage(&graph.variables, &options)?;
        let executable = device.load(&graph, &storage, &options)?;
        let (used, table) = (used.to_vec(), table_of(case));
        let has_arenas = device.adapter().is_some();
        Ok(Self { case, used, table, graph, storage, executable, inputs, has_arenas })
    }

    fn outputs(&self) -> &[Value] {
        &self.graph.nodes[0].outputs
    }

    /// Runs the op on the values of a trial.
    pub(super) fn run(&mut self, trial: &Trial) -> Result<Left> {
        match self.executable.program() {
            Some(program) if self.has_arenas => {
                let before = memory(program, &self.inputs, &trial.inputs);
                let after = self.executable.run_on(0, &before, &self.table)?;
                let missing = || Error::shape("arenas", "those of a GPU", "none");
                self.left(&before, after.ok_or_else(missing)?)
            }
            _ => self.run_on_values(trial),
        }
    }

    /// Where there are no arenas, and so nothing around values.
    fn run_on_values(&mut self, trial: &Trial) -> Result<Left> {
        for output in self.plain_outputs() {
            let ty = self.graph.ty(output).clone();
            self.upload(output, &filled(&ty, f32::from_bits(POISON)))?;
        }
        for (i, data) in trial.inputs.iter().enumerate() {
            self.upload(self.inputs[i], data)?;
        }
        self.executable.begin(&self.table)?;
        self.executable.run_node(0)?;
        let mut outputs = vec![];
        for (&value, &used) in self.graph.nodes[0].outputs.iter().zip(&self.used) {
            outputs.push(if used { self.executable.download(value)? } else { Buffer::default() });
        }
        Ok(Left { outputs, step: self.executable.step()?, stray: None })
    }

    /// Outputs that are read and have memory of their own.
    fn plain_outputs(&self) -> Vec<Value> {
        let aliases = self.case.op.aliases();
        let plain = |i: usize| self.used[i] && !aliases.iter().any(|&(output, _)| output == i);
        self.outputs().iter().enumerate().filter(|(i, _)| plain(*i)).map(|(_, &v)| v).collect()
    }

    fn upload(&mut self, value: Value, data: &Buffer<f32>) -> Result<()> {
        let shape = self.graph.ty(value).shape.clone();
        let tensor = |v: &Vec<f32>| Tensor::new(shape, v.clone());
        match (data, self.graph.origins[value.0]) {
            (Buffer::Float(v), Origin::Variable(index)) => self.storage.write(index, &tensor(v)?),
            (Buffer::Float(v), _) => self.executable.upload(value, Upload::Tensor(&tensor(v)?)),
            (Buffer::Index(v), _) => self.executable.upload(value, Upload::Index(v)),
        }
    }

    /// What the op left in its outputs, and what else changed.
    fn left(&self, before: &[Vec<u32>], after: Image) -> Result<Left> {
        let Some(program) = self.executable.program() else { return Err(Error::shape("program", "one", "none")) };
        let read = |(&value, &used): (&Value, &bool)| {
            let Some(slot) = program.slot(value).filter(|_| used) else { return Ok(Buffer::default()) };
            let words = after.arenas.get(slot.arena).and_then(|words| words.get(slot.offset..slot.offset + slot.len));
            let words = words.ok_or_else(|| Error::shape("arena", format!("{slot:?}"), slot.arena))?;
            Ok(match self.graph.ty(value).dtype {
                Dtype::F32 => Buffer::Float(words.iter().map(|&w| f32::from_bits(w).into()).collect()),
                Dtype::U32 => Buffer::Index(words.iter().map(|&w| untouched(w, slot.arena)).collect()),
            })
        };
        let outputs = self.outputs().iter().zip(&self.used).map(read).collect::<Result<_>>()?;
        Ok(Left { outputs, step: after.step, stray: stray(program, self.outputs(), before, &after.arenas) })
    }

    /// What the f64 kernel says to a trial.
    pub(super) fn reference(&self, trial: &Trial) -> Result<Reference> {
        reference(self.case, &self.used, trial)
    }
}

/// What the f64 kernel of a case gives for a trial where the outputs of which `used` says so are read.
pub(super) fn reference(case: &Case, used: &[bool], trial: &Trial) -> Result<Reference> {
    let inputs: Vec<Buffer<f64>> = trial.inputs.iter().map(widen).collect();
    let types: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let (outputs, aliases) = (case.op.infer(&types.iter().collect::<Vec<_>>())?, case.op.aliases());
    let before = outputs.iter().enumerate().map(|(i, ty)| {
        let old = aliases.iter().find(|(output, _)| *output == i).map(|&(_, input)| inputs[input].clone());
        let fresh = || match ty.dtype {
            Dtype::F32 => Buffer::Float(vec![UNTOUCHED; ty.len()]),
            Dtype::U32 => Buffer::Index(vec![UNTOUCHED_INDEX; ty.len()]),
        };
        used[i].then(|| old.unwrap_or_else(fresh))
    });
    let before: Vec<Option<Buffer<f64>>> = before.collect();
    let mut step = StepState::<f64>::new();
    step.begin(&table_of(case));
    let mut reference = Reference::new(&*case.op, &types, &inputs, &before, &step)?;
    if trial.name == TrialName::Regime(Regime::Integers) && case.op.measure() == Measure::Sum {
        reference.bars.iter_mut().for_each(|bars| bars.fill(0.0));
    }
    Ok(reference)
}

/// All arenas of a program before its op runs: the inputs at their places, poison everywhere else.
pub(super) fn memory(program: &Program, inputs: &[Value], data: &[Buffer<f32>]) -> Vec<Vec<u32>> {
    let mut memory: Vec<Vec<u32>> =
        program.arenas.iter().enumerate().map(|(arena, a)| vec![poison(arena); a.words]).collect();
    for (&value, data) in inputs.iter().zip(data) {
        let Some(slot) = program.slot(value) else { continue };
        let words = &mut memory[slot.arena][slot.offset..slot.offset + slot.len];
        match data {
            Buffer::Float(v) => words.copy_from_slice(bytemuck::cast_slice(v)),
            Buffer::Index(v) => words.copy_from_slice(v),
        }
    }
    memory
}

/// A word that changed and belongs to no output. Padding belongs to outputs where a launch updates several arenas by
/// one index.
fn stray(program: &Program, outputs: &[Value], before: &[Vec<u32>], after: &[Vec<u32>]) -> Option<String> {
    let slots = outputs.iter().filter_map(|&value| program.slot(value));
    let mut owned: Vec<(usize, std::ops::Range<usize>)> = slots
        .map(|slot| {
            let len = if program.arenas[slot.arena].congruent { padded(slot.len) } else { slot.len };
            (slot.arena, slot.offset..slot.offset + len)
        })
        .collect();
    owned.sort_by_key(|(arena, range)| (*arena, range.start));
    for (arena, (before, after)) in before.iter().zip(after).enumerate() {
        let mut from = 0;
        let ranges = owned.iter().filter(|(of, _)| *of == arena).map(|(_, range)| range.clone());
        for range in ranges.chain(std::iter::once(before.len()..before.len())) {
            let free = from..range.start.max(from);
            from = range.end.max(from);
            if before[free.clone()] != after[free.clone()] {
                let at = free.start + before[free.clone()].iter().zip(&after[free]).position(|(b, a)| b != a)?;
                let role = program.arenas[arena].role;
                return Some(format!("word {at} of arena {arena} ({role:?}) belongs to no output and was written"));
            }
        }
    }
    None
}

/// What an arena holds: each its own, so that NaN that is read in one and written in another shows.
fn poison(arena: usize) -> u32 {
    POISON | arena as u32 & 0xff
}

/// A word of an output of dtype u32: an untouched one as the f64 kernel has it.
fn untouched(word: u32, arena: usize) -> u32 {
    if word == poison(arena) { UNTOUCHED_INDEX } else { word }
}

/// What an output of a device without arenas holds before.
fn filled(ty: &Type, value: f32) -> Buffer<f32> {
    match ty.dtype {
        Dtype::F32 => Buffer::Float(vec![value; ty.len()]),
        Dtype::U32 => Buffer::Index(vec![UNTOUCHED_INDEX; ty.len()]),
    }
}

fn widen(buffer: &Buffer<f32>) -> Buffer<f64> {
    match buffer {
        Buffer::Float(v) => Buffer::Float(v.iter().map(|&v| v.into()).collect()),
        Buffer::Index(v) => Buffer::Index(v.clone()),
    }
}
