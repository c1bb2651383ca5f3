//! Normalisations: values worked out by hand, what is refused, and a step of training that keeps moving averages.

mod common;

use std::sync::Arc;

use wgrad::check::nodes;
use wgrad::device::{Executable, Upload};
use wgrad::graph::{Builder, Report, StepTable, Value, Variable, VariableKind, Variables};
use wgrad::ops::{
    HUBER, Sgd, Targets, batch_normalization, layer_normalization, moving_average, normalize, pointwise_loss, sgd,
    step_end,
};
use wgrad::program::Options;
use wgrad::{Device, Result, Tensor, Type};

const EPSILON: f64 = 3.0;

fn builder(variables: Variables) -> Builder {
    Builder::new(Arc::new(variables))
}

/// Two of three rows count: mean 2 and 5, variance 1 and 9.
const X: [f32; 6] = [1.0, 2.0, 3.0, 8.0, 1e6, 1e6];

/// What `trace` makes of x, γ = (2, 1), β = (0, 1) and moments 4 and 1, in f64.
fn computed(trace: impl Fn(&Builder, [Value; 5]) -> Result<Vec<Value>>) -> Vec<Vec<f64>> {
    let g = builder(Variables::default());
    let x = g.data(Type::f32([3, 2]).batched(true));
    let inputs = [x, g.data(Type::f32([2])), g.data(Type::f32([2])), g.data(Type::f32([2])), g.data(Type::f32([2]))];
    let outputs = trace(&g, inputs).expect("values");
    outputs.iter().for_each(|&y| g.output(y));
    let graph = Arc::new(g.finish());
    let device = Device::cpu_f64();
    let storage = device.storage(&graph.variables, &Options::default()).expect("no memory");
    let mut run = device.load(&graph, &storage, &Options::default()).expect("a program");
    let data: [&[f32]; 5] = [&X, &[2.0, 1.0], &[0.0, 1.0], &[4.0, 4.0], &[1.0, 1.0]];
    for (value, data) in inputs.into_iter().zip(data) {
        let tensor = Tensor::new(graph.ty(value).shape.clone(), data.to_vec()).expect("a tensor");
        run.upload(value, Upload::Tensor(&tensor)).expect("an upload");
    }
    run.begin(&StepTable { rows: vec![2], columns: vec![vec![]], first: 0 }).expect("a table");
    (0..graph.nodes.len()).for_each(|node| run.run_node(node).expect("a node"));
    outputs.into_iter().map(|y| run.download(y).expect("a value").float().to_vec()).collect()
}

#[track_caller]
fn close(got: &[f64], want: &[f64]) {
    let near = got.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-12);
    assert!(near && got.len() == want.len(), "{got:?}, want {want:?}");
}

#[test]
fn values_are_those_worked_out_by_hand() {
    let z = 3.0 / 12f64.sqrt();
    let found =
        computed(|g, [x, gamma, beta, ..]| Ok(batch_normalization(g, x, Some(gamma), Some(beta), EPSILON)?.to_vec()));
    close(&found[0], &[-1.0, 1.0 - z, 1.0, 1.0 + z, 0.0, 0.0]);
    close(&found[1], &[2.0, 5.0]);
    close(&found[2], &[1.0, 9.0]); // the biased one
    let found = computed(|g, [x, _, beta, mean, variance]| {
        Ok(vec![normalize(g, x, [mean, variance], None, Some(beta), EPSILON)?])
    });
    close(&found[0][..4], &[-1.5, 0.0, -0.5, 3.0]);
    let found = computed(|g, [x, gamma, ..]| Ok(vec![layer_normalization(g, x, Some(gamma), None, EPSILON)?]));
    let [near, far] = [0.5 / 3.25f64.sqrt(), 2.5 / 9.25f64.sqrt()];
    close(&found[0][..4], &[-2.0 * near, near, -2.0 * far, far]);
}

#[track_caller]
fn refuses<T: std::fmt::Debug>(result: Result<T>, expected: &str) {
    let text = result.expect_err("an error").to_string();
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let g = builder(Variables::default());
    let (x, two, three) = (g.data(Type::f32([4, 2])), g.data(Type::f32([2])), g.data(Type::f32([3])));
    refuses(batch_normalization(&g, x, Some(three), None, 1e-3), "gamma and beta as f32 [2]");
    refuses(batch_normalization(&g, g.data(Type::f32([])), None, None, 1e-3), "x as f32 […, cols]");
    refuses(layer_normalization(&g, g.data(Type::f32([4]).batched(true)), None, None, 1e-3), "cols not the batch");
    refuses(layer_normalization(&g, x, None, Some(three), 1e-3), "gamma and beta as f32 [2]");
    refuses(normalize(&g, x, [two, three], None, None, 1e-3), "mean and variance as f32 [2]");
    refuses(batch_normalization(&g, x, None, None, -1.0), "0 or more");
    refuses(layer_normalization(&g, x, None, None, f64::NAN), "0 or more");
    refuses(moving_average(&g, &[two], &[two], 1.0), "0 or more, below 1");
    refuses(moving_average(&g, &[two], &[two, two], 0.5), "2 inputs");
    refuses(moving_average(&g, &[two], &[three], 0.5), "as f32 [2]");
    let [_, mean, _] = batch_normalization(&g, x, None, None, 1e-3).expect("values");
    refuses(g.gradients(&[(mean, two)], &[x]), "the gradient of a mean or a variance");
}

/// γ and β, then the moving mean and the moving variance.
fn variables() -> Variables {
    let mut variables = Variables::default();
    let kinds = [VariableKind::Parameter, VariableKind::Parameter, VariableKind::State, VariableKind::State];
    for (name, kind) in ["gamma", "beta", "mean", "variance"].into_iter().zip(kinds) {
        variables.add(Variable { name: name.into(), ty: Type::f32([70]), kind }).expect("a new name");
    }
    variables
}

/// Two steps on 6 rows, of which 5 count; NaN in row `bad`. Gives the moving mean.
fn train(device: &Device, bad: Option<usize>) -> Result<Vec<f32>> {
    let g = builder(variables());
    let [x, y, weights] = [Type::f32([6, 70]), Type::f32([6, 70]), Type::f32([6])].map(|ty| g.data(ty.batched(true)));
    let v = (0..4).map(|i| g.variable(i)).collect::<Result<Vec<Value>>>()?;
    let (weight, rate) = (g.column("loss weight", |_| 1.0), g.column("rate", |_| 0.1));
    let [z, mean, variance] = batch_normalization(&g, x, Some(v[0]), Some(v[1]), 1e-3)?;
    let z = normalize(&g, z, [v[2], v[3]], Some(v[0]), Some(v[1]), 1e-3)?;
    let z = layer_normalization(&g, z, Some(v[0]), Some(v[1]), 1e-3)?;
    let loss = pointwise_loss(&g, &HUBER, z, Targets { y, weights }, (1.0, 0.0), Some(weight))?;
    let gradients = g.gradients(&[(loss.prediction, loss.gradient)], &v[..2])?;
    let gradients: Vec<Value> = gradients.into_iter().flatten().collect();
    let op = Sgd { parameters: 2, momentum: 0.0, nesterov: false, column: rate, decay: None };
    let updates = [sgd(&g, op, &v[..2], &gradients, &[])?, moving_average(&g, &v[2..], &[mean, variance], 0.9)?];
    updates.concat().into_iter().enumerate().for_each(|(index, value)| g.write(index, value));
    g.report(Report::mean("loss", loss.sums, 70));
    step_end(&g, 2)?;
    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default())?;
    for (index, start) in [1.0, 0.0, 0.0, 1.0].into_iter().enumerate() {
        storage.write(index, &Tensor::new([70], vec![start; 70])?)?;
    }
    let mut run = device.load(&graph, &storage, &Options::default())?;
    let mut rows: Vec<f32> = (0..420).map(|i| ((i * 37 % 101) as f32 - 20.0) / 25.0).collect();
    bad.into_iter().for_each(|row| rows[row * 70 + 3] = f32::NAN);
    run.upload(x, Upload::Tensor(&Tensor::new([6, 70], rows)?))?;
    run.upload(y, Upload::Tensor(&Tensor::new([6, 70], vec![0.5; 420])?))?;
    run.upload(weights, Upload::Tensor(&Tensor::new([6], vec![1.0; 6])?))?;
    run.begin(&StepTable { rows: vec![5, 5], columns: vec![vec![1.0 / 350.0, 0.1]; 2], first: 0 })?;
    let every_node = |run: &mut dyn Executable| -> Result<()> {
        for outcome in nodes(run, &graph)? {
            assert!(outcome.passes(), "{device}: {outcome}");
        }
        Ok(())
    };
    every_node(&mut *run)?;
    every_node(&mut *run)?;
    drop(run);
    Ok(storage.read(2, &Type::f32([70]))?.to_f32().to_vec())
}

#[test]
fn a_step_keeps_moving_averages_unless_it_is_halted() {
    common::on_every_device("a_step_keeps_moving_averages_unless_it_is_halted", |device| {
        let averages = train(device, None).expect("a run");
        let mean = |j: usize| (0..5).map(|i| (((i * 70 + j) * 37 % 101) as f32 - 20.0) / 25.0).sum::<f32>() / 5.0;
        for (j, average) in averages.iter().enumerate() {
            assert!((average - 0.19 * mean(j)).abs() < 1e-6, "{device}: {average}, want {}", 0.19 * mean(j));
        }
        assert_eq!(train(device, Some(5)).expect("a run"), averages, "{device}: a row that does not count");
        let halted = train(device, Some(2)).expect("a run");
        assert!(halted.iter().all(|&average| average == 0.0), "{device}: {halted:?}");
    });
}
