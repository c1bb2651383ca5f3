//! The CPU in f32: runs a program, an op a step.

mod team;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::device::cpu::team::team;
use crate::device::{Executable, Row, Status, Upload, lock};
use crate::error::{Error, Result};
use crate::graph::{
    Alone, Args, Buffer, CpuKernel, CpuVariant, Node, Origin, Site, StepState, StepTable, Team, Value, call,
};
use crate::program::Program;
use crate::runtime::clock::Clock;
use crate::shape::{Dtype, Type};

/// The variables of a model on the CPU, shared by its programs.
pub type CpuStorage<F> = Arc<Mutex<Vec<Buffer<F>>>>;

/// How long a submission works: it is done when it returns.
const SUBMISSION: Duration = Duration::from_millis(5);
/// Its steps where no clock goes.
const STEPS: u32 = 16;

/// Refuses bytes that the machine does not have: a failed allocation would end the process.
pub fn room(bytes: u64) -> Result<()> {
    let memory = usize::try_from(bytes).ok().and_then(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).ok());
    memory.ok_or(Error::OutOfMemory { need: bytes, held: 0 })
}

/// A program on the CPU.
#[derive(Debug)]
pub struct CpuExecutable {
    program: Program,
    storage: CpuStorage<f32>,
    /// One for each place in memory, with room for the longest of the values that live there.
    buffers: Vec<Buffer<f32>>,
    taken: Vec<Buffer<f32>>,
    /// Of each node.
    calls: Vec<Call>,
    /// The buffer of each value.
    ids: Vec<Option<usize>>,
    /// Variables that the program uses, with their buffers.
    variables: Vec<(usize, usize)>,
    step: StepState<f32>,
    steps: u32,
    /// The first step whose results were not given away.
    reported: u32,
    /// How long a submission may take.
    most: Duration,
    /// Who works where the team has other work.
    alone: Option<Alone>,
}

/// An op with what it is called on.
#[derive(Debug)]
struct Call {
    types: Vec<Type>,
    inputs: Vec<usize>,
    outputs: Vec<Option<usize>>,
    /// Buffers of outputs, and the lengths that these have.
    lens: Vec<(usize, usize)>,
    /// The kernel; `None` for the op's own plain one.
    kernel: Option<Box<dyn CpuKernel>>,
}

/// The buffers of a program.
#[derive(Debug, Default)]
struct Places {
    buffers: Vec<Buffer<f32>>,
    ids: Vec<Option<usize>>,
    variables: HashMap<usize, usize>,
}

impl Places {
    fn new(program: &Program) -> Self {
        let (graph, mut places, mut all) = (&program.graph, HashMap::new(), Self::default());
        for (index, slot) in program.slots.iter().enumerate() {
            let ty = &graph.types[index];
            let wanted = slot.filter(|s| s.len > 0 || ty.is_empty());
            let id = wanted.map(|slot| {
                *places.entry((slot.arena, slot.offset)).or_insert_with(|| {
                    all.buffers.push(Buffer::zeros(ty));
                    all.buffers.len() - 1
                })
            });
            if let Some(id) = id {
                let buffer = &mut all.buffers[id];
                buffer.resize(buffer.len().max(ty.len()));
                if let Origin::Variable(v) = graph.origins[index] {
                    all.variables.insert(v, id);
                }
            }
            all.ids.push(id);
        }
        all
    }
}

impl CpuExecutable {
    /// Takes the memory that the program needs. `variant` is the place of the kernel that is forced for every op that has
    /// it, the plain one after the others; the default one runs elsewhere.
    pub fn new(program: Program, storage: CpuStorage<f32>, variant: usize) -> Self {
        let (graph, used) = (&program.graph, program.graph.used());
        let Places { buffers, ids, variables } = Places::new(&program);
        let call = |node: &Node| {
            let types = |values: &[Value]| -> Vec<Type> { values.iter().map(|&v| graph.ty(v).clone()).collect() };
            let (types, outputs) = (types(&node.inputs), types(&node.outputs));
            let used: Vec<bool> = node.outputs.iter().map(|v| used[v.0]).collect();
            let site = Site { inputs: &types, outputs: &outputs, used: &used, caps: &program.caps };
            let lens = node.outputs.iter().zip(&outputs).filter_map(|(v, ty)| Some((ids[v.0]?, ty.len())));
            Call {
                inputs: node.inputs.iter().filter_map(|v| ids[v.0]).collect(),
                outputs: node.outputs.iter().map(|v| ids[v.0]).collect(),
                lens: lens.collect(),
                kernel: chosen(node.op.cpu_variants(&site), variant),
                types,
            }
        };
        Self {
            calls: graph.nodes.iter().map(call).collect(),
            variables: variables.into_iter().collect(),
            taken: Vec::with_capacity(buffers.len()),
            step: StepState::new(),
            steps: 0,
            reported: 0,
            most: Duration::MAX,
            alone: Some(Alone::default()),
            program,
            storage,
            buffers,
            ids,
        }
    }

    /// Calls `work` with the buffers of the variables, which are traded with the storage: nothing is copied. Where it
    /// panics they may be lost, so the storage gives none from then on.
    fn with_variables<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let storage = Arc::clone(&self.storage);
        let mut storage = lock(&storage)?;
        self.trade(&mut storage);
        let done = work(self);
        self.trade(&mut storage);
        done
    }

    fn trade(&mut self, storage: &mut [Buffer<f32>]) {
        for &(variable, id) in &self.variables {
            std::mem::swap(&mut storage[variable], &mut self.buffers[id]);
        }
    }

    fn call(&mut self, node: usize, team: &mut dyn Team) -> Result<()> {
        let Self { program, buffers, taken, calls, step, .. } = self;
        let Call { types, inputs, outputs, lens, kernel } = &mut calls[node];
        lens.iter().for_each(|&(id, len)| buffers[id].resize(len));
        let op = &program.graph.nodes[node].op;
        let run = |args: Args<'_, f32>| match kernel {
            Some(kernel) => kernel.run(args, team),
            None => op.cpu_f32(args),
        };
        call(run, types, buffers, (inputs, outputs), taken, step)
    }

    /// Calls `work` with the team, or with the caller alone where that has other work.
    fn with_team<T>(&mut self, work: impl FnOnce(&mut Self, &mut dyn Team) -> Result<T>) -> Result<T> {
        if let Some(mut team) = team() {
            return work(self, &mut *team);
        }
        let mut alone = self.alone.take().unwrap_or_default();
        let done = work(self, &mut alone);
        self.alone = Some(alone);
        done
    }

    /// Runs at most `count` steps, and one at least; gives their number.
    fn run(&mut self, count: u32, team: &mut dyn Team) -> Result<u32> {
        let (clock, most) = (Clock::start(), self.most.min(SUBMISSION));
        for done in 0..count {
            if done > 0 && (clock.elapsed() >= most || (Clock::STANDS_STILL && done >= STEPS)) {
                return Ok(done);
            }
            for step in 0..self.program.steps.len() {
                self.call(self.program.steps[step].node, team)?;
            }
        }
        Ok(count)
    }
}

/// The kernel at a place, `None` for the plain one, which stands after all others.
fn chosen(variants: Vec<CpuVariant>, place: usize) -> Option<Box<dyn CpuKernel>> {
    let place = if place > variants.len() { 0 } else { place };
    variants.into_iter().nth(place).map(|variant| variant.kernel)
}

impl Executable for CpuExecutable {
    fn upload(&mut self, value: Value, data: Upload<'_>) -> Result<()> {
        let Some(id) = self.ids[value.0] else { return Ok(()) };
        data.check(self.program.graph.ty(value))?;
        self.buffers[id] = match data {
            Upload::Tensor(tensor) => Buffer::Float(tensor.to_f32().into_owned()),
            Upload::Index(index) => Buffer::Index(index.to_vec()),
        };
        Ok(())
    }

    fn begin(&mut self, table: &StepTable) -> Result<()> {
        table.check(&self.program.graph)?;
        self.step.begin(table);
        self.steps = table.len() as u32;
        self.reported = table.first;
        Ok(())
    }

    fn pace(&mut self, submission: Duration, wait: Duration) {
        self.most = submission.min(wait); // a submission is done when it returns
    }

    fn submit(&mut self, most: u32) -> Result<u32> {
        let count = most.min(self.steps.saturating_sub(self.step.words.step));
        self.with_variables(|this| this.with_team(|this, team| this.run(count, team)))
    }

    fn poll(&mut self, _wait: bool) -> Result<Status> {
        let (graph, words) = (&self.program.graph, self.step.words);
        let steps = if graph.results.is_some() { self.reported..words.step } else { 0..0 };
        let buffers = graph.results.map_or([None; 2], |r| r.map(|v| self.ids[v.0].map(|id| &self.buffers[id])));
        let rows = steps.map(|at| Row::of(graph, buffers, at as usize)).collect();
        self.reported = words.step;
        Ok(Status { words, rows, in_flight: 0 })
    }

    fn download(&mut self, value: Value) -> Result<Buffer<f64>> {
        let missing = || Error::argument("value", "one that the program keeps", value.0);
        let id = self.ids[value.0].ok_or_else(missing)?;
        self.with_variables(|this| {
            let ty = this.program.graph.ty(value);
            let mut buffer = match ty.dtype {
                Dtype::F32 => Buffer::Float(this.buffers[id].float().iter().map(|&v| f64::from(v)).collect()),
                Dtype::U32 => Buffer::Index(this.buffers[id].indices().to_vec()),
            };
            buffer.resize(ty.len()); // another value may have been there
            Ok(buffer)
        })
    }

    fn run_node(&mut self, node: usize) -> Result<()> {
        self.with_variables(|this| this.with_team(|this, team| this.call(node, team)))
    }

    fn program(&self) -> Option<&Program> {
        Some(&self.program)
    }

    fn step(&mut self) -> Result<StepState<f64>> {
        Ok(self.step.widen())
    }

    fn flag(&mut self) -> Result<u32> {
        Ok(self.step.flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cpu::team::Threads;
    use crate::oracle::zeros;
    use crate::prelude::*;

    /// A classifier whose products, functions and updates are large enough for a team.
    fn program() -> Program {
        let hidden = Sequential::new().add(Dense::new(256).activation(Silu).input_shape([300]));
        let model = hidden.add(Dense::new(200).activation(Relu)).add(Dense::new(10).activation(Softmax));
        let mut model = model.build(&Device::cpu()).unwrap();
        model.compile(Adam::new(0.01), SparseCategoricalCrossentropy::default(), ["accuracy"]).unwrap();
        model.explain(256).unwrap()
    }

    /// The bits of all variables after three steps by a team.
    fn trained(mut team: Threads) -> Vec<Vec<u32>> {
        let program = program();
        let graph = Arc::clone(&program.graph);
        let mut start = zeros::<f32>(&graph.variables);
        for (at, weight) in start.iter_mut().take(6).flat_map(|variable| variable.float_mut()).enumerate() {
            *weight = (at * 37 % 101) as f32 / 1000.0 - 0.05;
        }
        let storage = Arc::new(Mutex::new(start));
        let mut run = CpuExecutable::new(program, Arc::clone(&storage), 0);
        for &value in &graph.data {
            let ty = graph.ty(value);
            let small = |at: usize| (at * 7 % 10) as f32;
            match ty.dtype {
                Dtype::U32 => run.upload(value, Upload::Index(&(0..ty.len() as u32).collect::<Vec<_>>())).unwrap(),
                Dtype::F32 => {
                    let tensor = Tensor::new(ty.shape.clone(), (0..ty.len()).map(small).collect()).unwrap();
                    run.upload(value, Upload::Tensor(&tensor)).unwrap();
                }
            }
        }
        for _ in 0..3 {
            run.begin(&StepTable { rows: vec![250], columns: vec![vec![0.01; graph.columns.len()]], first: 0 })
                .unwrap();
            run.with_variables(|run| run.run(1, &mut team)).unwrap();
            assert_eq!(run.poll(true).unwrap().words.step, 1, "a step that counts");
        }
        let storage = storage.lock().unwrap();
        storage.iter().map(|variable| variable.float().iter().map(|v| v.to_bits()).collect()).collect()
    }

    #[test]
    fn a_training_has_the_same_bits_with_teams_of_all_sizes() {
        let alone = trained(Threads::new(1));
        assert!(alone.iter().any(|variable| variable.len() == 300 * 256));
        for size in [2, 3, 5] {
            assert_eq!(trained(Threads::new(size)), alone, "{size} members");
        }
    }

    #[test]
    fn a_panic_in_a_kernel_is_a_lost_device_and_no_lost_weights() {
        let program = program();
        let storage = Arc::new(Mutex::new(zeros::<f32>(&program.graph.variables)));
        let mut run = CpuExecutable::new(program, storage, 0);
        let panics = || run.with_variables(|_| -> Result<()> { panic!("on purpose") });
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        assert!(matches!(run.submit(1), Err(Error::DeviceLost { .. })));
    }

    #[test]
    fn the_plain_kernel_stands_after_the_others() {
        let variants = || crate::ops::UnaryOp(Relu.into());
        let ty = [Type::f32([3])];
        let site = Site { inputs: &ty, outputs: &ty, used: &[true], caps: &crate::graph::Caps::default() };
        let fast = crate::graph::OpDef::cpu_variants(&variants(), &site);
        let count = fast.len();
        assert!(count > 0 && chosen(fast, count).is_none());
        for place in [0, count + 1] {
            assert!(chosen(crate::graph::OpDef::cpu_variants(&variants(), &site), place).is_some());
        }
        assert!(chosen(vec![], 0).is_none());
    }
}
