//! Layers: outputs, and the gradients by inputs and weights.

use std::sync::Arc;

use serde_json::Value as Json;
use wgrad::graph::{Builder, Value};
use wgrad::layers::{ActivationFunction, Layer};
use wgrad::ops::step_end;
use wgrad::program::Options;
use wgrad::{Activation, Dense, Device, Flatten, Model, Sequential, Shape, Type};

use crate::golden::{Covered, Found, Golden, Group, bar, distance, download, is, only, run, upload};

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "dense_linear",
    "dense_sigmoid",
    "dense_relu",
    "dense_softmax",
    "dense_log_softmax",
    "dense_1x1x1",
    "dense_3x5x7",
    "dense_17x33x65",
    "dense_64x31x129",
    "dense_130x257x9",
    "dense_nobias",
    "activation_linear",
    "activation_sigmoid",
    "activation_relu",
    "activation_softmax",
    "activation_log_softmax",
    "softmax_wide",
    "flatten",
];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("layers"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("layers", device, REQUIRED);
}

/// A model of the one layer that a config describes, for rows of a shape.
fn model(golden: &Golden<'_>, row: Shape) -> Covered<Model> {
    let config = golden.config();
    match golden.json["layer"].as_str().unwrap() {
        "Dense" => {
            only(config, &["units", "activation", "use_bias"])?;
            let dense = Dense::new(config["units"].as_u64().unwrap() as usize).activation(activation(config)?);
            build(dense.use_bias(config["use_bias"] == true).input_shape(row))
        }
        "Activation" => {
            only(config, &["activation"])?;
            build(Activation::new(activation(config)?).input_shape(row))
        }
        "Softmax" => {
            only(config, &["axis"])?;
            is(config, "axis", -1)?;
            build(Activation::new(wgrad::Softmax).input_shape(row))
        }
        "Flatten" => {
            only(config, &["data_format"])?;
            is(config, "data_format", "channels_last")?;
            build(Flatten::new().input_shape(row))
        }
        layer => Err(format!("layer {layer}")),
    }
}

fn build(layer: impl Layer + 'static) -> Covered<Model> {
    Ok(Sequential::new().add(layer).build(&Device::cpu()).unwrap())
}

fn activation(config: &Json) -> Covered<ActivationFunction> {
    let name = config["activation"].as_str().unwrap();
    ActivationFunction::named(name).map_err(|_| format!("activation {name}"))
}

/// The last part of a path: `kernel` of `dense/kernel`.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    if golden.find("x1").is_some() {
        return Err(format!("layer {}", golden.json["layer"].as_str().unwrap()));
    }
    let x = golden.tensor("x0");
    let model = model(golden, x.shape().without_batch())?;
    let names: Vec<&str> = model.weight_names().into_iter().map(last).collect();
    let recorded: Vec<&str> =
        golden.json["weights"].as_array().unwrap().iter().map(|w| last(w.as_str().unwrap())).collect();
    assert_eq!(names, recorded, "{}", golden.name());

    let g = Builder::new(Arc::new(model.variables().clone()));
    let input = g.data(Type::f32(x.shape().clone()).batched(true));
    let y = model.call(&g, &[input], golden.json["training"] == true).unwrap()[0];
    let dy = g.data(g.ty(y));
    let weights = (0..names.len()).map(|i| g.variable(i).unwrap());
    let wrt: Vec<Value> = std::iter::once(input).chain(weights).collect();
    let gradients: Vec<Value> = g.gradients(&[(y, dy)], &wrt).unwrap().into_iter().map(Option::unwrap).collect();
    std::iter::once(&y).chain(&gradients).for_each(|&v| g.output(v));
    step_end(&g, 1).unwrap();

    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    for i in 0..names.len() {
        storage.write(i, &golden.tensor(&format!("w{i}"))).unwrap();
    }
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    upload(&mut *executable, input, &x);
    upload(&mut *executable, dy, &golden.tensor("grad_y"));
    run(&mut *executable, &graph, &[x.rows() as u32]);
    let weights = (0..names.len()).map(|i| format!("grad_w{i}"));
    let outputs = ["y".to_string(), "grad_x0".to_string()].into_iter().chain(weights);
    let compare = |(value, name): (Value, String)| {
        let far = distance(&download(&mut *executable, value), &golden.tensor(&name).to_f64());
        (name, far, bar(device))
    };
    Ok(std::iter::once(y).chain(gradients).zip(outputs).map(compare).collect())
}
