//! Every kernel as it is composed: naga takes it, WebGPU's guarantees hold it, its interface is that of its launch.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::kernels::{KERNELS, check_each, must, validate};

/// Invocations of a workgroup and bytes that they share, bytes of a uniform: what WebGPU guarantees.
const MOST_INVOCATIONS: u32 = 256;
const MOST_WORKGROUP_BYTES: u32 = 16_384;
const MOST_UNIFORM_BYTES: u32 = 65_536;

/// What the one entry point `main` asks of a workgroup: invocations, and bytes of memory as WebGPU counts them, each
/// variable rounded up to 16.
fn workgroup(module: &naga::Module, info: &naga::valid::ModuleInfo) -> (u32, u32) {
    let [main] = &module.entry_points[..] else { panic!("{} entry points", module.entry_points.len()) };
    assert_eq!(main.name, "main");
    let of_workgroup = module.global_variables.iter().filter(|(_, v)| v.space == naga::AddressSpace::WorkGroup);
    let used = of_workgroup.filter(|(handle, _)| !info.get_entry_point(0)[*handle].is_empty());
    let bytes = used.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx()).next_multiple_of(16));
    (main.workgroup_size.iter().product(), bytes.sum())
}

/// Built-in functions whose error WGSL leaves to the driver, or bounds so widely that no bar of a kernel would hold.
fn inexact(module: &naga::Module) -> Vec<naga::MathFunction> {
    use naga::MathFunction as F;
    let functions = module.functions.iter().map(|(_, f)| f).chain(module.entry_points.iter().map(|e| &e.function));
    let called = functions.flat_map(|f| f.expressions.iter()).filter_map(|(_, expression)| match expression {
        naga::Expression::Math { fun, .. } => Some(*fun),
        _ => None,
    });
    let inexact = called.filter(|f| {
        let powers = matches!(f, F::Exp | F::Exp2 | F::Log | F::Log2 | F::Pow | F::Ldexp);
        let hyperbolic = matches!(f, F::Sinh | F::Cosh | F::Tanh | F::Asinh | F::Acosh | F::Atanh);
        powers || hyperbolic || matches!(f, F::Sin | F::Cos | F::Tan | F::Asin | F::Acos | F::Atan | F::Atan2)
    });
    inexact.collect()
}

#[test]
fn naga_takes_every_kernel() {
    check_each(|_, kernel| validate(&kernel.text).map(|_| ()));
    println!("{} kernels", KERNELS.len());
}

#[test]
fn every_kernel_fits_the_workgroup_that_webgpu_guarantees() {
    check_each(|_, kernel| {
        let (module, info) = validate(&kernel.text)?;
        let (invocations, bytes) = workgroup(&module, &info);
        must(invocations <= MOST_INVOCATIONS, || format!("{invocations} invocations in a workgroup"))?;
        must(bytes <= MOST_WORKGROUP_BYTES, || format!("{bytes} bytes of workgroup memory"))
    });
}

#[test]
fn no_kernel_calls_an_inexact_builtin() {
    check_each(|_, kernel| {
        let found = inexact(&validate(&kernel.text)?.0);
        must(found.is_empty(), || format!("{found:?}: shaders/lib has functions of known accuracy"))
    });
}

#[test]
fn the_measures_see_what_they_should() {
    let text = "
        var<workgroup> tile: array<vec3<f32>, 4>;
        var<workgroup> one: u32;
        var<workgroup> unused: array<f32, 9000>;
        fn f(x: f32) -> f32 { one = 1u; return pow(exp(x), max(x, clamp(x, 0.0, 1.0))); }
        @compute @workgroup_size(8, 4, 2)
        fn main(@builtin(local_invocation_index) i: u32) { tile[i % 4u].x = f(tanh(f32(i))); }";
    let (module, info) = validate(text).expect("a kernel");
    assert_eq!(workgroup(&module, &info), (64, 64 + 16));
    let mut found: Vec<String> = inexact(&module).iter().map(|f| format!("{f:?}")).collect();
    found.sort();
    assert_eq!(found, ["Exp", "Pow", "Tanh"]);
}

/// Names and offsets of the words of the struct in group 1, where an array's name is repeated; and its bytes.
fn params(module: &naga::Module) -> (Vec<(String, u32)>, u32) {
    let uniform = module.global_variables.iter().map(|(_, variable)| variable);
    let uniform = uniform.filter(|v| v.binding.as_ref().is_some_and(|b| (b.group, b.binding) == (1, 0)));
    let (mut words, mut size) = (vec![], 0);
    for variable in uniform {
        assert_eq!(variable.space, naga::AddressSpace::Uniform);
        let ty = &module.types[variable.ty];
        assert_eq!(ty.name.as_deref(), Some("Params"));
        let naga::TypeInner::Struct { members, span } = &ty.inner else { panic!("Params is no struct: {ty:?}") };
        size += span;
        for member in members {
            let name = member.name.clone().unwrap_or_default();
            let bytes = module.types[member.ty].inner.size(module.to_ctx());
            words.extend((0..bytes / 4).map(|word| (name.clone(), member.offset + 4 * word)));
        }
    }
    (words, size)
}

#[test]
fn params_are_those_of_the_launch() {
    check_each(|_, kernel| {
        let mirror = kernel.launch.params.iter().enumerate().map(|(i, (name, _))| ((*name).to_string(), 4 * i as u32));
        let mirror: Vec<(String, u32)> = mirror.collect();
        let (words, size) = params(&validate(&kernel.text)?.0);
        must(words == mirror, || format!("Params is {words:?}, and its launch gives {mirror:?}"))?;
        must(size == 4 * mirror.len() as u32, || format!("Params has {size} bytes for {} words", mirror.len()))?;
        must(size <= MOST_UNIFORM_BYTES, || format!("Params has {size} bytes"))
    });
}

#[test]
fn bindings_are_those_of_the_launch() {
    check_each(|_, kernel| {
        let module = validate(&kernel.text)?.0;
        let mut declared = BTreeMap::new();
        for (_, variable) in module.global_variables.iter() {
            if let (Some(binding), naga::AddressSpace::Storage { access }) = (&variable.binding, variable.space) {
                must(binding.group == 0, || format!("a storage buffer in group {}", binding.group))?;
                declared.insert(binding.binding as usize, access.contains(naga::StorageAccess::STORE));
            }
        }
        let wanted = kernel.launch.binds.iter().map(|bind| bind.writes()).enumerate().collect();
        must(declared == wanted, || format!("written bindings are {declared:?}, and its launch has {wanted:?}"))
    });
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of shaders") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_file_is_part_of_a_kernel() {
    let mut found = vec![];
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders"), &mut found);
    for file in found {
        let text = std::fs::read_to_string(&file).expect("a file of WGSL");
        let used = KERNELS.iter().any(|kernel| kernel.text.contains(text.trim_end()));
        assert!(used, "{} is not used", file.display());
    }
}

#[test]
fn every_file_that_is_named_exists() {
    check_each(|_, kernel| {
        let lines = kernel.text.lines().filter_map(|line| line.strip_prefix("// uses: "));
        for name in lines.flat_map(|line| line.split(", ")) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders").join(name);
            let used = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            must(kernel.text.contains(used.trim_end()), || format!("it names {name} and does not hold it"))?;
        }
        Ok(())
    });
}
