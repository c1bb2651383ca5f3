//! Kernels compiled into pipelines, each source once.

use std::sync::{Arc, OnceLock};

use super::api::{Compiled, PipelineCall};
use super::faults::lock;
use super::gpu::Gpu;
use crate::error::{Error, Result};

/// How a kernel uses a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BindingKind {
    /// `var<storage, read>`.
    ReadOnly,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// A kernel in WGSL with its interface; the entry point is `main`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KernelSource {
    /// The name, for errors and debuggers; two sources that differ only in it are one pipeline.
    pub(crate) label: String,
    /// The whole text.
    pub(crate) wgsl: String,
    /// The storage buffers of group 0, in order.
    pub(crate) bindings: Vec<BindingKind>,
    /// Whether group 1 binding 0 is a uniform buffer.
    pub(crate) params: bool,
    /// Whether it is wgrad's own, with loops that are known to end. Others run with all checks.
    pub(crate) trusted: bool,
}

impl KernelSource {
    fn key(&self) -> Self {
        Self { label: String::new(), ..self.clone() }
    }
}

/// A compiled kernel.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(super) compiled: Compiled,
    label: String,
    storage: usize,
}

impl Pipeline {
    /// The label of the source that it was compiled from.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The number of storage buffers in group 0.
    pub(crate) fn storage(&self) -> usize {
        self.storage
    }
}

impl Gpu {
    /// The pipelines of sources, in their order. What was not compiled before is compiled now, on all cores.
    ///
    /// # Errors
    /// `Limit` if a kernel binds more storage buffers than the device has; `Device` with the label and the compiler's
    /// text if a source does not compile: the first such source in order.
    pub(crate) fn pipelines(&self, sources: &[KernelSource]) -> Result<Vec<Arc<Pipeline>>> {
        for source in sources {
            let (need, limit) = (source.bindings.len() as u64, u64::from(self.limits().storage_buffers_per_stage));
            if need > limit {
                let what = format!("kernel {}", source.label);
                return Err(Error::Limit { what, name: "storage buffers", need, limit });
            }
        }
        let keys: Vec<KernelSource> = sources.iter().map(KernelSource::key).collect();
        let mut missing: Vec<Job<'_>> = Vec::new();
        {
            let known = lock(self.kernels());
            let mut seen = std::collections::HashSet::new();
            for (source, key) in sources.iter().zip(&keys) {
                if !known.contains_key(key) && seen.insert(key) {
                    missing.push(Job { source, key, made: OnceLock::new() });
                }
            }
        }
        self.compile_all(&missing);
        let mut known = lock(self.kernels());
        for job in missing {
            if let Some(made) = job.made.into_inner() {
                known.entry(job.key.clone()).or_insert(made?);
            }
        }
        let find = |(key, source): (&KernelSource, &KernelSource)| {
            known.get(key).cloned().ok_or_else(|| Error::Device {
                call: format!("Device::create_compute_pipeline ({})", source.label),
                reason: "it was not compiled".into(),
            })
        };
        keys.iter().zip(sources).map(find).collect()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn compile_all(&self, jobs: &[Job<'_>]) {
        use std::sync::atomic::{AtomicUsize, Ordering};
        // The compiler recurses with the source; threads have 2 MiB unless told otherwise.
        const STACK: usize = 8 << 20;
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.compile(job);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // A thread that does not start leaves its work to the others.
                let _ = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            }
            work();
        });
    }

    #[cfg(target_arch = "wasm32")]
    fn compile_all(&self, jobs: &[Job<'_>]) {
        jobs.iter().for_each(|job| self.compile(job));
    }

    fn compile(&self, job: &Job<'_>) {
        let KernelSource { label, wgsl, bindings, params, trusted } = job.source;
        let storage: Vec<bool> = bindings.iter().map(|&kind| kind == BindingKind::ReadOnly).collect();
        let call = PipelineCall { label, wgsl, storage: &storage, params: *params, trusted: *trusted };
        let made = self.api().pipeline(&call).map(|compiled| {
            self.tally().compiled();
            Arc::new(Pipeline { compiled, label: label.clone(), storage: storage.len() })
        });
        // Each job is done by one thread, so its place is empty.
        let _ = job.made.set(made);
    }
}

struct Job<'a> {
    source: &'a KernelSource,
    key: &'a KernelSource,
    made: OnceLock<Result<Arc<Pipeline>>>,
}
