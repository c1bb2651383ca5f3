//! Elementwise neighbours are one launch, and give what they give apart.

mod common;

use std::sync::Arc;

use wgrad::device::Upload;
use wgrad::graph::{Buffer, Caps, Graph, StepTable, Variables};
use wgrad::ops::{add, binary, constant, multiply, sum, unary};
use wgrad::prelude::*;
use wgrad::program::{Options, Program, plan};

fn planned(graph: &Arc<Graph>, apart: bool) -> Program {
    plan(Arc::clone(graph), &Caps::default(), &Options { apart, ..Options::default() }).unwrap()
}

fn names(program: &Program) -> Vec<String> {
    program.graph.nodes.iter().map(|node| node.op.name().to_string()).collect()
}

/// The graph of some ops on rows `[9, 5]` and one `[5]`, read from outside.
fn graph(of: impl Fn(&Builder, Value, Value) -> Result<Vec<Value>>) -> Arc<Graph> {
    let g = Builder::new(Arc::new(Variables::default()));
    let (x, row) = (g.data(Type::f32([9, 5])), g.data(Type::f32([5])));
    of(&g, x, row).unwrap().into_iter().for_each(|value| g.output(value));
    Arc::new(g.finish())
}

/// `tanh(relu(x · 2 − row)) · x`, five ops and a number.
fn five(g: &Builder, x: Value, row: Value) -> Result<Vec<Value>> {
    let scaled = multiply(g, x, constant(g, 2.0)?)?;
    let moved = binary(g, wgrad::ops::Subtract, scaled, row)?;
    let y = unary(g, Tanh, unary(g, Relu, moved)?)?;
    Ok(vec![multiply(g, y, x)?])
}

#[test]
fn a_chain_of_five_is_one_launch() {
    let graph = graph(five);
    assert_eq!(names(&planned(&graph, true)).len(), 6);
    let program = planned(&graph, false);
    assert_eq!(names(&program), ["step_value+multiply+subtract+relu+2 more"]);
    assert_eq!((program.launches().count(), program.violations().len()), (1, 0));
    assert_eq!(program.launches().next().unwrap().bindings.len(), 4); // x, row, y and the step
}

#[test]
fn what_others_read_is_written_and_what_must_wait_stays_apart() {
    // relu(x) is read by a sum, and its tanh is added to that sum: the addition must wait for it.
    let graph = graph(|g, x, _| {
        let y = unary(g, Relu, x)?;
        let sums = sum(g, y, &[0], true)?;
        Ok(vec![add(g, unary(g, Tanh, y)?, sums)?])
    });
    assert_eq!(names(&planned(&graph, false)), ["relu+tanh", "sum", "add"]);
}

#[test]
fn more_than_a_kernel_binds_is_not_merged() {
    let g = Builder::new(Arc::new(Variables::default()));
    let data: Vec<Value> = (0..12).map(|_| g.data(Type::f32([7]))).collect();
    let total = data[1..].iter().try_fold(data[0], |total, &x| add(&g, total, x)).unwrap();
    g.output(total);
    let program = planned(&Arc::new(g.finish()), false);
    assert!(program.launches().all(|launch| launch.bindings.len() <= 8), "{program}");
    assert_eq!(program.launches().count(), 2, "{program}");
}

struct Twin<const OTHER: bool>;

impl<const OTHER: bool> Elementwise for Twin<OTHER> {
    const NAME: &'static str = "twin";
    const F: &'static str = if OTHER { "2.0 * x" } else { "3.0 * x" };
    const DF: &'static str = if OTHER { "2.0" } else { "3.0" };
    fn f<F: Float>(x: F) -> F {
        F::of(if OTHER { 2.0 } else { 3.0 }) * x
    }
    fn df<F: Float>(_: F) -> F {
        F::of(if OTHER { 2.0 } else { 3.0 })
    }
}

#[test]
fn two_functions_of_one_name_stay_apart() {
    let graph = graph(|g, x, _| Ok(vec![unary(g, Custom(Twin::<true>), unary(g, Custom(Twin::<false>), x)?)?]));
    assert_eq!(names(&planned(&graph, false)), ["twin", "twin"]);
    let graph = self::graph(|g, x, _| Ok(vec![unary(g, Custom(Twin::<true>), unary(g, Custom(Twin::<true>), x)?)?]));
    assert_eq!(names(&planned(&graph, false)), ["twin+twin"]);
}

#[test]
fn a_layer_of_an_activation_joins_its_neighbours() {
    let mut model = Sequential::new()
        .add(Rescaling::new(0.5).offset(-1.0).input_shape([3]))
        .add(Activation::new(Relu))
        .add(Dense::new(1))
        .build(&Device::cpu())
        .unwrap();
    model.compile(Sgd::default(), MeanSquaredError, ["mse"; 0]).unwrap();
    let program = model.explain(8).unwrap();
    // The rows are taken, rescaled and activated: of eight ops, two are left before the layer that trains.
    assert_eq!(names(&program)[..3], ["row_gather", "step_value+multiply+step_value+add+1 more", "dense"], "{program}");
}

/// What a graph gives on a device.
fn run(device: &Device, graph: &Arc<Graph>, apart: bool) -> Vec<f64> {
    let options = Options { apart, ..Options::default() };
    let storage = device.storage(&graph.variables, &options).unwrap();
    let mut run = device.load(graph, &storage, &options).unwrap();
    for (i, &value) in graph.data.iter().enumerate() {
        let shape = graph.ty(value).shape.clone();
        let values = (0..shape.len()).map(|at| ((at * 29 + 7 * i) % 41) as f32 / 11.0 - 1.7).collect();
        run.upload(value, Upload::Tensor(&Tensor::new(shape, values).unwrap())).unwrap();
    }
    let columns = graph.columns.iter().map(|column| (column.rule)(0)).collect();
    run.begin(&StepTable { rows: vec![9], columns: vec![columns], first: 0 }).unwrap();
    let nodes = run.program().map_or(graph.nodes.len(), |program| program.graph.nodes.len());
    (0..nodes).for_each(|node| run.run_node(node).unwrap());
    let read = |&value| match run.download(value).unwrap() {
        Buffer::Float(values) => values,
        Buffer::Index(_) => panic!("numbers"),
    };
    graph.outputs.iter().flat_map(read).collect()
}

#[test]
fn a_chain_gives_what_its_ops_give() {
    let graph = graph(five);
    let exact = run(&Device::cpu_f64(), &graph, false);
    common::on_every_device("a_chain_gives_what_its_ops_give", |device| {
        for apart in [false, true] {
            for (got, want) in run(device, &graph, apart).iter().zip(&exact) {
                assert!((got - want).abs() <= 1e-6 * want.abs().max(1e-3), "{device}: {got} and {want}");
            }
        }
    });
}

#[test]
fn more_axes_than_a_kernel_follows_are_not_merged() {
    let g = Builder::new(Arc::new(Variables::default()));
    let x = g.data(Type::f32([2; 8]));
    let a = g.data(Type::f32([2, 1, 1, 2, 2, 1, 1, 1]));
    let b = g.data(Type::f32([2, 2, 1, 1, 2, 2, 1, 1]));
    g.output(add(&g, multiply(&g, x, a).unwrap(), b).unwrap());
    assert_eq!(names(&planned(&Arc::new(g.finish()), false)), ["multiply", "add"]);
}
