//! Devices: what loads a graph and runs it. A closed, small set; the set of ops is open.

mod cpu;
mod exact;
mod gpu;
mod receipt;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::graph::{Buffer, Caps, Float, Graph, StepState, StepTable, Value, Variables, Words};
use crate::oracle::{Oracle, zeros};
use crate::program::{Options, Program, plan};
use crate::runtime::{AdapterInfo, Counters, Gpu, Wanted, adapters, select};
use crate::shape::{Dtype, Type};
use crate::tensor::Tensor;

/// Where a model trains and predicts. Cloning shares it.
///
/// ```
/// let device = wgrad::Device::auto()?;
/// println!("{device}: {}", device.reason());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Device {
    kind: Kind,
    reason: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Cpu,
    Exact,
    Gpu(Gpu),
}

impl Device {
    /// The best device of this machine: a real GPU (discrete, integrated, other), else the CPU. A software adapter is
    /// never taken unless it is named: the CPU itself is faster.
    ///
    /// # Errors
    /// [`Error::Device`] or [`Error::DeviceLost`] where a GPU is there and its driver fails.
    pub fn auto() -> Result<Self> {
        match select(&Wanted::Real) {
            Ok(adapter) => {
                let reason = format!("the first of {} by rank that is a real GPU", adapters()?.len());
                Ok(Self { kind: Kind::Gpu(Gpu::open(&adapter)?), reason })
            }
            Err(Error::NoAdapter { tried, .. }) => {
                let reason = match tried.len() {
                    0 => "no GPU adapter was found".to_string(),
                    _ => format!("no real GPU was found, and software is taken only by name: {}", tried.join(", ")),
                };
                Ok(Self { kind: Kind::Cpu, reason })
            }
            Err(error) => Err(error),
        }
    }

    /// The CPU in f32.
    pub fn cpu() -> Self {
        Self { kind: Kind::Cpu, reason: "asked for".into() }
    }

    /// The CPU in f64: slow and exact, what every other device is compared with.
    pub fn cpu_f64() -> Self {
        Self { kind: Kind::Exact, reason: "asked for".into() }
    }

    /// A GPU that is open.
    pub fn gpu(gpu: Gpu) -> Self {
        Self { kind: Kind::Gpu(gpu), reason: "given by the program".into() }
    }

    /// `auto`, `cpu`, `cpu_f64`, `gpu` (a real one), or a part of an adapter's name; in any case.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] where there is none: a GPU that was asked for is never replaced.
    pub fn named(name: &str) -> Result<Self> {
        let wanted = match name.trim().to_lowercase().as_str() {
            "auto" => return Self::auto(),
            "cpu" => return Ok(Self::cpu()),
            "cpu_f64" => return Ok(Self::cpu_f64()),
            "gpu" => Wanted::Real,
            part if part.contains(char::is_alphabetic) => Wanted::Named(name.trim().into()),
            _ => {
                let expected = "auto, cpu, cpu_f64, gpu or a part of an adapter's name";
                return Err(Error::argument("device", expected, format!("`{name}`")));
            }
        };
        let gpu = Gpu::open(&select(&wanted)?)?;
        Ok(Self { kind: Kind::Gpu(gpu), reason: "asked for".into() })
    }

    /// Why this device was taken.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Cpu => "cpu",
            Kind::Exact => "cpu_f64",
            Kind::Gpu(gpu) => &gpu.info().name,
        }
    }

    /// `cpu`, `software` for a CPU that plays a GPU, or `gpu`.
    pub fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Cpu | Kind::Exact => "cpu",
            Kind::Gpu(gpu) => gpu.info().kind.class(),
        }
    }

    /// The interface that reaches it: `vulkan`, `metal`, `dx12`, `webgpu`, or `native`.
    pub fn backend(&self) -> &str {
        self.adapter().map_or("native", |info| &info.backend)
    }

    /// Whether it computes in f64.
    pub fn is_exact(&self) -> bool {
        matches!(self.kind, Kind::Exact)
    }

    /// What a GPU's adapter says of itself.
    pub fn adapter(&self) -> Option<&AdapterInfo> {
        match &self.kind {
            Kind::Gpu(gpu) => Some(gpu.info()),
            _ => None,
        }
    }

    /// What a GPU has done since it was opened.
    pub fn counters(&self) -> Option<Counters> {
        match &self.kind {
            Kind::Gpu(gpu) => Some(gpu.counters()),
            _ => None,
        }
    }

    /// What kernels are chosen by. The CPU says what WebGPU guarantees.
    pub fn caps(&self) -> Caps {
        match &self.kind {
            Kind::Gpu(gpu) => {
                let limits = gpu.limits();
                Caps {
                    max_binding_bytes: limits.max_binding_bytes,
                    workgroups_per_dimension: limits.workgroups_per_dimension,
                }
            }
            _ => Caps { max_binding_bytes: u64::MAX, ..Caps::default() },
        }
    }

    /// Memory for the variables of a model, zeros.
    ///
    /// # Errors
    /// [`Error::Limit`] and [`Error::OutOfMemory`].
    pub fn storage(&self, variables: &Arc<Variables>, options: &Options) -> Result<Storage> {
        let elements = elements(variables.iter().map(|v| &v.ty));
        match &self.kind {
            Kind::Cpu => cpu::room(elements.saturating_mul(4))?,
            Kind::Exact => cpu::room(elements.saturating_mul(8))?,
            Kind::Gpu(_) => {}
        }
        Ok(Storage(match &self.kind {
            Kind::Cpu => Memory::Cpu(Arc::new(Mutex::new(zeros(variables)))),
            Kind::Exact => Memory::Exact(Arc::new(Mutex::new(zeros(variables)))),
            Kind::Gpu(gpu) => Memory::Gpu(gpu::GpuStorage::new(gpu, variables, options.guard)?),
        }))
    }

    /// Makes a graph ready to run on the variables in `storage`.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::OutOfMemory`], [`Error::Device`].
    pub fn load(&self, graph: &Arc<Graph>, storage: &Storage, options: &Options) -> Result<Box<dyn Executable>> {
        graph.check()?;
        let program = || plan(Arc::clone(graph), &self.caps(), options);
        match (&self.kind, &storage.0) {
            (Kind::Cpu, Memory::Cpu(storage)) => {
                let program = program()?;
                cpu::room(program.memory_bytes())?;
                Ok(Box::new(cpu::CpuExecutable::new(program, storage.clone())))
            }
            (Kind::Exact, Memory::Exact(storage)) => {
                cpu::room(elements(&graph.types).saturating_mul(8))?;
                Ok(Box::new(exact::ExactExecutable::new(Oracle::new(Arc::clone(graph)), storage.clone())))
            }
            (Kind::Gpu(gpu), Memory::Gpu(storage)) => Ok(Box::new(gpu::GpuExecutable::new(gpu, program()?, storage)?)),
            _ => Err(Error::argument("storage", format!("that of {}", self.name()), "another device's")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Gpu(gpu) => write!(f, "{}", gpu.info()),
            _ => f.write_str(self.name()),
        }
    }
}

/// The variables of a model on a device.
#[derive(Clone, Debug)]
pub struct Storage(Memory);

#[derive(Clone, Debug)]
enum Memory {
    Cpu(cpu::CpuStorage<f32>),
    Exact(cpu::CpuStorage<f64>),
    Gpu(gpu::GpuStorage),
}

impl Storage {
    /// Sets variable `index`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the number of elements differs.
    pub fn write(&self, index: usize, tensor: &Tensor) -> Result<()> {
        match &self.0 {
            Memory::Cpu(storage) => put(storage, index, tensor.to_f32().into_owned()),
            Memory::Exact(storage) => put(storage, index, tensor.to_f64().into_owned()),
            Memory::Gpu(storage) => storage.write(index, &tensor.to_f32()),
        }
    }

    /// Reads variable `index`, of shape `ty`.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn read(&self, index: usize, ty: &Type) -> Result<Tensor> {
        match &self.0 {
            Memory::Cpu(storage) => Tensor::new(ty.shape.clone(), get(storage, index)?.float().to_vec()),
            Memory::Exact(storage) => Tensor::from_f64(ty.shape.clone(), get(storage, index)?.float().to_vec()),
            Memory::Gpu(storage) => Tensor::new(ty.shape.clone(), storage.read(index)?),
        }
    }
}

/// All of them together.
fn elements<'a>(types: impl IntoIterator<Item = &'a Type>) -> u64 {
    types.into_iter().fold(0, |sum: u64, ty| sum.saturating_add(ty.len() as u64))
}

fn unknown(index: usize) -> Error {
    Error::argument("a variable's index", "one of the model", index)
}

fn put<F: Float>(storage: &cpu::CpuStorage<F>, index: usize, data: Vec<F>) -> Result<()> {
    let mut variables = lock(storage)?;
    let variable = variables.get_mut(index).ok_or_else(|| unknown(index))?;
    if variable.float().len() != data.len() {
        return Err(Error::shape("variable", format!("{} elements", variable.float().len()), data.len()));
    }
    *variable = Buffer::Float(data);
    Ok(())
}

fn get<F: Float>(storage: &cpu::CpuStorage<F>, index: usize) -> Result<Buffer<F>> {
    lock(storage)?.get(index).cloned().ok_or_else(|| unknown(index))
}

/// A lock that a panic of another thread has not spoilt.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| Error::DeviceLost { reason: "a thread that used it panicked".into() })
}

/// What the host uploads as a value.
#[derive(Clone, Copy, Debug)]
pub enum Upload<'a> {
    /// For a value of dtype f32.
    Tensor(&'a Tensor),
    /// For a value of dtype u32.
    Index(&'a [u32]),
}

impl Upload<'_> {
    fn check(&self, ty: &Type) -> Result<()> {
        let (dtype, len) = match self {
            Self::Tensor(tensor) => (Dtype::F32, tensor.len()),
            Self::Index(index) => (Dtype::U32, index.len()),
        };
        if (dtype, len) == (ty.dtype, ty.len()) {
            return Ok(());
        }
        Err(Error::shape("upload", ty.to_string(), format!("{len} of {dtype}")))
    }

    fn widen(&self) -> Buffer<f64> {
        match self {
            Self::Tensor(tensor) => Buffer::Float(tensor.to_f64().into_owned()),
            Self::Index(index) => Buffer::Index(index.to_vec()),
        }
    }
}

/// The results of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Of the partial results in f32.
    pub sums: Vec<f64>,
    /// Of the partial results in u32.
    pub counts: Vec<u32>,
}

impl Row {
    /// Step `at` of the results of all steps of a graph.
    fn of<F: Float>(graph: &Graph, buffers: [Option<&Buffer<F>>; 2], at: usize) -> Self {
        let width = |i: usize| graph.results.map_or(0, |r| graph.ty(r[i]).shape.without_batch().len());
        let at = |i: usize| at * width(i)..(at + 1) * width(i);
        let sums = buffers[0].and_then(|b| b.float().get(at(0))).unwrap_or_default();
        let counts = buffers[1].and_then(|b| b.indices().get(at(1))).unwrap_or_default();
        Self { sums: sums.iter().map(|v| v.to_f64()).collect(), counts: counts.to_vec() }
    }
}

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Where it stood at the last submission that has finished.
    pub words: Words,
    /// Results of steps that finished since the last look, in order.
    pub rows: Vec<Row>,
    /// Submissions that have not finished.
    pub in_flight: usize,
}

/// A graph loaded on a device.
pub trait Executable: fmt::Debug + Send {
    /// Sets data.
    ///
    /// # Errors
    /// [`Error::Shape`] where dtype or length are not the value's.
    fn upload(&mut self, value: Value, data: Upload<'_>) -> Result<()>;

    /// Goes to the first step of a table. Nothing may be in flight.
    ///
    /// # Errors
    /// [`Error::Argument`] where the table does not fit the graph.
    fn begin(&mut self, table: &StepTable) -> Result<()>;

    /// Sends off the next steps, at most `most` and as many as a submission should have; gives their number.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn submit(&mut self, most: u32) -> Result<u32>;

    /// Looks at what has finished; with `wait`, waits for the oldest submission.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] where the receipt of a submission is wrong, or does not come.
    fn poll(&mut self, wait: bool) -> Result<Status>;

    /// What a value holds.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn download(&mut self, value: Value) -> Result<Buffer<f64>>;

    /// Runs the launches of one node, and waits: what checks do.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn run_node(&mut self, node: usize) -> Result<()>;

    /// The step protocol as it stands, in f64.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn step(&mut self) -> Result<StepState<f64>>;

    /// What it runs; the oracle runs the graph itself.
    fn program(&self) -> Option<&Program>;

    /// The words of an arena, for checks of what stands around values; `None` where there are no arenas.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn arena(&mut self, arena: usize) -> Result<Option<Vec<u32>>> {
        let _ = arena;
        Ok(None)
    }

    /// Fills an arena, where there are arenas.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    fn fill_arena(&mut self, arena: usize, words: &[u32]) -> Result<()> {
        let _ = (arena, words);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_no_machine_has_is_an_error_and_no_abort() {
        let huge = Type::f32([1 << 40]);
        let all = elements(std::iter::repeat_n(&huge, 1 << 21)).saturating_mul(8);
        assert!(matches!(cpu::room(all), Err(Error::OutOfMemory { need, .. }) if need == all));
        assert!(cpu::room(1 << 10).is_ok());
    }
}
