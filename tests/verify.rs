//! An op of a program's own: what is wrong with it is found, named by its worst point, and can be written out.

mod common;

use std::borrow::Cow;
use std::path::Path;
use std::process::Command;

use wgpu::naga;
use wgrad::check::{Job, WorstCase, parity, reproduce, verify};
use wgrad::graph::{Args, Builder, Caps, Float, Launch, Measure, Node, OpDef, Site, Source, Tolerance, Value, Variant};
use wgrad::ops::{Case, add};
use wgrad::program::Options;
use wgrad::shape::Type;
use wgrad::{Device, Error, Result};

/// What is wrong with the op.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The kernel forgets a factor for one element.
    Number,
    /// The kernel writes past its output.
    Tail,
    /// The gradient forgets the factor.
    Gradient,
}

/// `y = 2 x`.
#[derive(Clone, Copy, Debug)]
struct Twice(Fault);

impl OpDef for Twice {
    fn name(&self) -> &str {
        "twice"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![inputs[0].clone()])
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let dx = |dy| if self.0 == Fault::Gradient { Ok(dy) } else { add(g, dy, dy) };
        Ok(vec![dy[0].map(dx).transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let pairs = args.outputs[0].float_mut().iter_mut().zip(args.inputs.float(0));
        pairs.for_each(|(y, &x)| *y = x + x);
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [guard, value] = match self.0 {
            Fault::Number => ["i < p.len", "select(2.0, 1.0, i == 6u) * x[i]"],
            Fault::Tail => ["i <= p.len", "2.0 * x[i]"],
            Fault::None | Fault::Gradient => ["i < p.len", "2.0 * x[i]"],
        };
        let text = format!(
            "struct Params {{ len: u32 }}
            @group(0) @binding(0) var<storage, read> x: array<f32>;
            @group(0) @binding(1) var<storage, read_write> y: array<f32>;
            @group(1) @binding(0) var<uniform> p: Params;
            @compute @workgroup_size(64)
            fn main(
                @builtin(global_invocation_id) id: vec3<u32>,
                @builtin(num_workgroups) grid: vec3<u32>,
            ) {{
                let i = id.y * grid.x * 64u + id.x;
                if ({guard}) {{ y[i] = {value}; }}
            }}"
        );
        let len = site.outputs[0].len();
        let launch = Launch::new(Source::new("twice.wgsl", Cow::Owned(text))).input(0).output(0);
        Ok(Variant::only(launch.size("len", len).cost(len.div_ceil(64) as u64, 1, len as u64)))
    }
}

fn case(fault: Fault, len: usize) -> Case {
    Case::new(Twice(fault), [Type::f32([len])])
}

fn cases(fault: Fault) -> Vec<Case> {
    [0, 1, 5, 7, 33, 65].map(|len| case(fault, len)).to_vec()
}

#[test]
fn a_right_op_passes() {
    common::on_every_device("a_right_op_passes", |device| {
        let rows = verify(device, &cases(Fault::None)).unwrap_or_else(|error| panic!("{device}: {error}"));
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert!(row.ok && row.op == "twice" && row.shapes == 6 && row.cases > 50, "{row}");
    });
}

#[test]
fn a_wrong_kernel_is_refused_with_the_worst_point() {
    common::on_every_adapter("a_wrong_kernel_is_refused_with_the_worst_point", |device| {
        match verify(device, &cases(Fault::Number)) {
            Err(Error::WrongNumber { op, variant, point, .. }) => {
                assert_eq!((op.as_str(), variant.as_str()), ("twice", "default"));
                assert_eq!((point.output, point.index, point.bar), (0, 6, 0.0));
                assert!(point.shape.starts_with("f32 [") && point.got * 2.0 == point.want, "{point}");
            }
            other => panic!("{device}: {other:?}"),
        }
        match verify(device, &cases(Fault::Tail)) {
            Err(Error::BrokenRule { op, rule, .. }) => {
                assert!(op == "twice" && rule.contains("belongs to no output"), "{rule}");
            }
            other => panic!("{device}: {other:?}"),
        }
    });
}

#[test]
fn a_wrong_derivative_is_refused_with_the_worst_point() {
    match verify(&Device::cpu(), &cases(Fault::Gradient)) {
        Err(Error::WrongGradient { op, input: 0, analytic, difference, .. }) => {
            assert_eq!(op, "twice");
            assert!((difference - 2.0 * analytic).abs() < 1e-6, "{analytic}, {difference}");
        }
        other => panic!("{other:?}"),
    }
}

/// Whether two compilers take the text; the second where it is installed.
fn compiles(text: &str, name: &str) {
    let module = naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(text)));
    let flags = naga::valid::ValidationFlags::all();
    let checked = naga::valid::Validator::new(flags, naga::valid::Capabilities::empty()).validate(&module);
    checked.unwrap_or_else(|error| panic!("{}", error.emit_to_string(text)));
    if Command::new("tint").arg("--help").output().is_ok() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, text).unwrap();
        let output = Command::new("tint").args(["--format", "wgsl", "-o", "/dev/null"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_failing_run_is_written_out_with_all_that_it_takes() {
    common::on_every_adapter("a_failing_run_is_written_out_with_all_that_it_takes", |device| {
        let job = Job { case: case(Fault::Number, 7), seed: 5 };
        let outcome = parity(device, &job.case, &Options::default(), job.seed).unwrap();
        let (place, worst) = outcome.worst.unwrap();
        let failing = WorstCase { place, worst, job: 0 };
        let about = ["adapter: one of a test".to_string()];
        let files = reproduce(&job, &failing, &device.caps(), &about).unwrap();
        let [(name, text)] = &files[..] else { panic!("one kernel, one file") };
        assert_eq!(name, "twice.default.wgsl");
        compiles(text, name);
        let (got, want) = ((failing.worst.got as f32).to_bits(), (failing.worst.want as f32).to_bits());
        for part in [
            "// adapter: one of a test",
            "// op: twice, variant default",
            &format!("// inputs: f32 [7]; {}, seed 5", failing.place.values),
            "// wrong: output 0[6]",
            &format!("({got:#010x})"),
            &format!("({want:#010x})"),
            "// launch 1 of 1: 1 x 1 x 1 workgroups",
            "group 0, binding 1, storage read_write: memory",
            "uniform: len 0x7",
            "input 0 (f32 [7]) from word 0",
            &format!(" {want:08x}\n"),
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    });
}

/// Every op can be written out: what fails on somebody's driver is none that was tried here.
#[test]
fn every_op_can_be_written_out() {
    let mut last = String::new();
    for job in wgrad::check::jobs(|_| true) {
        let len = job.case.inputs.iter().map(|input| input.ty.len()).max().unwrap_or(0);
        if job.op() == last || !(1..5000).contains(&len) {
            continue;
        }
        last = job.op().to_string();
        let outcome = parity(&Device::cpu(), &job.case, &Options::default(), job.seed).unwrap();
        let Some((mut place, worst)) = outcome.worst else { continue };
        let inputs: Vec<Type> = job.case.inputs.iter().map(|input| input.ty.clone()).collect();
        let outputs = job.case.op.infer(&inputs.iter().collect::<Vec<_>>()).unwrap();
        let (used, caps) = (vec![true; outputs.len()], Caps::default());
        let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps: &caps };
        place.variant = job.case.op.variants(&site).unwrap()[0].name.into();
        let failing = WorstCase { place, worst, job: 0 };
        for (name, text) in reproduce(&job, &failing, &Caps::default(), &[]).unwrap() {
            if text.contains("@compute") {
                compiles(&text, &name);
            }
        }
    }
}
