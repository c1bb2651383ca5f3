//! Every kernel as it is composed: the compilers of browsers and drivers take it, with the options that wgpu gives them.
//!
//! Options are those of wgpu-hal 30 for a trusted module without zeroed workgroup memory, as `src/runtime/api.rs` makes
//! its pipelines: `vulkan/adapter.rs` and `vulkan/device.rs`, `dx12/device.rs`, `metal/device.rs`; the oldest and the
//! newest of each.

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::kernels::{KERNELS, Kernel, check_each, must, validate};
use naga::back::{hlsl, msl, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::{AddressSpace, Module, ResourceBinding, ShaderStage};

/// Whether a program is on the PATH.
fn installed(program: &str) -> bool {
    Command::new(program).arg("--help").output().is_ok()
}

/// Chromium compiles with Tint, which checks more than naga: barriers in uniform control flow above all. Its program
/// `tint` comes with Dawn; where it is not installed this says so, which `WGRAD_REQUIRE_GPU` turns into a failure.
#[test]
fn tint_takes_every_kernel() {
    if !installed("tint") {
        assert!(!common::gpu_required(), "WGRAD_REQUIRE_GPU is set and there is no program `tint` on the PATH");
        println!("not run: no program `tint` on the PATH, so naga alone has checked the kernels");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    std::fs::create_dir_all(&folder).expect("a folder for kernels");
    check_each(|place, kernel| tint(&folder.join(format!("{place}.wgsl")), &kernel.text));
    println!("tint took {} kernels", KERNELS.len());
}

fn tint(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    let output = Command::new("tint").args(["--format", "wgsl", "-o", "/dev/null"]).arg(file).output();
    let output = output.map_err(|error| format!("tint: {error}"))?;
    must(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn tint_refuses_what_naga_takes() {
    if !installed("tint") {
        return println!("not run: no program `tint` on the PATH");
    }
    let text = "
        var<workgroup> tile: array<f32, 64>;
        @compute @workgroup_size(64)
        fn main(@builtin(local_invocation_index) i: u32) { if (i < 32u) { workgroupBarrier(); } tile[i] = 1.0; }";
    validate(text).expect("naga does not look at what a barrier stands in");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("barrier.wgsl");
    assert!(tint(&file, text).unwrap_err().contains("uniform control flow"));
}

/// The capabilities that wgpu allows on every device.
fn capabilities() -> impl Iterator<Item = spv::Capability> {
    use spv::Capability as C;
    let plain = [C::Shader, C::Matrix, C::Sampled1D, C::Image1D, C::ImageQuery, C::DerivativeControl];
    plain.into_iter().chain([C::StorageImageExtendedFormats])
}

/// SPIR-V as wgpu makes it for a device of a Vulkan version, which checks accesses to buffers by itself or not.
fn spirv(kernel: &Kernel, version: (u8, u8), robust: bool) -> Result<Vec<u32>, String> {
    let (module, info) = validate(&kernel.text)?;
    let buffer = if robust { BoundsCheckPolicy::Unchecked } else { BoundsCheckPolicy::Restrict };
    let options = spv::Options {
        lang_version: version,
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        fake_missing_bindings: false,
        binding_map: bindings(&module).map(|(at, _)| (at, target(at))).collect(),
        capabilities: Some(capabilities().collect()),
        bounds_check_policies: BoundsCheckPolicies { buffer, ..restrict() },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        use_storage_input_output_16: false,
        ..spv::Options::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: "main".into() };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).map_err(|error| error.to_string())
}

/// The place of a binding in Vulkan: that of WebGPU, since no group has arrays of bindings.
fn target(at: ResourceBinding) -> spv::BindingInfo {
    spv::BindingInfo { descriptor_set: at.group, binding: at.binding, binding_array_size: None }
}

fn restrict() -> BoundsCheckPolicies {
    let checked = BoundsCheckPolicy::Restrict;
    BoundsCheckPolicies {
        index: checked,
        buffer: checked,
        image_load: checked,
        binding_array: BoundsCheckPolicy::Unchecked,
    }
}

/// The bindings of a module, with whether each is written; `None` for the uniform.
fn bindings(module: &Module) -> impl Iterator<Item = (ResourceBinding, Option<bool>)> {
    module.global_variables.iter().filter_map(|(_, variable)| {
        let written = match variable.space {
            AddressSpace::Storage { access } => Some(access.contains(naga::StorageAccess::STORE)),
            _ => None,
        };
        variable.binding.map(|binding| (binding, written))
    })
}

#[test]
fn spirv_is_valid() {
    let validator = installed("spirv-val");
    check_each(|_, kernel| {
        for (version, robust, environment) in [((1, 0), false, "vulkan1.0"), ((1, 6), true, "vulkan1.3")] {
            let words = spirv(kernel, version, robust)?;
            if validator {
                spirv_val(&words, environment).map_err(|reason| format!("{environment}: {reason}"))?;
            }
        }
        Ok(())
    });
    match validator {
        true => println!("spirv-val took {} kernels", KERNELS.len()),
        false => println!("no program `spirv-val` on the PATH, so naga alone has looked at the SPIR-V it wrote"),
    }
}

fn spirv_val(words: &[u32], environment: &str) -> Result<(), String> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut command = Command::new("spirv-val");
    command
        .args(["--target-env", environment, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("spirv-val: {error}"))?;
    // It reads all before it writes. If it ends earlier, its status says why.
    let _ = child.stdin.take().map(|mut input| input.write_all(&bytes));
    let output = child.wait_with_output().map_err(|error| format!("spirv-val: {error}"))?;
    let said = || String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    must(output.status.success(), said)
}

#[test]
fn spirv_val_refuses_what_is_broken() {
    if !installed("spirv-val") {
        return println!("not run: no program `spirv-val` on the PATH");
    }
    let kernel = &KERNELS[0];
    let mut words = spirv(kernel, (1, 0), false).expect("SPIR-V");
    assert_eq!(spirv_val(&words, "vulkan1.0"), Ok(()));
    words.pop();
    assert!(spirv_val(&words, "vulkan1.0").is_err());
}

/// HLSL as wgpu makes it: registers in one space, counted by kind; the number of workgroups comes after them.
fn write_hlsl(kernel: &Kernel, shader_model: hlsl::ShaderModel) -> Result<(), String> {
    let (module, info) = validate(&kernel.text)?;
    let (mut constants, mut read, mut written) = <(hlsl::BindTarget, hlsl::BindTarget, hlsl::BindTarget)>::default();
    let mut binding_map = hlsl::BindingMap::default();
    for (at, access) in sorted(&module) {
        let counter = match access {
            None => &mut constants,
            Some(false) => &mut read,
            Some(true) => &mut written,
        };
        binding_map.insert(at, *counter);
        counter.register += 1;
    }
    let options = hlsl::Options {
        shader_model,
        binding_map,
        fake_missing_bindings: false,
        special_constants_binding: Some(constants),
        zero_initialize_workgroup_memory: false,
        restrict_indexing: true,
        force_loop_bounding: false,
        ..hlsl::Options::default()
    };
    let pipeline = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, "main".into())) };
    let mut text = String::new();
    let mut writer = hlsl::Writer::new(&mut text, &options, &pipeline);
    let reflection = writer.write(&module, &info, None).map_err(|error| error.to_string())?;
    entry_point(reflection.entry_point_names)
}

/// The bindings in the order of groups and bindings, as a layout has them.
fn sorted(module: &Module) -> BTreeSet<(ResourceBinding, Option<bool>)> {
    bindings(module).collect()
}

/// A backend's writer gives the one entry point a name, or says why it cannot.
fn entry_point<E: std::fmt::Display>(names: Vec<Result<String, E>>) -> Result<(), String> {
    must(names.len() == 1, || format!("{} entry points", names.len()))?;
    names.into_iter().try_for_each(|name| name.map(|_| ()).map_err(|error| error.to_string()))
}

#[test]
fn hlsl_is_written() {
    check_each(|_, kernel| {
        write_hlsl(kernel, hlsl::ShaderModel::V5_1)?;
        write_hlsl(kernel, hlsl::ShaderModel::V6_9)
    });
}

/// MSL as wgpu makes it: buffers counted through all groups, then one with the sizes of the others.
fn write_msl(kernel: &Kernel, lang_version: (u8, u8)) -> Result<(), String> {
    let (module, info) = validate(&kernel.text)?;
    let mut resources = msl::EntryPointResources::default();
    let mut slot = 0;
    for (at, access) in sorted(&module) {
        let mutable = access == Some(true);
        resources.resources.insert(at, msl::BindTarget { buffer: Some(slot), mutable, ..msl::BindTarget::default() });
        slot += 1;
    }
    resources.sizes_buffer = Some(slot);
    // Metal has 31 slots for buffers.
    must(slot < 31, || format!("{slot} buffers"))?;
    let options = msl::Options {
        lang_version,
        per_entry_point_map: [("main".to_string(), resources)].into(),
        fake_missing_bindings: false,
        bounds_check_policies: restrict(),
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: false,
        ..msl::Options::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, "main".into())),
        vertex_pulling_transform: true,
        ..msl::PipelineOptions::default()
    };
    let (_, written) = msl::write_string(&module, &info, &options, &pipeline).map_err(|error| error.to_string())?;
    entry_point(written.entry_point_names)
}

#[test]
fn msl_is_written() {
    check_each(|_, kernel| {
        write_msl(kernel, (1, 2))?;
        write_msl(kernel, (4, 0))
    });
}
