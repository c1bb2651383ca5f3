//! Layers: outputs, the gradients by inputs and weights, and the state after a step.

use std::sync::Arc;

use serde_json::Value as Json;
use wgrad::graph::{Builder, Value};
use wgrad::layers::{
    ActivationFunction, Add, Average, BatchNormalization, Concatenate, Dot, Dropout, Embedding, Flatten,
    LayerNormalization, Maximum, Minimum, Multiply, PRelu, Permute, Placed, RepeatVector, Reshape, Subtract,
};
use wgrad::ops::step_end;
use wgrad::program::Options;
use wgrad::{Activation, Dense, Device, Elu, LeakyRelu, Model, Symbol, Tensor, ThresholdedRelu, Type};

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
    "relu_options",
    "leaky_relu",
    "prelu",
    "elu",
    "flatten",
    "reshape",
    "permute",
    "repeat_vector",
    "concatenate",
    "concatenate_axis1",
    "add",
    "subtract",
    "multiply",
    "average",
    "maximum",
    "minimum",
    "dot",
    "batchnorm_train",
    "batchnorm_infer",
    "batchnorm_nhwc_train",
    "layernorm",
    "layernorm_rank3",
    "dropout_infer",
    "embedding",
];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("layers"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("layers", device, REQUIRED);
}

/// The layer that a config describes.
fn layer(golden: &Golden<'_>) -> Covered<Placed> {
    let config = golden.config();
    let number = |key: &str| config[key].as_f64().unwrap();
    let whole = |value: &Json| value.as_i64().unwrap() as isize;
    let wholes = |key: &str| config[key].as_array().unwrap().iter().map(whole).collect::<Vec<isize>>();
    let known = |keys: &[&str]| only(config, keys);
    let normalization = &["epsilon", "center", "scale", "axis"][..];
    Ok(match golden.json["layer"].as_str().unwrap() {
        "Dense" => {
            known(&["units", "activation", "use_bias"])?;
            let dense = Dense::new(number("units") as usize).activation(activation(config)?);
            dense.use_bias(config["use_bias"] == true).into()
        }
        "Activation" => {
            known(&["activation"])?;
            Activation::new(activation(config)?).into()
        }
        "Softmax" => {
            known(&["axis"])?;
            is(config, "axis", -1)?;
            Activation::new(wgrad::Softmax).into()
        }
        "ReLU" => {
            known(&["negative_slope", "max_value", "threshold"])?;
            let max_value = config["max_value"].as_f64().unwrap_or(f64::from(f32::MAX));
            let (negative_slope, threshold) = (number("negative_slope"), number("threshold"));
            Activation::new(ThresholdedRelu { negative_slope, max_value, threshold }).into()
        }
        "LeakyReLU" => {
            known(&["negative_slope"])?;
            Activation::new(LeakyRelu { negative_slope: number("negative_slope") }).into()
        }
        "ELU" => {
            known(&["alpha"])?;
            Activation::new(Elu { alpha: number("alpha") }).into()
        }
        "PReLU" => known(&[]).map(|()| PRelu::new().into())?,
        "Flatten" => {
            known(&["data_format"])?;
            is(config, "data_format", "channels_last")?;
            Flatten::new().into()
        }
        "Reshape" => known(&["target_shape"]).map(|()| Reshape::new(wholes("target_shape")).into())?,
        "Permute" => {
            known(&["dims"])?;
            Permute::new(wholes("dims").into_iter().map(|d| d as usize).collect::<Vec<_>>()).into()
        }
        "RepeatVector" => known(&["n"]).map(|()| RepeatVector::new(number("n") as usize).into())?,
        "Concatenate" => known(&["axis"]).map(|()| Concatenate::new().axis(whole(&config["axis"])).into())?,
        "Add" => known(&[]).map(|()| Add::new().into())?,
        "Subtract" => known(&[]).map(|()| Subtract::new().into())?,
        "Multiply" => known(&[]).map(|()| Multiply::new().into())?,
        "Average" => known(&[]).map(|()| Average::new().into())?,
        "Maximum" => known(&[]).map(|()| Maximum::new().into())?,
        "Minimum" => known(&[]).map(|()| Minimum::new().into())?,
        "Dot" => {
            known(&["axes", "normalize"])?;
            let axes = match &config["axes"] {
                Json::Array(two) => [whole(&two[0]), whole(&two[1])],
                one => [whole(one); 2],
            };
            Dot::new(axes).normalize(config["normalize"] == true).into()
        }
        "BatchNormalization" => {
            known(&[normalization, &["momentum", "synchronized", "renorm", "renorm_momentum"]].concat())?;
            is(config, "axis", -1)?;
            is(config, "synchronized", false)?;
            is(config, "renorm", false)?;
            let layer = BatchNormalization::new().momentum(number("momentum")).epsilon(number("epsilon"));
            layer.center(config["center"] == true).scale(config["scale"] == true).into()
        }
        "LayerNormalization" => {
            known(&[normalization, &["rms_scaling"]].concat())?;
            is(config, "axis", vec![-1])?;
            is(config, "rms_scaling", false)?;
            let layer = LayerNormalization::new().epsilon(number("epsilon"));
            layer.center(config["center"] == true).scale(config["scale"] == true).into()
        }
        "Dropout" => known(&["rate"]).map(|()| Dropout::new(number("rate")).into())?,
        "Embedding" => {
            known(&["input_dim", "output_dim", "mask_zero"])?;
            is(config, "mask_zero", false)?;
            Embedding::new(number("input_dim") as usize, number("output_dim") as usize).into()
        }
        layer => return Err(format!("layer {layer}")),
    })
}

fn activation(config: &Json) -> Covered<ActivationFunction> {
    let name = config["activation"].as_str().unwrap();
    ActivationFunction::named(name).map_err(|_| format!("activation {name}"))
}

/// The last part of a path: `kernel` of `dense/kernel`.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// What was recorded as weights or as state: the last parts of the names, but for the seed of a dropout.
fn recorded<'a>(golden: &'a Golden<'_>, kind: &str) -> Vec<&'a str> {
    let names = golden.json[kind].as_array().map_or(&[][..], Vec::as_slice);
    names.iter().map(|name| last(name.as_str().unwrap())).filter(|name| *name != "seed_generator_state").collect()
}

/// A model of the layer alone, with the weights of the case: the layer, its weights and its state, by name.
fn model(golden: &Golden<'_>, x: &[Tensor]) -> Covered<(Model, Vec<String>, Vec<String>)> {
    let placed = layer(golden)?.named("layer");
    let is_embedding = golden.json["layer"] == "Embedding";
    let symbol = |x: &Tensor| match is_embedding {
        true => Symbol::ids(x.shape().without_batch()),
        false => Symbol::input(x.shape().without_batch()),
    };
    let inputs: Vec<Symbol> = x.iter().map(symbol).collect();
    let mut model = Model::new(&inputs[..], &placed.on(&inputs[..])).build(&Device::cpu_f64()).unwrap();
    let of = |kind: &str| recorded(golden, kind).into_iter().map(|name| format!("layer/{name}")).collect::<Vec<_>>();
    let (weights, state) = (of("weights"), of("state"));
    let mut known = model.weight_names().into_iter().map(String::from).collect::<Vec<_>>();
    let mut all = [&weights[..], &state].concat();
    known.sort();
    all.sort();
    assert_eq!(known, all, "{}", golden.name());
    for (names, prefix) in [(&weights, "w"), (&state, "s")] {
        for (i, name) in names.iter().enumerate() {
            model.set_weight(name, &golden.tensor(&format!("{prefix}{i}"))).unwrap();
        }
    }
    Ok((model, weights, state))
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    let x: Vec<Tensor> = (0..).map_while(|i| golden.find(&format!("x{i}"))).collect();
    let (model, weights, state) = model(golden, &x)?;
    let variables = model.variables();
    let index = |name: &String| variables.iter().position(|v| v.name == *name).unwrap();

    let g = Builder::new(Arc::new(variables.clone()));
    let is_embedding = golden.json["layer"] == "Embedding";
    let of_rows = |x: &Tensor| match is_embedding {
        true => Type::u32(x.shape().clone()).batched(true),
        false => Type::f32(x.shape().clone()).batched(true),
    };
    let inputs: Vec<Value> = x.iter().map(|x| g.data(of_rows(x))).collect();
    let y = model.call(&g, &inputs, golden.json["training"] == true).unwrap()[0];
    let dy = g.data(g.ty(y));
    let by_input = (0..inputs.len()).filter(|_| !is_embedding).map(|i| (inputs[i], format!("grad_x{i}")));
    let by_weight =
        weights.iter().enumerate().map(|(i, name)| (g.variable(index(name)).unwrap(), format!("grad_w{i}")));
    let (wrt, names): (Vec<Value>, Vec<String>) = by_input.chain(by_weight).unzip();
    let gradients = g.gradients(&[(y, dy)], &wrt).unwrap().into_iter().map(Option::unwrap);
    let outputs: Vec<(Value, String)> = std::iter::once((y, "y".into())).chain(gradients.zip(names)).collect();
    outputs.iter().for_each(|(value, _)| g.output(*value));
    step_end(&g, 1).unwrap();

    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    for (i, variable) in variables.iter().enumerate() {
        storage.write(i, &model.weight(&variable.name).unwrap()).unwrap();
    }
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    for (&value, x) in inputs.iter().zip(&x) {
        upload(&mut *executable, value, x);
    }
    upload(&mut *executable, dy, &golden.tensor("grad_y"));
    run(&mut *executable, &graph, &[x[0].rows() as u32]);
    let compare = |(value, name): (Value, String)| {
        let far = distance(&download(&mut *executable, value), &golden.tensor(&name).to_f64());
        (name, far, bar(device))
    };
    let mut found: Vec<_> = outputs.into_iter().map(compare).collect();
    for (i, name) in state.iter().enumerate() {
        let after = storage.read(index(name), &graph.variables.get(index(name)).unwrap().ty).unwrap();
        let want = golden.find(&format!("s{i}_after")).unwrap_or_else(|| golden.tensor(&format!("s{i}")));
        found.push((format!("{name} after"), distance(&after.to_f64(), &want.to_f64()), bar(device)));
    }
    Ok(found)
}
