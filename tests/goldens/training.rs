//! Whole trainings.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wgrad::graph::Value;
use wgrad::layers::{ActivationFunction, Config, Dense, Layer, Scope};
use wgrad::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy,
};
use wgrad::ops::{Sigmoid, unary};
use wgrad::optimizers::{Adam, Sgd};
use wgrad::train::{Fit, History, Verbosity};
use wgrad::{Device, Model, Sequential};

use crate::golden::{Covered, Found, Golden, Group, distance, only};

/// Cases that must be covered.
const REQUIRED: &[&str] = &["binary_sequential", "binary_sequential_split", "custom_sigmoid_layer"];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("training"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("training", device, REQUIRED);
}

/// A layer of a program's own, as the case describes it.
#[derive(Debug)]
struct MySigmoidLayer;

impl Layer for MySigmoidLayer {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> wgrad::Result<Vec<Value>> {
        x.iter().map(|&x| unary(scope.builder(), Sigmoid, x)).collect()
    }
    fn config(&self) -> Config {
        Config::new("MySigmoidLayer", ())
    }
}

fn strings(list: &Json) -> Covered<Vec<&str>> {
    let all: Option<Vec<&str>> = list.as_array().and_then(|l| l.iter().map(Json::as_str).collect());
    all.ok_or_else(|| list.to_string())
}

/// Name and arguments of `Dense(64, relu)`.
fn parts(text: &str) -> (&str, Vec<&str>) {
    let (name, arguments) = text.split_once('(').unwrap_or((text, ""));
    (name, arguments.trim_end_matches(')').split(',').map(str::trim).filter(|a| !a.is_empty()).collect())
}

/// The model of a case, not trained yet.
fn model(golden: &Golden<'_>, device: &Device) -> Covered<Model> {
    let mut model = Sequential::new();
    let features = golden.find("x").filter(|x| x.shape().rank() == 2).ok_or("inputs of several tensors or axes")?;
    for (i, layer) in strings(&golden.config()["layers"])?.into_iter().enumerate() {
        let missing = || format!("layer {layer}");
        model = match parts(layer) {
            ("Dense", arguments) => {
                let mut dense = Dense::new(arguments[0].parse().map_err(|_| missing())?);
                if let Some(name) = arguments.get(1) {
                    dense = dense.activation(ActivationFunction::named(name).map_err(|_| missing())?);
                }
                model.add(if i == 0 { dense.input_shape(features.shape().without_batch()) } else { dense })
            }
            ("MySigmoidLayer", _) => model.add(MySigmoidLayer),
            _ => return Err(missing()),
        };
    }
    let mut model = model.build(device).unwrap();
    let metrics = strings(&golden.config()["metrics"])?;
    match golden.config()["loss"].as_str() {
        Some("binary_crossentropy") => compile(&mut model, golden, BinaryCrossentropy::default(), &metrics)?,
        Some("categorical_crossentropy") => compile(&mut model, golden, CategoricalCrossentropy::default(), &metrics)?,
        Some("sparse_categorical_crossentropy") => {
            compile(&mut model, golden, SparseCategoricalCrossentropy::default(), &metrics)?
        }
        Some("mse") => compile(&mut model, golden, MeanSquaredError, &metrics)?,
        _ => return Err(format!("loss {}", golden.config()["loss"])),
    }
    Ok(model)
}

fn compile(model: &mut Model, golden: &Golden<'_>, loss: impl Loss + 'static, metrics: &[&str]) -> Covered<()> {
    let metrics = metrics.iter().copied();
    match golden.config()["optimizer"].as_str() {
        Some("adam") => model.compile(Adam::default(), loss, metrics).unwrap(),
        Some("sgd(0.02, momentum 0.9)") => model.compile(Sgd::new(0.02).momentum(0.9), loss, metrics).unwrap(),
        _ => return Err(format!("optimizer {}", golden.config()["optimizer"])),
    }
    Ok(())
}

/// What was recorded of the history: all of its keys, an epoch a value.
fn recorded(golden: &Golden<'_>) -> BTreeMap<String, Vec<f64>> {
    let keys = golden.names().into_iter().filter_map(|name| name.strip_prefix("history_").map(String::from));
    keys.map(|key| (key.clone(), golden.tensor(&format!("history_{key}")).to_f64().into_owned())).collect()
}

/// What was recorded of the history, of each key with ours: the same keys, and as many epochs.
fn histories(golden: &Golden<'_>, ours: &History) -> Vec<(String, Vec<f64>, Vec<f64>)> {
    let (mut ours, recorded) = (ours.by_key(), recorded(golden));
    assert!(recorded.contains_key("loss"), "{}: {recorded:?}", golden.name());
    assert!(ours.keys().eq(recorded.keys()), "{}: {ours:?}", golden.name());
    let pair = |(key, want): (String, Vec<f64>)| {
        let got = ours.remove(&key).unwrap();
        let epochs = golden.number("epochs");
        assert_eq!((got.len(), want.len()), (epochs, epochs), "{} {key}", golden.name());
        (key, got, want)
    };
    recorded.into_iter().map(pair).collect()
}

/// What `evaluate` gave: every key that was recorded, and no other.
fn scores(golden: &Golden<'_>, model: &mut Model) -> Vec<(String, f64, f64)> {
    let mut scores = model.evaluate(golden.tensor("x"), golden.tensor("y")).unwrap();
    let recorded = golden.json["evaluate"].as_object().unwrap();
    assert!(scores.keys().eq(recorded.keys()), "{}: {scores:?}", golden.name());
    recorded.iter().map(|(key, v)| (key.clone(), scores.remove(key).unwrap(), v.as_f64().unwrap())).collect()
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    only(golden.config(), &["layers", "optimizer", "loss", "metrics", "validation_split"])?;
    let mut model = model(golden, device)?;
    let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
    for (i, name) in names.iter().enumerate() {
        model.set_weight(name, &golden.tensor(&format!("init{i}"))).unwrap();
    }
    let split = golden.config()["validation_split"].as_f64().unwrap_or(0.0);
    let fit = Fit::epochs(golden.number("epochs")).batch_size(golden.number("batch_size")).shuffle(false);
    let fit = fit.validation_split(split).verbosity(Verbosity::Silent);
    let history = model.fit(golden.tensor("x"), golden.tensor("y"), fit).unwrap();
    Ok(match device.is_exact() {
        true => exact(golden, &mut model, &history, &names),
        false => close(golden, &mut model, &history, split),
    })
}

/// In f64: every number within 1e-7 of the largest one of its tensor.
fn exact(golden: &Golden<'_>, model: &mut Model, history: &History, names: &[String]) -> Vec<(String, f64, f64)> {
    const BAR: f64 = 1e-7;
    let mut found = vec![];
    let mut compare = |what: String, got: &[f64], want: &[f64]| found.push((what, distance(got, want), BAR));
    for (key, got, want) in histories(golden, history) {
        compare(key, &got, &want);
    }
    for (i, name) in names.iter().enumerate() {
        let final_weight = golden.tensor(&format!("final{i}"));
        compare(name.clone(), &model.weight(name).unwrap().to_f64(), &final_weight.to_f64());
    }
    let predicted = model.predict(golden.tensor("x")).unwrap();
    compare("predict".into(), &predicted.to_f64(), &golden.tensor("predict").to_f64());
    for (key, got, want) in scores(golden, model) {
        compare(format!("evaluate {key}"), &[got], &[want]);
    }
    found
}

/// In f32: losses within 1e-3, an accuracy differs by at most one row.
fn close(golden: &Golden<'_>, model: &mut Model, history: &History, split: f64) -> Vec<(String, f64, f64)> {
    let rows = golden.tensor("x").rows();
    let trained = (rows as f64 * (1.0 - split)).floor() as usize;
    let compare = |key: &str, rows: usize, got: f64, want: f64| match key.ends_with("accuracy") {
        true => (key.to_string(), (got - want).abs(), 1.01 / rows as f64),
        false => (key.to_string(), distance(&[got], &[want]), 1e-3),
    };
    let mut found = vec![];
    for (key, got, want) in histories(golden, history) {
        let rows = if key.starts_with("val_") { rows - trained } else { trained };
        found.extend(got.into_iter().zip(want).map(|(got, want)| compare(&key, rows, got, want)));
    }
    found.extend(scores(golden, model).into_iter().map(|(key, got, want)| compare(&key, rows, got, want)));
    found
}
