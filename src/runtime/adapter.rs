//! Adapters: what a machine has, ranked, and the choice among them.

use std::fmt;

use super::api;
use crate::error::{Error, Result};

/// What an adapter is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU of a virtual machine.
    Virtual,
    /// A GPU that does not say; a browser never does.
    Other,
    /// A CPU that plays a GPU: llvmpipe, SwiftShader, WARP. Taken only where it is named.
    Software,
}

impl AdapterKind {
    /// What a user wants to know first: `software` for a CPU that plays a GPU, else `gpu`.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::Discrete | Self::Integrated | Self::Virtual | Self::Other => "gpu",
        }
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Software => "software",
        })
    }
}

/// What a device can take.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a buffer.
    pub max_buffer_bytes: u64,
    /// Bytes of a storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of a uniform binding.
    pub max_uniform_bytes: u64,
    /// Storage buffers of a kernel.
    pub storage_buffers_per_stage: u32,
    /// Workgroups of a launch along x, y or z.
    pub workgroups_per_dimension: u32,
    /// Bytes that a workgroup shares.
    pub workgroup_memory_bytes: u32,
    /// Invocations of a workgroup.
    pub invocations_per_workgroup: u32,
    /// The fewest lanes of a subgroup.
    pub subgroup_min: u32,
    /// The most lanes of a subgroup.
    pub subgroup_max: u32,
    /// The offset of a storage or uniform binding is a multiple of this.
    pub storage_alignment: u32,
}

/// What an adapter says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterInfo {
    /// The name, as the driver gives it.
    pub name: String,
    /// What it is.
    pub kind: AdapterKind,
    /// The interface that reaches it: "vulkan", "metal", "dx12" or "webgpu".
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// What it can take.
    pub limits: Limits,
    /// What it has beyond the guaranteed: some of "f16", "subgroups", "timestamps", "pipeline-cache",
    /// "cooperative-matrix".
    pub features: Vec<String>,
}

impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.kind, self.backend)
    }
}

impl AdapterInfo {
    pub(super) fn new((info, limits, features): (wgpu::AdapterInfo, wgpu::Limits, wgpu::Features)) -> Self {
        let driver = [info.driver.trim(), info.driver_info.trim()].join(" ");
        Self {
            kind: kind_of(info.device_type, &info.name),
            backend: backend_name(info.backend).to_string(),
            driver: driver.trim().to_string(),
            limits: Limits {
                max_buffer_bytes: limits.max_buffer_size,
                max_binding_bytes: limits.max_storage_buffer_binding_size,
                max_uniform_bytes: limits.max_uniform_buffer_binding_size,
                storage_buffers_per_stage: limits.max_storage_buffers_per_shader_stage,
                workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
                workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
                invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
                subgroup_min: info.subgroup_min_size,
                subgroup_max: info.subgroup_max_size,
                storage_alignment: limits
                    .min_storage_buffer_offset_alignment
                    .max(limits.min_uniform_buffer_offset_alignment),
            },
            features: feature_names(features),
            name: info.name,
        }
    }
}

fn kind_of(device_type: wgpu::DeviceType, name: &str) -> AdapterKind {
    // A software driver behind a layer that passes it off as a virtual GPU is still one.
    let software = ["llvmpipe", "swiftshader", "basic render"];
    if software.iter().any(|part| name.to_lowercase().contains(part)) {
        return AdapterKind::Software;
    }
    match device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Other => AdapterKind::Other,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
    }
}

fn backend_name(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "vulkan",
        wgpu::Backend::Metal => "metal",
        wgpu::Backend::Dx12 => "dx12",
        wgpu::Backend::BrowserWebGpu => "webgpu",
        wgpu::Backend::Gl => "gl",
        wgpu::Backend::Noop => "none",
    }
}

fn feature_names(features: wgpu::Features) -> Vec<String> {
    let named = [
        (wgpu::Features::SHADER_F16, "f16"),
        (wgpu::Features::SUBGROUP, "subgroups"),
        (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
        (wgpu::Features::PIPELINE_CACHE, "pipeline-cache"),
        (wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX, "cooperative-matrix"),
    ];
    named.iter().filter(|(feature, _)| features.contains(*feature)).map(|(_, name)| (*name).to_string()).collect()
}

/// An adapter that was found.
#[derive(Clone, Debug)]
pub struct Adapter {
    info: AdapterInfo,
    pub(super) raw: wgpu::Adapter,
}

impl Adapter {
    /// What it says of itself.
    pub fn info(&self) -> &AdapterInfo {
        &self.info
    }
}

/// All adapters of this machine, best first: discrete, integrated, virtual, other, software.
///
/// A machine without a driver has none. Native only: in a browser a program opens its device and gives it to
/// [`Gpu::from_wgpu`](crate::runtime::Gpu::from_wgpu).
///
/// # Errors
/// [`Error::DeviceLost`] if a driver fails while it is asked.
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters() -> Result<Vec<Adapter>> {
    let describe = |raw: wgpu::Adapter| Ok(Adapter { info: AdapterInfo::new(api::describe(&raw)?), raw });
    let mut found: Vec<Adapter> = api::adapters()?.into_iter().map(describe).collect::<Result<_>>()?;
    found.sort_by_key(|adapter| adapter.info.kind);
    Ok(found)
}

/// Which adapter is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The best real GPU.
    Real,
    /// The best adapter with this in its name, in any case; a software adapter too.
    Named(String),
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => f.write_str("a real GPU"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// The adapter that fits, or [`Error::NoAdapter`] with all that were found.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn select(wanted: &Wanted) -> Result<Adapter> {
    choose(adapters()?, Adapter::info, wanted)
}

fn choose<T>(found: Vec<T>, info: impl Fn(&T) -> &AdapterInfo, wanted: &Wanted) -> Result<T> {
    let tried: Vec<String> = found.iter().map(|item| info(item).to_string()).collect();
    let fits = |info: &AdapterInfo| match wanted {
        Wanted::Real => info.kind != AdapterKind::Software,
        Wanted::Named(name) => {
            !name.trim().is_empty() && info.name.to_lowercase().contains(&name.trim().to_lowercase())
        }
    };
    let best = found.into_iter().find(|item| fits(info(item)));
    best.ok_or_else(|| Error::NoAdapter { wanted: wanted.to_string(), tried })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, device_type: wgpu::DeviceType) -> AdapterInfo {
        let mut info = wgpu::AdapterInfo::new(device_type, wgpu::Backend::Vulkan);
        info.name = name.into();
        AdapterInfo::new((info, wgpu::Limits::default(), wgpu::Features::empty()))
    }

    fn pick(found: &[AdapterInfo], wanted: Wanted) -> Result<String> {
        choose(found.to_vec(), |info| info, &wanted).map(|info| info.name)
    }

    #[test]
    fn software_is_taken_only_by_name() {
        let software = named("llvmpipe (LLVM 15)", wgpu::DeviceType::Cpu);
        let gpu = named("Radeon", wgpu::DeviceType::DiscreteGpu);
        let both = [gpu, software.clone(), named("Virtio (llvmpipe)", wgpu::DeviceType::VirtualGpu)];
        assert_eq!(pick(&both, Wanted::Real).unwrap(), "Radeon");
        assert_eq!(pick(&both, Wanted::Named("LLVMpipe".into())).unwrap(), "llvmpipe (LLVM 15)");
        let Err(Error::NoAdapter { wanted, tried }) = pick(&both[1..2], Wanted::Real) else { panic!("none is real") };
        assert_eq!(wanted, "a real GPU");
        assert_eq!(tried, [software.to_string()]);
        assert!(matches!(pick(&both, Wanted::Named(" ".into())), Err(Error::NoAdapter { .. })));
        assert!(matches!(pick(&[], Wanted::Real), Err(Error::NoAdapter { tried, .. }) if tried.is_empty()));
        assert_eq!(both[2].kind, AdapterKind::Software);
    }

    #[test]
    fn kinds_rank_best_first() {
        use AdapterKind::*;
        let mut kinds = [Software, Other, Discrete, Virtual, Integrated];
        kinds.sort();
        assert_eq!(kinds, [Discrete, Integrated, Virtual, Other, Software]);
    }
}
