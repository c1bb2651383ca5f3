//! The program of a whole training step: its launches, and the rules that every browser has.

use std::sync::Arc;

use wgrad::graph::{Builder, Caps, Graph, Report};
use wgrad::layers::{ActivationFunction, Placed};
use wgrad::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
use wgrad::metrics::{MetricSpec, Observed};
use wgrad::ops::{Targets, row_gather, step_end, store_rows};
use wgrad::optimizers::{Adam, Optimizer, Sgd};
use wgrad::program::{Options, Program, plan};
use wgrad::{Dense, Device, Layer, Linear, LogSoftmax, Model, Relu, Sequential, Sigmoid, Softmax, Type};

fn classifier(layers: &[usize]) -> wgrad::Model {
    let mut model = Sequential::new();
    for (i, &units) in layers.iter().enumerate() {
        let layer = Dense::new(units).activation(Relu);
        model = model.add(if i == 0 { layer.input_shape([10]) } else { layer.into() });
    }
    let mut model = model.add(Dense::new(1).activation(Sigmoid)).build(&Device::cpu()).unwrap();
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy", "mse"]).unwrap();
    model
}

#[test]
fn a_step_is_two_launches_a_layer_and_three() {
    let mut model = classifier(&[64, 32]);
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    let program = model.explain(32).unwrap();
    let names: Vec<&str> = program.steps.iter().map(|s| program.graph.nodes[s.node].op.name()).collect();
    let expected = [
        "dense",
        "dense",
        "dense",
        "binary_crossentropy_logits",
        "dense_backward",
        "dense_backward",
        "dense_backward",
        "adam",
        "step_end",
    ];
    assert_eq!(names, expected);
    assert_eq!(program.launches().count(), 9);
    println!("{program}");
}

#[test]
fn a_softmax_that_only_the_loss_and_the_accuracy_read_is_not_launched() {
    let mut model = model(&[16, 5], Softmax);
    let names = |model: &Model| -> Vec<String> {
        let program = model.explain(32).unwrap();
        program.steps.iter().map(|s| program.graph.nodes[s.node].op.name().to_string()).collect()
    };
    let expected =
        |loss: &str| ["dense", "dense", loss, "dense_backward", "dense_backward", "adam", "step_end"].join(" ");
    model.compile(Adam::default(), CategoricalCrossentropy::default(), ["accuracy"]).unwrap();
    assert_eq!(names(&model).join(" "), expected("categorical_crossentropy_logits"));
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), ["accuracy"]).unwrap();
    assert_eq!(names(&model).join(" "), expected("sparse_categorical_crossentropy_logits"));
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["mse"]).unwrap();
    assert!(names(&model).contains(&"softmax".to_string()), "a softmax' logits are none of a sigmoid");
}

/// Units of the layers: one layer to three, and more than a tile has.
const LAYERS: [&[usize]; 4] = [&[1], &[257, 1], &[64, 32, 1], &[3, 300, 5]];
/// The last one is summed by more than one launch.
const BATCHES: [usize; 5] = [1, 7, 32, 1025, 40_000];

fn model(layers: &[usize], last: impl Into<ActivationFunction>) -> Model {
    let (units, hidden) = layers.split_last().unwrap();
    let shaped = |i: usize, layer: Dense| if i == 0 { layer.input_shape([10]) } else { Placed::from(layer) };
    let model = hidden
        .iter()
        .enumerate()
        .fold(Sequential::new(), |model, (i, &units)| model.add(shaped(i, Dense::new(units).activation(Relu))));
    model.add(shaped(hidden.len(), Dense::new(*units).activation(last))).build(&Device::cpu()).unwrap()
}

fn check(program: &Program, what: &str) {
    assert_eq!(program.violations(), [""; 0], "{what}\n{program}");
    assert!(program.launches().count() > 1, "{what}\n{program}");
}

/// The program of a pass that trains nothing, as a model makes it: scores by a loss, or without one predictions.
fn pass(model: &Model, loss: Option<&dyn Loss>, batch: usize, rows: usize) -> wgrad::Result<Program> {
    let g = Builder::new(Arc::new(model.variables().clone()));
    let (x, permutation) = (g.data(Type::f32([rows, 10])), g.data(Type::u32([rows])));
    let p = model.call(&g, &[row_gather(&g, x, permutation, batch)?], false)?[0];
    match loss {
        Some(loss) => {
            let target = loss.target(&Type::f32(g.ty(p).shape.without_batch()))?;
            let (y, weights) = (g.data(Type::f32(target.shape.with_batch(rows))), g.data(Type::f32([rows])));
            let [y, weights] = [y, weights].map(|data| row_gather(&g, data, permutation, batch));
            let targets = Targets { y: y?, weights: weights? };
            let names = metrics(loss);
            let loss = loss.call(&g, p, targets, None)?;
            g.report(Report::mean("loss", loss.sums, loss.terms_per_row));
            for &name in names {
                let (_, metric) = MetricSpec::from(name).resolve()?;
                let measured = metric.call(&g, Observed { p, targets, loss: &loss, weighted: false })?;
                g.report(measured.report(name, None));
            }
        }
        None => g.output(store_rows(&g, p, rows)?),
    }
    step_end(&g, rows.div_ceil(batch))?;
    planned(Arc::new(g.finish()))
}

/// A program with what WebGPU guarantees: the CPU binds more.
fn planned(graph: Arc<Graph>) -> wgrad::Result<Program> {
    plan(graph, &Caps::default(), &Options::default())
}

/// The metrics that fit the targets of a loss.
fn metrics(loss: &dyn Loss) -> &'static [&'static str] {
    if loss.name().starts_with("sparse") { &["accuracy"] } else { &["accuracy", "mse"] }
}

/// All three programs of a model that is compiled.
fn keeps_the_rules<L: Loss + Copy + 'static>(model: &mut Model, optimizer: impl Optimizer + 'static, loss: L) {
    let name = format!("{optimizer:?}, {loss:?}, {:?}", model.variables());
    model.compile(optimizer, loss, metrics(&loss).iter().copied()).unwrap();
    for batch in BATCHES {
        let graph = model.explain(batch).unwrap().graph;
        check(&planned(graph).unwrap(), &format!("training: {name}, batch {batch}"));
        for rows in [batch, 3 * batch + 1] {
            let evaluation = pass(model, Some(&loss), batch, rows).unwrap();
            check(&evaluation, &format!("evaluation: {name}, batch {batch}, {rows} rows"));
            check(&pass(model, None, batch, rows).unwrap(), &format!("prediction: {name}, batch {batch}, {rows} rows"));
        }
    }
}

/// A model with a loss, trained by each optimizer.
fn with_each_optimizer(layers: &[usize], last: impl Into<ActivationFunction>, loss: impl Loss + Copy + 'static) {
    let mut model = model(layers, last);
    keeps_the_rules(&mut model, Sgd::default(), loss);
    keeps_the_rules(&mut model, Sgd::default().momentum(0.9), loss);
    keeps_the_rules(&mut model, Sgd::default().momentum(0.9).nesterov(true), loss);
    keeps_the_rules(&mut model, Adam::default(), loss);
}

#[test]
fn programs_of_whole_graphs_keep_the_rules() {
    for layers in LAYERS {
        with_each_optimizer(layers, Sigmoid, BinaryCrossentropy::default()); // from logits
        with_each_optimizer(layers, Linear, BinaryCrossentropy::default()); // from probabilities
        with_each_optimizer(layers, Linear, BinaryCrossentropy::default().from_logits(true));
        with_each_optimizer(layers, Linear, MeanSquaredError);
        with_each_optimizer(layers, Sigmoid, MeanSquaredError);
        with_each_optimizer(layers, Softmax, CategoricalCrossentropy::default()); // from logits
        with_each_optimizer(layers, Relu, CategoricalCrossentropy::default()); // from probabilities
        with_each_optimizer(layers, Softmax, SparseCategoricalCrossentropy::default());
        with_each_optimizer(layers, LogSoftmax, MeanAbsoluteError);
    }
}

#[test]
fn the_summary_is_that_of_keras() {
    let expected = "\
Model: \"sequential\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 64)             │           704 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 32)             │         2,080 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_2 (Dense)                 │ (None, 1)              │            33 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 8,451 (33.01 KB)
 Trainable params: 2,817 (11.00 KB)
 Non-trainable params: 0 (0.00 B)
 Optimizer params: 5,634 (22.01 KB)
";
    assert_eq!(classifier(&[64, 32]).summary(), expected);
}
