//! Optimizers: the weights after each step, the steps themselves, and the learning rates.

use std::sync::Arc;

use serde_json::Value as Json;
use wgrad::graph::{Builder, Value, Variable, VariableKind, Variables};
use wgrad::ops::step_end;
use wgrad::optimizers::{
    Adam, AdamW, CosineDecay, ExponentialDecay, InverseTimeDecay, LearningRate, Optimizer, PiecewiseConstantDecay,
    PolynomialDecay, Rmsprop, Sgd,
};
use wgrad::program::Options;
use wgrad::{Device, Tensor, Type};

use crate::golden::{Covered, Found, Golden, Group, bar, distance, is, only, run_from, upload};

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "sgd",
    "sgd_momentum",
    "sgd_nesterov",
    "sgd_weight_decay",
    "adam",
    "adam_options",
    "adamw",
    "rmsprop",
    "rmsprop_centered",
    "sgd_exponential_decay",
    "sgd_staircase",
    "sgd_cosine",
    "sgd_polynomial",
    "sgd_piecewise",
    "sgd_inverse_time",
];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("optimizers"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("optimizers", device, REQUIRED);
}

fn number(config: &Json, key: &str) -> f64 {
    config[key].as_f64().unwrap_or_else(|| panic!("{key} = {}", config[key]))
}

fn steps(config: &Json, key: &str) -> u64 {
    config[key].as_u64().unwrap_or_else(|| panic!("{key} = {}", config[key]))
}

fn learning_rate(config: &Json) -> Covered<LearningRate> {
    if let Some(rate) = config.as_f64() {
        return Ok(rate.into());
    }
    let (class, config) = (config["class_name"].as_str().unwrap(), &config["config"]);
    let initial = || number(config, "initial_learning_rate");
    let decay = || (initial(), steps(config, "decay_steps"), number(config, "decay_rate"));
    Ok(match class {
        "ExponentialDecay" => {
            only(config, &["initial_learning_rate", "decay_steps", "decay_rate", "staircase"])?;
            let (initial, steps, rate) = decay();
            ExponentialDecay::new(initial, steps, rate).staircase(config["staircase"] == true).into()
        }
        "InverseTimeDecay" => {
            only(config, &["initial_learning_rate", "decay_steps", "decay_rate", "staircase"])?;
            let (initial, steps, rate) = decay();
            InverseTimeDecay::new(initial, steps, rate).staircase(config["staircase"] == true).into()
        }
        "PolynomialDecay" => {
            only(config, &["initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle"])?;
            let decay = PolynomialDecay::new(initial(), steps(config, "decay_steps"));
            let decay = decay.end(number(config, "end_learning_rate")).power(number(config, "power"));
            decay.cycle(config["cycle"] == true).into()
        }
        "PiecewiseConstantDecay" => {
            only(config, &["boundaries", "values"])?;
            let list = |key: &str| config[key].as_array().unwrap().iter();
            let boundaries: Vec<u64> = list("boundaries").map(|v| v.as_u64().unwrap()).collect();
            let values: Vec<f64> = list("values").map(|v| v.as_f64().unwrap()).collect();
            PiecewiseConstantDecay::new(boundaries, values).into()
        }
        "CosineDecay" => {
            only(config, &["initial_learning_rate", "decay_steps", "alpha", "warmup_target", "warmup_steps"])?;
            let decay = CosineDecay::new(initial(), steps(config, "decay_steps")).alpha(number(config, "alpha"));
            match config["warmup_target"].as_f64() {
                Some(target) => decay.warmup(target, steps(config, "warmup_steps")).into(),
                None => decay.into(),
            }
        }
        _ => return Err(class.to_string()),
    })
}

fn optimizer(golden: &Golden<'_>, rate: LearningRate) -> Covered<Box<dyn Optimizer>> {
    let (class, config) = (golden.json["optimizer"].as_str().unwrap(), golden.config());
    is(config, "use_ema", false)?;
    is(config, "amsgrad", false)?;
    let known = |own: &[&str]| only(config, &[own, &["learning_rate", "use_ema", "ema_momentum", "amsgrad"]].concat());
    let number = |key| number(config, key);
    Ok(match class {
        "SGD" => {
            known(&["momentum", "nesterov", "weight_decay"])?;
            let sgd = Sgd::new(rate).momentum(number("momentum")).nesterov(config["nesterov"] == true);
            Box::new(sgd.weight_decay(config["weight_decay"].as_f64().unwrap_or(0.0)))
        }
        "Adam" => {
            known(&["beta_1", "beta_2", "epsilon"])?;
            Box::new(Adam::new(rate).beta1(number("beta_1")).beta2(number("beta_2")).epsilon(number("epsilon")))
        }
        "AdamW" => {
            known(&["beta_1", "beta_2", "epsilon", "weight_decay"])?;
            let adam = AdamW::new(rate).beta1(number("beta_1")).beta2(number("beta_2")).epsilon(number("epsilon"));
            Box::new(adam.weight_decay(number("weight_decay")))
        }
        "RMSprop" => {
            known(&["rho", "momentum", "epsilon", "centered"])?;
            let rmsprop = Rmsprop::new(rate).rho(number("rho")).momentum(number("momentum"));
            Box::new(rmsprop.epsilon(number("epsilon")).centered(config["centered"] == true))
        }
        _ => return Err(class.to_string()),
    })
}

/// The weights, then what an optimizer keeps of each.
fn variables(optimizer: &dyn Optimizer, weights: &[Tensor]) -> Variables {
    let mut variables = Variables::default();
    let kept = optimizer.moments().iter().map(|moment| (*moment, VariableKind::Moment));
    for (name, kind) in std::iter::once(("weight", VariableKind::Parameter)).chain(kept) {
        for (i, weight) in weights.iter().enumerate() {
            let ty = Type::f32(weight.shape().clone());
            variables.add(Variable { name: format!("{name}{i}"), ty, kind }).unwrap();
        }
    }
    variables
}

/// The weights before the first step and after each: of each weight one after the other.
fn weights(device: &Device, golden: &Golden<'_>, optimizer: &dyn Optimizer) -> Vec<Vec<Vec<f64>>> {
    let initial = ["w0_init", "w1_init"].map(|name| golden.tensor(name));
    let gradients = ["grad0", "grad1"].map(|name| golden.tensor(name));
    let g = Builder::new(Arc::new(variables(optimizer, &initial)));
    let all: Vec<Value> =
        (0..initial.len() * (1 + optimizer.moments().len())).map(|i| g.variable(i).unwrap()).collect();
    let (p, moments) = all.split_at(initial.len());
    let dp: Vec<Value> = p.iter().map(|&p| g.data(g.ty(p))).collect();
    let updated = optimizer.apply(&g, p, &dp, moments).unwrap();
    updated.into_iter().enumerate().for_each(|(index, value)| g.write(index, value));
    step_end(&g, 1).unwrap();

    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    initial.iter().enumerate().for_each(|(i, weight)| storage.write(i, weight).unwrap());
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    let read = |i: usize| storage.read(i, &graph.variables.get(i).unwrap().ty).unwrap().to_f64().into_owned();
    let mut seen = vec![vec![read(0)], vec![read(1)]];
    for step in 0..golden.number("steps") {
        for (&dp, gradient) in dp.iter().zip(&gradients) {
            let gradient = gradient.slice_rows(step..step + 1).unwrap().reshape(graph.ty(dp).shape.clone()).unwrap();
            upload(&mut *executable, dp, &gradient);
        }
        run_from(&mut *executable, &graph, &[1], step as u64);
        seen.iter_mut().enumerate().for_each(|(i, seen)| seen.push(read(i)));
    }
    seen
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    let rate = learning_rate(&golden.config()["learning_rate"])?;
    let optimizer = optimizer(golden, rate.clone())?;
    optimizer.check().unwrap();
    let rates: Vec<f64> = (0..golden.number("steps") as u64).map(|step| rate.at(step)).collect();
    let far = distance(&rates, &golden.tensor("learning_rate").to_f64());
    let mut found = vec![("learning_rate".to_string(), far, 1e-9)];
    for (i, got) in weights(device, golden, &*optimizer).into_iter().enumerate() {
        let (initial, after) =
            (golden.tensor(&format!("w{i}_init")).to_f64().into_owned(), golden.tensor(&format!("w{i}")));
        let want: Vec<Vec<f64>> =
            std::iter::once(initial.clone()).chain(after.to_f64().chunks(initial.len()).map(<[f64]>::to_vec)).collect();
        found.push((format!("w{i}"), distance(&got[1..].concat(), &want[1..].concat()), bar(device)));
        for (step, (got, want)) in got.windows(2).zip(want.windows(2)).enumerate() {
            found.push((format!("step {step} of w{i}"), moved(got, want), step_bar(device, want)));
        }
    }
    Ok(found)
}

fn difference(pair: &[Vec<f64>]) -> Vec<f64> {
    pair[1].iter().zip(&pair[0]).map(|(after, before)| after - before).collect()
}

/// How far a step is from the recorded one, over the largest number of that.
fn moved(got: &[Vec<f64>], want: &[Vec<f64>]) -> f64 {
    distance(&difference(got), &difference(want))
}

/// The bar of a step: in f32 with the spacing of f32 at the largest weight on top, for a weight takes no finer step.
fn step_bar(device: &Device, want: &[Vec<f64>]) -> f64 {
    let largest = |values: &[f64]| values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let spacing = if device.is_exact() { 0.0 } else { f64::from(f32::EPSILON) * largest(&want.concat()) };
    bar(device) + spacing / largest(&difference(want))
}
