//! Whole trainings.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wgrad::graph::Value;
use wgrad::layers::{ActivationFunction, Add, BatchNormalization, Concatenate, Config, Layer, Multiply, Placed, Scope};
use wgrad::losses::Losses;
use wgrad::metrics::Metrics;
use wgrad::ops::{Sigmoid, unary};
use wgrad::optimizers::{Adam, AdamW, Rmsprop, Sgd};
use wgrad::train::{Fit, History, Verbosity};
use wgrad::{Activation, Dense, Device, Model, Sequential, Symbol, Tensor, Tensors};

use crate::golden::{Covered, Found, Golden, Group, distance, only};

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "binary_sequential",
    "binary_sequential_split",
    "binary_class_weight",
    "binary_sample_weight",
    "custom_sigmoid_layer",
    "multi_output",
    "two_inputs_shared_residual",
    "batchnorm_mlp",
];

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
    let arguments = arguments.split(')').next().unwrap();
    (name, arguments.split(',').map(str::trim).filter(|a| !a.is_empty()).collect())
}

/// The layer of `Dense(64, relu)`, `relu`, `BatchNormalization`, …; under a name where it is `name=…`.
fn layer(text: &str) -> Covered<Placed> {
    if let Some((name, of)) = text.split_once('=') {
        return Ok(layer(of)?.named(name));
    }
    let missing = || format!("layer {text}");
    Ok(match parts(text) {
        ("Dense", arguments) => {
            let mut dense = Dense::new(arguments[0].parse().map_err(|_| missing())?);
            if let Some(name) = arguments.get(1) {
                dense = dense.activation(ActivationFunction::named(name).map_err(|_| missing())?);
            }
            dense.into()
        }
        ("MySigmoidLayer", _) => MySigmoidLayer.into(),
        ("BatchNormalization", _) => BatchNormalization::new().into(),
        (name, _) => Activation::new(ActivationFunction::named(name).map_err(|_| missing())?).into(),
    })
}

/// An input of `features(12)`.
fn input(text: &str) -> Symbol {
    let (name, arguments) = parts(text);
    Symbol::input([arguments[0].parse::<usize>().unwrap()]).named(name)
}

/// The model of a case, not trained yet.
fn model(golden: &Golden<'_>, device: &Device) -> Covered<Model> {
    let layers = strings(&golden.config()["layers"])?;
    let model = match golden.name() {
        "two_inputs_shared_residual" => {
            let [user, item, a, b, shared, _, wide, _, click] = layers[..] else { return Err(format!("{layers:?}")) };
            let (user, item) = (input(user), input(item));
            let (a, b, shared) = (layer(a)?.on(&user), layer(b)?.on(&item), layer(shared)?);
            let product = Multiply::new().on([&a, &b]);
            let joined = Concatenate::new().on([&shared.on(&a), &shared.on(&b), &product]);
            let sum = Add::new().on([&layer(wide)?.on(&joined), &joined]);
            Model::new([&user, &item], &layer(click)?.on(&sum)).build(device)
        }
        "multi_output" => {
            let (features, layers) = layers.split_first().unwrap();
            let (hidden, outputs): (Vec<&str>, Vec<&str>) = layers.iter().partition(|layer| !layer.contains('='));
            let x = input(features);
            let trunk = hidden.into_iter().try_fold(x.clone(), |x, text| Ok::<_, String>(layer(text)?.on(&x)))?;
            let outputs = outputs.into_iter().map(|text| Ok(layer(text)?.on(&trunk))).collect::<Covered<Vec<_>>>()?;
            Model::new(&x, outputs).build(device)
        }
        _ => {
            let x = golden.find("x").filter(|x| x.shape().rank() == 2).ok_or("inputs of several axes")?;
            let placed = layers.into_iter().map(layer).collect::<Covered<Vec<_>>>()?;
            let shaped = |(i, layer): (usize, Placed)| match i {
                0 => layer.input_shape(x.shape().without_batch()),
                _ => layer,
            };
            placed.into_iter().enumerate().map(shaped).fold(Sequential::new(), Sequential::add).build(device)
        }
    };
    let mut model = model.unwrap();
    compile(&mut model, golden)?;
    Ok(model)
}

fn compile(model: &mut Model, golden: &Golden<'_>) -> Covered<()> {
    let config = golden.config();
    let of_output = |key: &str| -> Vec<(String, Json)> {
        config[key].as_object().map_or(vec![], |of| of.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    };
    let losses = match config["loss"].as_str() {
        Some(name) => Losses::from(name),
        None => of_output("loss")
            .iter()
            .fold(Losses::new(), |losses, (output, loss)| losses.output(output, loss.as_str().unwrap())),
    };
    let weigh = |losses: Losses, (output, weight): &(String, Json)| {
        losses.weights([(output.as_str(), weight.as_f64().unwrap())])
    };
    let losses = of_output("loss_weights").iter().fold(losses, weigh);
    let metrics = match config["metrics"].as_array() {
        Some(_) => Metrics::from(strings(&config["metrics"])?),
        None => of_output("metrics")
            .iter()
            .fold(Metrics::new(), |metrics, (output, names)| metrics.output(output, strings(names).unwrap())),
    };
    let weighted =
        config["weighted_metrics"].as_array().map_or(Ok(vec![]), |_| strings(&config["weighted_metrics"]))?;
    let metrics = metrics.weighted(weighted);
    match config["optimizer"].as_str() {
        Some("adam") => model.compile(Adam::default(), losses, metrics).unwrap(),
        Some("adam(0.01)") => model.compile(Adam::new(0.01), losses, metrics).unwrap(),
        Some("adamw(0.01)") => model.compile(AdamW::new(0.01), losses, metrics).unwrap(),
        Some("rmsprop") => model.compile(Rmsprop::default(), losses, metrics).unwrap(),
        Some("sgd(0.02, momentum 0.9)") => model.compile(Sgd::new(0.02).momentum(0.9), losses, metrics).unwrap(),
        _ => return Err(format!("optimizer {}", config["optimizer"])),
    }
    Ok(())
}

/// The tensors `x`, or `x_user` and `x_item`, by name.
fn tensors(golden: &Golden<'_>, kind: &str) -> Tensors {
    match golden.find(kind) {
        Some(only) => vec![only].into(),
        None => {
            let prefix = format!("{kind}_");
            let named = |name: String| Some((name.strip_prefix(&prefix)?.to_string(), golden.tensor(&name)));
            golden.names().into_iter().filter_map(named).collect::<Vec<_>>().into()
        }
    }
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

/// What `evaluate` gave: every key that was recorded, and no other; nothing where nothing was.
fn scores(golden: &Golden<'_>, model: &mut Model) -> Vec<(String, f64, f64)> {
    let Some(recorded) = golden.json["evaluate"].as_object() else { return vec![] };
    let mut scores = model.evaluate(tensors(golden, "x"), tensors(golden, "y")).unwrap();
    assert!(scores.keys().eq(recorded.keys()), "{}: {scores:?}", golden.name());
    recorded.iter().map(|(key, v)| (key.clone(), scores.remove(key).unwrap(), v.as_f64().unwrap())).collect()
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    let known = ["layers", "optimizer", "loss", "metrics", "validation_split", "loss_weights", "weighted_metrics"];
    only(golden.config(), &[&known[..], &["class_weight"]].concat())?;
    let mut model = model(golden, device)?;
    let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
    for (i, name) in names.iter().enumerate() {
        model.set_weight(name, &golden.tensor(&format!("init{i}"))).unwrap();
    }
    let split = golden.config()["validation_split"].as_f64().unwrap_or(0.0);
    let mut fit = Fit::epochs(golden.number("epochs")).batch_size(golden.number("batch_size")).shuffle(false);
    if let Some(weights) = golden.config()["class_weight"].as_object() {
        let weight = |(class, weight): (&String, &Json)| (class.parse().unwrap(), weight.as_f64().unwrap());
        fit = fit.class_weight(weights.iter().map(weight));
    }
    if let Some(weights) = golden.find("sample_weight") {
        fit = fit.sample_weight(weights);
    }
    let fit = fit.validation_split(split).verbosity(Verbosity::Silent);
    let history = model.fit(tensors(golden, "x"), tensors(golden, "y"), fit).unwrap();
    Ok(match device.is_exact() {
        true => exact(golden, &mut model, &history, &names),
        false => close(golden, &mut model, &history, split),
    })
}

/// How far a tensor is from what was recorded of it. The gradient of a bias in front of a batch normalization is 0 but
/// for rounding, and so is the bias: what is below 1e-9 is the same.
fn far(got: &Tensor, want: &Tensor) -> f64 {
    let noise = want.to_f64().iter().all(|v| v.abs() < 1e-9) && got.to_f64().iter().all(|v| v.abs() < 1e-9);
    if noise { 0.0 } else { distance(&got.to_f64(), &want.to_f64()) }
}

/// In f64: every number within 1e-7 of the largest one of its tensor.
fn exact(golden: &Golden<'_>, model: &mut Model, history: &History, names: &[String]) -> Vec<(String, f64, f64)> {
    const BAR: f64 = 1e-7;
    let mut found = vec![];
    for (key, got, want) in histories(golden, history) {
        found.push((key, distance(&got, &want), BAR));
    }
    for (i, name) in names.iter().enumerate() {
        found.push((name.clone(), far(&model.weight(name).unwrap(), &golden.tensor(&format!("final{i}"))), BAR));
    }
    for (name, got) in model.predict_all(tensors(golden, "x")).unwrap() {
        let want = golden.find("predict").unwrap_or_else(|| golden.tensor(&format!("predict_{name}")));
        found.push((format!("predict {name}"), far(&got, &want), BAR));
    }
    let scores = scores(golden, model).into_iter();
    found.extend(scores.map(|(key, got, want)| (format!("evaluate {key}"), distance(&[got], &[want]), BAR)));
    found
}

/// In f32: losses within 1e-3, an accuracy differs by at most one row.
fn close(golden: &Golden<'_>, model: &mut Model, history: &History, split: f64) -> Vec<(String, f64, f64)> {
    let outputs = model.output_names().into_iter().map(String::from).collect::<Vec<_>>();
    let rows = golden.find("y").unwrap_or_else(|| golden.tensor(&format!("y_{}", outputs[0]))).rows();
    let trained = (rows as f64 * (1.0 - split)).floor() as usize;
    let weight = golden.find("sample_weight").map_or(1.0, |w| {
        let w = w.to_f64();
        w.iter().fold(0.0f64, |most, w| most.max(*w)) * w.len() as f64 / w.iter().sum::<f64>()
    });
    let compare = |key: &str, rows: usize, got: f64, want: f64| match key.ends_with("accuracy") {
        true => (key.to_string(), (got - want).abs(), 1.01 * weight / rows as f64),
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
