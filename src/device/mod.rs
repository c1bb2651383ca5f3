//! Devices: what loads a graph and runs it. A closed, small set; the set of ops is open.

mod bind;
mod cpu;
mod exact;
mod executable;
mod gpu;
mod gpu_storage;
#[cfg(not(target_arch = "wasm32"))]
mod peaks;
mod receipt;
mod storage;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

pub use executable::{Executable, Image, Row, Status, Upload};
#[cfg(not(target_arch = "wasm32"))]
pub use peaks::{Peaks, Work, peak_launches};
pub use storage::Storage;

use crate::device::storage::Memory;
use crate::error::{Error, Result};
use crate::graph::{Caps, Graph, Variables};
use crate::oracle::{Oracle, zeros};
use crate::program::{Options, Reuse, plan};
use crate::runtime::{AdapterInfo, Counters, Gpu, Wanted, adapters, select};
use crate::shape::Type;

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

    /// What kernels are chosen by. The CPU, which launches none, has no limit on a binding.
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
            Kind::Gpu(gpu) => Memory::Gpu(gpu_storage::GpuStorage::new(gpu, variables, options.guard)?),
        }))
    }

    /// Refuses a graph that this device could not run, before memory is taken for it.
    pub(crate) fn check(&self, graph: &Arc<Graph>) -> Result<()> {
        graph.check()?;
        match self.kind {
            Kind::Exact => Ok(()),
            _ => plan(Arc::clone(graph), &self.caps(), &Options::default()).map(drop),
        }
    }

    /// Makes a graph ready to run on the variables in `storage`.
    ///
    /// # Errors
    /// [`Error::Limit`], [`Error::OutOfMemory`], [`Error::Device`].
    pub fn load(&self, graph: &Arc<Graph>, storage: &Storage, options: &Options) -> Result<Box<dyn Executable>> {
        graph.check()?;
        let caps = options.caps.clone().unwrap_or_else(|| self.caps());
        let program = || plan(Arc::clone(graph), &caps, options);
        match (&self.kind, &storage.0) {
            (Kind::Cpu, Memory::Cpu(storage)) => {
                let program = program()?;
                cpu::room(program.memory_bytes())?;
                Ok(Box::new(cpu::CpuExecutable::new(program, storage.clone(), options.variant)))
            }
            (Kind::Exact, Memory::Exact(storage)) => {
                cpu::room(elements(&graph.types).saturating_mul(8))?;
                Ok(Box::new(exact::ExactExecutable::new(Oracle::new(Arc::clone(graph)), storage.clone())))
            }
            (Kind::Gpu(gpu), Memory::Gpu(storage)) => {
                let share = options.reuse == Reuse::On;
                Ok(Box::new(gpu::GpuExecutable::new(gpu, program()?, storage, share)?))
            }
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

/// All of them together.
fn elements<'a>(types: impl IntoIterator<Item = &'a Type>) -> u64 {
    types.into_iter().fold(0, |sum: u64, ty| sum.saturating_add(ty.len() as u64))
}

/// A lock that a panic of another thread has not spoilt.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| Error::DeviceLost { reason: "a thread that used it panicked".into() })
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
