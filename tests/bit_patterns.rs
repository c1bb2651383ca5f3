//! Every elementwise function and its derivative on every kind of f32: all exponents and signs, zeros, denormals,
//! infinities, NaN, and numbers that it is not defined for.

mod common;

use std::sync::Arc;

use wgrad::check::{Reference, graph_of};
use wgrad::device::Upload;
use wgrad::graph::{Buffer, StepState, StepTable, ulp};
use wgrad::ops::{Case, Function, Needs, UnaryBackward, UnaryOp};
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
fn run(device: &Device, case: &Case, inputs: &[Vec<f32>]) -> Result<Buffer<f64>> {
    let (graph, values) = graph_of(case, &[true])?;
    let (graph, options) = (Arc::new(graph), Options::default());
    let storage = device.storage(&graph.variables, &options)?;
    let mut executable = device.load(&graph, &storage, &options)?;
    for (&value, input) in values.iter().zip(inputs) {
        executable.upload(value, Upload::Tensor(&Tensor::new([input.len()], input.clone())?))?;
    }
    executable.begin(&table())?;
    executable.run_node(0)?;
    executable.download(graph.nodes[0].outputs[0])
}

fn table() -> StepTable {
    StepTable { rows: vec![1], columns: vec![vec![]], first: 0 }
}

/// The largest error of an op in ULP, where its bar is little more than that; and what is beyond its bar, in words.
fn measure(device: &Device, case: &Case, inputs: &[Vec<f32>]) -> (f64, Option<String>) {
    let got = run(device, case, inputs).unwrap_or_else(|e| panic!("{case:?}: {e}"));
    let wide = |v: &Vec<f32>| Buffer::Float(v.iter().map(|&v| v.into()).collect());
    let types: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
    let mut step = StepState::<f64>::new();
    step.begin(&table());
    let before = [Some(Buffer::Float(vec![0.0; inputs[0].len()]))];
    let inputs64: Vec<Buffer<f64>> = inputs.iter().map(wide).collect();
    let reference = Reference::new(&*case.op, &types, &inputs64, &before, &step).expect("an f64 kernel");
    let got = [got];
    let worst = reference.worst(&got).expect("elements");
    let x = inputs.last().expect("an input")[worst.index];
    let failure = (worst.error > 1.0).then(|| format!("{:?} at {x:e}: {worst}", case.op));
    let elements = reference.outputs[0].float().iter().zip(got[0].float()).zip(&reference.bars[0]);
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
