//! A loaded training step against the oracle, node by node on its own values: on every device.

mod common;

use std::sync::Arc;

use wgrad::check::nodes;
use wgrad::device::Upload;
use wgrad::graph::{Builder, Graph, Report, Squash, StepTable, Value, Variable, VariableKind, Variables};
use wgrad::ops::{
    Adam, BINARY_CROSSENTROPY_LOGITS, Relu, Sigmoid, Targets, adam, dense, pointwise_loss, row_gather, step_end,
    store_rows,
};
use wgrad::program::Options;
use wgrad::random::{Philox, Purpose};
use wgrad::{Device, Tensor, Type};

const ROWS: usize = 43;
const BATCH: usize = 16;
const FEATURES: usize = 10;
const UNITS: usize = 33;
const STEPS: usize = 3;

/// A classifier with one hidden layer, and its data: x, y, weights, permutation.
struct Trained {
    graph: Arc<Graph>,
    data: [Value; 4],
}

fn variables() -> Variables {
    let mut variables = Variables::default();
    let shapes = [Type::f32([FEATURES, UNITS]), Type::f32([UNITS]), Type::f32([UNITS, 1]), Type::f32([1])];
    let kinds = [VariableKind::Parameter, VariableKind::Moment, VariableKind::Moment];
    for (group, kind) in kinds.into_iter().enumerate() {
        for (i, ty) in shapes.iter().enumerate() {
            variables.add(Variable { name: format!("{group}/{i}"), ty: ty.clone(), kind }).expect("a new name");
        }
    }
    variables
}

fn trace() -> wgrad::Result<Trained> {
    let g = Builder::new(Arc::new(variables()));
    let data = [Type::f32([ROWS, FEATURES]), Type::f32([ROWS, 1]), Type::f32([ROWS]), Type::u32([STEPS * BATCH])];
    let data = data.map(|ty| g.data(ty));
    let [x, y, weights, permutation] = data;
    let of = |group: usize| (0..4).map(|i| g.variable(4 * group + i)).collect::<wgrad::Result<Vec<Value>>>();
    let (p, m, v) = (of(0)?, of(1)?, of(2)?);
    let rows = |value| row_gather(&g, value, permutation, BATCH);
    let hidden = dense(&g, rows(x)?, p[0], Some(p[1]), Relu)?;
    let scores = dense(&g, hidden, p[2], Some(p[3]), Sigmoid)?;
    let logits = g.logits_of(scores, Squash::Sigmoid).expect("a sigmoid remembers its logits");
    let weight = g.column("loss weight", |_| 1.0);
    let alpha = g.column("adam", |_| 0.01);
    let targets = Targets { y: rows(y)?, weights: rows(weights)? };
    let loss = pointwise_loss(&g, &BINARY_CROSSENTROPY_LOGITS, logits, targets, (1.0, 0.0), Some(weight))?;
    let gradients = g.gradients(&[(loss.prediction, loss.gradient)], &p)?;
    let gradients: Vec<Value> = gradients.into_iter().map(|d| d.expect("every parameter has a gradient")).collect();
    let op = Adam { parameters: 4, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, column: alpha, decay: None };
    for (index, value) in adam(&g, op, &p, &gradients, &m, &v)?.into_iter().enumerate() {
        g.write(index, value);
    }
    // Nothing takes these over: the rows themselves, and the scores of all steps.
    g.output(rows(x)?);
    g.output(store_rows(&g, scores, STEPS * BATCH)?);
    g.report(Report::mean("loss", loss.sums, 1));
    g.report(Report::mean("accuracy", loss.counts, 1));
    step_end(&g, STEPS)?;
    Ok(Trained { graph: Arc::new(g.finish()), data })
}

/// What is wrong with the data.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NotANumber,
    BadIndex,
}

/// Three steps, the last of fewer rows, all nodes of each; gives the weights and the word of the last step.
fn train(device: &Device, fault: Fault) -> wgrad::Result<(Vec<f32>, u32)> {
    let Trained { graph, data: [x, y, weights, permutation] } = trace()?;
    let options = Options::default();
    let storage = device.storage(&graph.variables, &options)?;
    let mut random = Philox::new(1, Purpose::Initializer, 0);
    let mut uniform =
        |n: usize, scale: f32| -> Vec<f32> { (0..n).map(|_| scale * (random.uniform_f32() - 0.5)).collect() };
    for (index, variable) in graph.variables.iter().enumerate().take(4) {
        storage.write(index, &Tensor::new(variable.ty.shape.clone(), uniform(variable.ty.len(), 1.0))?)?;
    }
    let mut run = device.load(&graph, &storage, &options)?;
    let mut rows = uniform(ROWS * FEATURES, 4.0);
    // In the second step's rows.
    if fault == Fault::NotANumber {
        rows[17 * FEATURES + 3] = f32::NAN;
    }
    let labels: Vec<f32> = (0..ROWS).map(|i| f32::from(rows[i * FEATURES] > 0.0)).collect();
    run.upload(x, Upload::Tensor(&Tensor::new([ROWS, FEATURES], rows)?))?;
    run.upload(y, Upload::Tensor(&Tensor::new([ROWS, 1], labels)?))?;
    run.upload(weights, Upload::Tensor(&Tensor::new([ROWS], vec![1.0; ROWS])?))?;
    let mut order: Vec<u32> = (0..(STEPS * BATCH) as u32).map(|i| i % ROWS as u32).collect();
    if fault == Fault::BadIndex {
        order[BATCH + 2] = ROWS as u32;
    }
    run.upload(permutation, Upload::Index(&order))?;
    let columns = vec![vec![1.0, f64::from(0.01f32)]; STEPS];
    run.begin(&StepTable { rows: vec![16, 16, 11], columns, first: 0 })?;
    let mut worst = (0.0, String::new());
    for _ in 0..STEPS {
        for outcome in nodes(&mut *run, &graph)? {
            assert!(outcome.passes(), "{device}: {outcome}");
            if let Some(w) = outcome.worst.as_ref().filter(|w| w.error > worst.0) {
                worst = (w.error, outcome.to_string());
            }
        }
    }
    println!("{device}: {}", worst.1);
    let step = run.step()?.words.step;
    drop(run);
    Ok((storage.read(0, &Type::f32([FEATURES, UNITS]))?.to_f32().to_vec(), step))
}

fn check(device: &Device) {
    let (_, step) = train(device, Fault::None).expect("a run");
    assert_eq!(step, STEPS as u32);
    for fault in [Fault::NotANumber, Fault::BadIndex] {
        let (weights, step) = train(device, fault).expect("a run");
        assert_eq!(step, 1, "a step on bad data is not counted, nor are those after it");
        assert!(weights.iter().all(|w| w.is_finite()), "a step on bad data changed the weights");
    }
}

#[test]
fn every_node_of_a_step_holds_its_bar() {
    common::on_every_device("every_node_of_a_step_holds_its_bar", check);
}
