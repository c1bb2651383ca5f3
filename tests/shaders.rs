//! Every kernel as it is composed for any case: two compilers take it, and its `Params` are those of its launch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use wgpu::naga;
use wgrad::Type;
use wgrad::graph::{Caps, Launch, Site, compose};
use wgrad::ops::{Case, FAMILIES};

/// Invocations of a workgroup and bytes that they share, which WebGPU guarantees.
const MOST_INVOCATIONS: u32 = 256;
const MOST_WORKGROUP_BYTES: u32 = 16_384;

/// The launches of a case, with all outputs read, and with each alone.
fn launches(case: &Case) -> Vec<Launch> {
    let inputs: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&inputs.iter().collect::<Vec<_>>()).expect("types that fit");
    let alone = (0..outputs.len()).map(|only| (0..outputs.len()).map(|i| i == only).collect());
    let masks = std::iter::once(vec![true; outputs.len()]).chain(alone);
    let of = |used: Vec<bool>| {
        let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps: &Caps::default() };
        case.op.variants(&site).expect("variants")
    };
    masks.flat_map(of).flat_map(|variant| variant.launches).collect()
}

/// Every kernel once: its text, and the op and launch that it is of.
fn kernels() -> BTreeMap<String, (String, Launch)> {
    let mut kernels = BTreeMap::new();
    for case in FAMILIES.iter().flat_map(|family| (family.cases)()) {
        for launch in launches(&case) {
            kernels.entry(compose(&launch).text).or_insert_with(|| (case.op.name().to_string(), launch));
        }
    }
    assert!(kernels.len() > 20, "{} kernels", kernels.len());
    kernels
}

fn parse(text: &str) -> naga::Module {
    naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}\n{text}", e.emit_to_string(text)))
}

/// The module of a text that naga finds valid, with what it has found out.
fn validate(op: &str, text: &str) -> (naga::Module, naga::valid::ModuleInfo) {
    let module = parse(text);
    let flags = naga::valid::ValidationFlags::all();
    let checked = naga::valid::Validator::new(flags, naga::valid::Capabilities::empty()).validate(&module);
    let info = checked.unwrap_or_else(|error| panic!("{op}: {}", error.emit_to_string(text)));
    (module, info)
}

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
    for (text, (op, _)) in kernels() {
        validate(&op, &text);
    }
}

#[test]
fn every_kernel_fits_the_workgroup_that_webgpu_guarantees() {
    let mut most = (0, 0);
    for (text, (op, _)) in kernels() {
        let (module, info) = validate(&op, &text);
        let (invocations, bytes) = workgroup(&module, &info);
        assert!(invocations <= MOST_INVOCATIONS, "{op}: {invocations} invocations in a workgroup");
        assert!(bytes <= MOST_WORKGROUP_BYTES, "{op}: {bytes} bytes of workgroup memory");
        most = (most.0.max(invocations), most.1.max(bytes));
    }
    println!("at most {} invocations in a workgroup, {} bytes of its memory", most.0, most.1);
}

#[test]
fn no_kernel_calls_an_inexact_builtin() {
    for (text, (op, _)) in kernels() {
        assert_eq!(inexact(&parse(&text)), [], "{op}: shaders/lib has functions of known accuracy");
    }
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
    let (module, info) = validate("a test", text);
    assert_eq!(workgroup(&module, &info), (64, 64 + 16));
    let mut found: Vec<String> = inexact(&module).iter().map(|f| format!("{f:?}")).collect();
    found.sort();
    assert_eq!(found, ["Exp", "Pow", "Tanh"]);
}

/// Chromium compiles with Tint, which checks more than naga: barriers in uniform control flow above all. Its program
/// `tint` comes with Dawn; where it is not installed this says so and passes.
#[test]
fn tint_takes_every_kernel() {
    if Command::new("tint").arg("--help").output().is_err() {
        println!("not run: no program `tint` on the PATH, so naga alone has checked the kernels");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    std::fs::create_dir_all(&folder).expect("a folder for kernels");
    for (number, (text, (op, _))) in kernels().into_iter().enumerate() {
        let file = folder.join(format!("{number}.wgsl"));
        std::fs::write(&file, &text).expect("a file for a kernel");
        let output = Command::new("tint").args(["--format", "wgsl", "-o", "/dev/null"]).arg(&file).output();
        let output = output.expect("tint runs");
        assert!(output.status.success(), "{op}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Names and offsets of the words of the struct in group 1; an array's name is repeated.
fn params(module: &naga::Module) -> Vec<(String, u32)> {
    let uniform = module.global_variables.iter().map(|(_, variable)| variable);
    let uniform = uniform.filter(|v| v.binding.as_ref().is_some_and(|b| (b.group, b.binding) == (1, 0)));
    let mut words = vec![];
    for variable in uniform {
        let ty = &module.types[variable.ty];
        assert_eq!(ty.name.as_deref(), Some("Params"));
        let naga::TypeInner::Struct { members, .. } = &ty.inner else { panic!("Params is no struct: {ty:?}") };
        for member in members {
            let name = member.name.clone().unwrap_or_default();
            let bytes = module.types[member.ty].inner.size(module.to_ctx());
            words.extend((0..bytes / 4).map(|word| (name.clone(), member.offset + 4 * word)));
        }
    }
    words
}

#[test]
fn params_are_those_of_the_launch() {
    for (text, (op, launch)) in kernels() {
        let names = launch.params.iter().enumerate().map(|(i, (name, _))| ((*name).to_string(), 4 * i as u32));
        assert_eq!(names.collect::<Vec<_>>(), params(&parse(&text)), "{op}");
    }
}

#[test]
fn bindings_are_those_of_the_launch() {
    for (text, (op, launch)) in kernels() {
        let module = parse(&text);
        let mut declared = BTreeMap::new();
        for (_, variable) in module.global_variables.iter() {
            if let (Some(binding), naga::AddressSpace::Storage { access }) = (&variable.binding, variable.space) {
                assert_eq!(binding.group, 0, "{op}");
                declared.insert(binding.binding as usize, access.contains(naga::StorageAccess::STORE));
            }
        }
        let wanted: BTreeMap<usize, bool> = launch.binds.iter().map(|bind| bind.writes()).enumerate().collect();
        assert_eq!(declared, wanted, "{op}: which bindings are written");
    }
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
    let kernels = kernels();
    for file in found {
        let text = std::fs::read_to_string(&file).expect("a file of WGSL");
        assert!(kernels.keys().any(|kernel| kernel.contains(text.trim_end())), "{} is not used", file.display());
    }
}

#[test]
fn every_file_that_is_named_exists() {
    for (text, (op, _)) in kernels() {
        let named = text.lines().filter_map(|line| line.strip_prefix("// uses: ")).flat_map(|line| line.split(", "));
        for path in named {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders").join(path);
            let used = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{op}: {}: {e}", path.display()));
            assert!(text.contains(used.trim_end()), "{op} names {} and does not hold it", path.display());
        }
    }
}
