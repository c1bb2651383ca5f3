//! Losses: the loss, and the gradient by predictions.

use std::sync::Arc;

use serde_json::Value as Json;
use wgrad::graph::{Builder, Report, Variables};
use wgrad::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Huber, LogCosh, Loss, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
use wgrad::ops::{Targets, step_end};
use wgrad::program::Options;
use wgrad::{Device, Tensor, Type};

use crate::golden::{Covered, Found, Golden, Group, bar, distance, download, is, only, run, upload};

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "bce",
    "bce_wide",
    "bce_clipped",
    "bce_logits",
    "bce_smoothing",
    "bce_weighted",
    "cce",
    "cce_unnormalised",
    "cce_logits",
    "cce_smoothing",
    "cce_weighted",
    "scce",
    "scce_logits",
    "MeanSquaredError",
    "MeanAbsoluteError",
    "Huber",
    "LogCosh",
    "mse_weighted",
    "huber_delta",
];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("losses"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("losses", device, REQUIRED);
}

/// The loss of a class and a config: what a loss and a metric have in common.
pub fn loss(class: &str, config: &Json) -> Covered<Box<dyn Loss>> {
    let from_logits = config["from_logits"] == true;
    let smoothing = config["label_smoothing"].as_f64().unwrap_or(0.0);
    is(config, "reduction", "sum_over_batch_size")?;
    is(config, "axis", -1)?;
    let known = |options: &[&str]| only(config, &[options, &["reduction", "axis"]].concat());
    Ok(match class {
        "BinaryCrossentropy" => {
            known(&["from_logits", "label_smoothing"])?;
            Box::new(BinaryCrossentropy::default().from_logits(from_logits).label_smoothing(smoothing))
        }
        "CategoricalCrossentropy" => {
            known(&["from_logits", "label_smoothing"])?;
            Box::new(CategoricalCrossentropy::default().from_logits(from_logits).label_smoothing(smoothing))
        }
        "SparseCategoricalCrossentropy" => {
            known(&["from_logits"])?;
            Box::new(SparseCategoricalCrossentropy::default().from_logits(from_logits))
        }
        "MeanSquaredError" => {
            known(&[])?;
            Box::new(MeanSquaredError)
        }
        "MeanAbsoluteError" => {
            known(&[])?;
            Box::new(MeanAbsoluteError)
        }
        "LogCosh" => {
            known(&[])?;
            Box::new(LogCosh)
        }
        "Huber" => {
            known(&["delta"])?;
            Box::new(Huber::default().delta(config["delta"].as_f64().unwrap()))
        }
        _ => return Err(class.to_string()),
    })
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    let loss = loss(golden.json["loss"].as_str().unwrap(), golden.config())?;
    loss.check().unwrap();
    let (p, y) = (golden.tensor("y_pred"), golden.tensor("y_true"));
    let weights = golden.find("sample_weight").unwrap_or_else(|| Tensor::full([p.rows()], 1.0).unwrap());
    let g = Builder::new(Arc::new(Variables::default()));
    let data = [Type::f32(p.shape().clone()).batched(true), Type::f32(y.shape().clone()), Type::f32([p.rows()])];
    let [p_value, y_value, w_value] = data.map(|ty| g.data(ty));
    let column = g.column("weight", |_| 1.0);
    let targets = Targets { y: y_value, weights: w_value };
    let value = loss.call(&g, p_value, targets, Some(column)).unwrap();
    let terms = (p.rows() * value.terms_per_row) as f64;
    g.report(Report::mean("loss", value.sums, value.terms_per_row));
    // That of a loss made of ops is by what they give, and goes back through them.
    let by_p = g.gradients(&[(value.prediction, value.gradient)], &[p_value]).unwrap()[0].unwrap();
    g.output(by_p);
    step_end(&g, 1).unwrap();

    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    for (value, tensor) in [(p_value, &p), (y_value, &y), (w_value, &weights)] {
        upload(&mut *executable, value, tensor);
    }
    let results = run(&mut *executable, &graph, &[p.rows() as u32]);
    let far = distance(&[results[0].sums[0] / terms], &golden.tensor("loss").to_f64());
    // In f32 the upper bound of the clip, 1 - 1e-7, is 1 - 2^-23: the README of the golden values says how far that is.
    let clipped = golden.name() == "bce_clipped" && !device.is_exact();
    let gradient = download(&mut *executable, by_p);
    Ok(vec![
        ("loss".into(), far, if clipped { 1e-2 } else { bar(device) }),
        ("grad_y_pred".into(), distance(&gradient, &golden.tensor("grad_y_pred").to_f64()), bar(device)),
    ])
}
