//! The CPU in f32: runs a program, an op a step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::device::{Executable, Row, Status, Upload, lock};
use crate::error::{Error, Result};
use crate::graph::{Args, Buffer, Graph, Origin, StepState, StepTable, Value, call};
use crate::program::Program;
use crate::runtime::clock::Clock;
use crate::shape::{Dtype, Type};

/// The variables of a model on the CPU, shared by its programs.
pub type CpuStorage<F> = Arc<Mutex<Vec<Buffer<F>>>>;

/// Steps that one submission runs: they are done when it returns.
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
    buffers: Vec<Buffer<f32>>,
    taken: Vec<Buffer<f32>>,
    calls: Vec<Call>,
    /// The buffer of each value.
    ids: Vec<Option<usize>>,
    /// Variables that the program uses, with their buffers.
    variables: Vec<(usize, usize)>,
    step: StepState<f32>,
    steps: u32,
    rows: Vec<Row>,
    /// How long a submission may take.
    most: Duration,
}

/// An op with what it is called on.
#[derive(Debug)]
struct Call {
    types: Vec<Type>,
    inputs: Vec<usize>,
    outputs: Vec<Option<usize>>,
    /// Of each output: values that share a buffer differ in length.
    lens: Vec<usize>,
}

impl CpuExecutable {
    /// Takes the memory that the program needs.
    pub fn new(program: Program, storage: CpuStorage<f32>) -> Self {
        let graph = Arc::clone(&program.graph);
        let mut places = HashMap::new();
        let (mut buffers, mut ids, mut variables) = (vec![], vec![], HashMap::new());
        for (index, slot) in program.slots.iter().enumerate() {
            let wanted = slot.filter(|s| s.len > 0 || graph.types[index].is_empty());
            let id = wanted.map(|slot| {
                *places.entry((slot.arena, slot.offset)).or_insert_with(|| {
                    buffers.push(Buffer::zeros(&graph.types[index]));
                    buffers.len() - 1
                })
            });
            if let (Origin::Variable(v), Some(id)) = (graph.origins[index], id) {
                variables.insert(v, id);
            }
            ids.push(id);
        }
        let call = |node: &crate::graph::Node| Call {
            types: node.inputs.iter().map(|&v| graph.ty(v).clone()).collect(),
            inputs: node.inputs.iter().filter_map(|v| ids[v.0]).collect(),
            outputs: node.outputs.iter().map(|v| ids[v.0]).collect(),
            lens: node.outputs.iter().map(|&v| graph.ty(v).len()).collect(),
        };
        Self {
            calls: graph.nodes.iter().map(call).collect(),
            variables: variables.into_iter().collect(),
            taken: Vec::with_capacity(buffers.len()),
            step: StepState::new(),
            steps: 0,
            rows: vec![],
            most: Duration::MAX,
            program,
            storage,
            buffers,
            ids,
        }
    }

    fn graph(&self) -> &Arc<Graph> {
        &self.program.graph
    }

    /// Trades the buffers of the variables with the storage: nothing is copied.
    fn swap(&mut self) -> Result<()> {
        let mut storage = lock(&self.storage)?;
        for &(variable, id) in &self.variables {
            std::mem::swap(&mut storage[variable], &mut self.buffers[id]);
        }
        Ok(())
    }

    fn call(&mut self, node: usize) -> Result<()> {
        let op = Arc::clone(&self.graph().nodes[node].op);
        let Call { types, inputs, outputs, lens } = &self.calls[node];
        for (id, &len) in outputs.iter().zip(lens) {
            id.iter().for_each(|&id| self.buffers[id].resize(len));
        }
        let kernel = |args: Args<'_, f32>| op.cpu_f32(args);
        call(kernel, types, &mut self.buffers, (inputs, outputs), &mut self.taken, &mut self.step)
    }

    /// Runs at most `count` steps, and one at least; gives their number.
    fn steps(&mut self, count: u32) -> Result<u32> {
        let clock = Clock::start();
        for done in 0..count {
            if done > 0 && clock.elapsed() >= self.most {
                return Ok(done);
            }
            let at = self.step.words.step as usize;
            for node in 0..self.calls.len() {
                self.call(node)?;
            }
            if self.step.words.halt == 0
                && let Some(results) = self.graph().results
            {
                let buffers = results.map(|v| self.ids[v.0].map(|id| &self.buffers[id]));
                self.rows.push(Row::of(self.graph(), buffers, at));
            }
        }
        Ok(count)
    }
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
        self.rows.clear();
        Ok(())
    }

    fn pace(&mut self, submission: Duration, wait: Duration) {
        self.most = submission.min(wait); // a submission is done when it returns
    }

    fn submit(&mut self, most: u32) -> Result<u32> {
        let count = most.min(STEPS).min(self.steps.saturating_sub(self.step.words.step));
        self.swap()?;
        let done = self.steps(count);
        self.swap()?;
        done
    }

    fn poll(&mut self, _wait: bool) -> Result<Status> {
        Ok(Status { words: self.step.words, rows: std::mem::take(&mut self.rows), in_flight: 0 })
    }

    fn download(&mut self, value: Value) -> Result<Buffer<f64>> {
        let missing = || Error::argument("value", "one that the program keeps", value.0);
        self.swap()?;
        let buffer = self.ids[value.0].map(|id| match self.graph().ty(value).dtype {
            Dtype::F32 => Buffer::Float(self.buffers[id].float().iter().map(|&v| f64::from(v)).collect()),
            Dtype::U32 => Buffer::Index(self.buffers[id].indices().to_vec()),
        });
        self.swap()?;
        buffer.ok_or_else(missing)
    }

    fn run_node(&mut self, node: usize) -> Result<()> {
        self.swap()?;
        let done = self.call(node);
        self.swap()?;
        done
    }

    fn program(&self) -> Option<&Program> {
        Some(&self.program)
    }

    fn step(&mut self) -> Result<StepState<f64>> {
        Ok(self.step.widen())
    }
}
