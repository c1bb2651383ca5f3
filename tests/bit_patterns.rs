//! Every elementwise function and its derivative on every kind of f32: all exponents and signs, zeros, denormals,
//! infinities, NaN, and numbers that it is not defined for; those of two arguments on pairs of such numbers.

mod common;

use std::sync::Arc;

use wgrad::check::{Reference, graph_of, jobs};
use wgrad::device::Upload;
use wgrad::graph::{Buffer, StepState, StepTable, ulp};
use wgrad::ops::{Case, Function, Needs, UnaryBackward, UnaryOp, binary_rows};
use wgrad::program::Options;
use wgrad::random::{Philox, Purpose};
use wgrad::{Device, Result, Tensor, Type};

/// Numbers of each exponent and sign.
const MANTISSAS: u32 = 128;

/// Of each exponent and sign the least, the next, the largest and random ones.
fn numbers() -> Vec<f32> {
    let mut random = Philox::new(1, Purpose::Initializer, 1 << 42);
    let mut mantissa = |i| match i {
        0 | 1 => i,
        2 => 0x7f_ffff,
        _ => random.word() & 0x7f_ffff,
    };
    let of_sign = (0..512u32).flat_map(|high| (0..MANTISSAS).map(move |i| (high << 23, i)));
    of_sign.map(|(high, i)| f32::from_bits(high | mantissa(i))).collect()
}

/// What an op of f32 gives on a device.
fn run(device: &Device, case: &Case, inputs: &[Vec<f32>], outputs: usize) -> Result<Vec<Buffer<f64>>> {
    let (graph, values) = graph_of(case, &vec![true; outputs])?;
    let (graph, options) = (Arc::new(graph), Options::default());
    let storage = device.storage(&graph.variables, &options)?;
    let mut executable = device.load(&graph, &storage, &options)?;
    for (&value, input) in values.iter().zip(inputs) {
        executable.upload(value, Upload::Tensor(&Tensor::new([input.len()], input.clone())?))?;
    }
    executable.begin(&table())?;
    executable.run_node(0)?;
    graph.nodes[0].outputs.iter().map(|&output| executable.download(output)).collect()
}

fn table() -> StepTable {
    StepTable { rows: vec![1], columns: vec![vec![]], first: 0 }
}

/// The largest error of an op in ULP, where its bar is little more than that; and what is beyond its bar, in words.
fn measure(device: &Device, case: &Case, inputs: &[Vec<f32>]) -> (f64, Option<String>) {
    let wide = |v: &Vec<f32>| Buffer::Float(v.iter().map(|&v| v.into()).collect());
    let types: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let outputs = case.op.infer(&types.iter().collect::<Vec<_>>()).expect("types that fit").len();
    let got = run(device, case, inputs, outputs).unwrap_or_else(|e| panic!("{case:?}: {e}"));
    let mut step = StepState::<f64>::new();
    step.begin(&table());
    let before = vec![Some(Buffer::Float(vec![0.0; inputs[0].len()])); outputs];
    let inputs64: Vec<Buffer<f64>> = inputs.iter().map(wide).collect();
    let reference = Reference::new(&*case.op, &types, &inputs64, &before, &step).expect("an f64 kernel");
    let worst = reference.worst(&got).expect("elements");
    let at: Vec<f32> = inputs.iter().map(|input| input[worst.index]).collect();
    let failure = (worst.error > 1.0).then(|| format!("{:?} at {at:?}: {worst}", case.op));
    let elements = reference.outputs.iter().zip(&got).zip(&reference.bars);
    let elements = elements.flat_map(|((want, got), bars)| want.float().iter().zip(got.float()).zip(bars));
    // The suite takes NaN for an infinity, which sums need; a single function gives the infinity.
    let infinite = |((want, got), _): &((&f64, &f64), &f64)| want.is_infinite() && got != want;
    let not_infinite = elements.clone().position(|element| infinite(&element)).map(|index| {
        let at: Vec<f32> = inputs.iter().map(|input| input[index % input.len()]).collect();
        format!("{:?} at {at:?}: an infinity is another number", case.op)
    });
    let failure = failure.or(not_infinite);
    let counted = elements.filter(|((want, _), bar)| **bar < 16.0 * ulp(**want) && want.abs() <= f32::MAX.into());
    (counted.map(|((want, got), _)| (got - want).abs() / ulp(*want)).fold(0.0, f64::max), failure)
}

fn check(device: &Device) {
    let x = numbers();
    let ty = || Type::f32([x.len()]);
    let mut failures = vec![];
    for function in Function::all() {
        let forward = Case::new(UnaryOp(function), [ty()]);
        let (f, failed) = measure(device, &forward, std::slice::from_ref(&x));
        failures.extend(failed);
        let backward = Case::new(UnaryBackward::new(function), [ty(), ty()]);
        let f32_f = function.f::<f32>();
        let seen = x.iter().map(|&x| if function.row.needs == Needs::Output { f32_f(x) } else { x });
        let (df, failed) = measure(device, &backward, &[vec![1.0; x.len()], seen.collect()]);
        failures.extend(failed);
        println!("{device}: {function:?}: f {f:.2} ULP, df {df:.2} ULP");
    }
    assert!(failures.is_empty(), "on {device}:\n{}", failures.join("\n"));
}

#[test]
fn every_kind_of_number() {
    common::on_every_device("every_kind_of_number", check);
}

/// Numbers where functions of two arguments change their ways, of either sign: ends of the range, whole numbers and
/// halves, even and odd up to where all are even, and 2^53, where that is so in f64.
fn turning_points() -> Vec<f32> {
    let whole = [1.0, 2.0, 3.0, 7.0, 8_388_607.0, 8_388_609.0, 16_777_215.0, 16_777_218.0, 16_777_222.0];
    let others = [0.0, 0.5, 1.5, 0.999_999_94, 1.000_000_1, 100.25, 4_194_303.5, 1e-20, 1e10, 1e19, 1e30];
    let powers = [31, 52, 53, 54, 62, 63].map(|n| 2f32.powi(n));
    let ends = [f32::MIN_POSITIVE, 1e-40, f32::from_bits(1), f32::MAX, f32::INFINITY, f32::NAN];
    let all = whole.into_iter().chain(others).chain(powers).chain(ends);
    all.flat_map(|x| [x, -x]).collect()
}

#[test]
fn every_kind_of_pair() {
    common::on_every_device("every_kind_of_pair", |device| {
        let points = turning_points();
        let mut failures = vec![];
        for name in binary_rows().flat_map(|row| [row.name.to_string(), format!("{}_backward", row.name)]) {
            let Some(job) = jobs(|op| op == name).into_iter().next() else { continue }; // no gradient of its own
            let mut case = job.case;
            // A quotient's bar is for divisors within 2^126 and its reciprocal; a driver may multiply a denormal as 0.
            let (quotient, product) =
                (name.starts_with("divide"), ["multiply", "power_"].iter().any(|n| name.starts_with(n)));
            let is_far = |b: f32| b.is_subnormal() || b.is_normal() && b.abs() > 2f32.powi(126);
            let fits = |a: f32, b: f32| !(quotient && is_far(b) || product && (a.is_subnormal() || b.is_subnormal()));
            let pairs = points.iter().flat_map(|&a| points.iter().map(move |&b| (a, b)));
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.filter(|&(a, b)| fits(a, b)).unzip();
            let len = a.len();
            case.inputs.iter_mut().for_each(|input| input.ty = Type::f32([len]));
            let dy = (case.inputs.len() == 3).then(|| vec![1.0; len]);
            let inputs: Vec<Vec<f32>> = dy.into_iter().chain([a, b]).collect();
            let (ulps, failed) = measure(device, &case, &inputs);
            failures.extend(failed);
            println!("{device}: {name}: {ulps:.2} ULP");
        }
        assert!(failures.is_empty(), "on {device}:\n{}", failures.join("\n"));
    });
}
