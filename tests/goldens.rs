//! Whole trainings against values from Keras in float64.

mod common;

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use wgrad::layers::Dense;
use wgrad::losses::BinaryCrossentropy;
use wgrad::optimizers::Adam;
use wgrad::train::{Fit, History, Verbosity};
use wgrad::{Device, Model, Relu, Sequential, Sigmoid, Tensor};

const FILE: &[u8] = include_bytes!("goldens/training.safetensors");
const CASES: &str = include_str!("goldens/training.json");

/// A training as it was recorded.
struct Golden {
    name: &'static str,
    config: serde_json::Value,
}

impl Golden {
    fn new(name: &'static str) -> Self {
        let all: serde_json::Value = serde_json::from_str(CASES).unwrap();
        let config = all["cases"].as_array().unwrap().iter().find(|c| c["case"] == name).unwrap().clone();
        Self { name, config }
    }

    fn tensor(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(FILE).unwrap();
        let view = file.tensor(&format!("{}/{name}", self.name)).unwrap();
        let values = view.data().chunks_exact(8);
        let values = match view.dtype() {
            safetensors::Dtype::F64 => values.map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            _ => values.map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        };
        Tensor::from_f64(view.shape(), values).unwrap()
    }

    /// The history as it was recorded: all of its keys, an epoch a value.
    fn history(&self) -> BTreeMap<String, Vec<f64>> {
        let file = SafeTensors::deserialize(FILE).unwrap();
        let prefix = format!("{}/history_", self.name);
        let keys = file.names().into_iter().filter_map(|name| name.strip_prefix(&prefix).map(String::from));
        let of = |key: String| {
            let values = self.tensor(&format!("history_{key}")).to_f64().into_owned();
            (key, values)
        };
        keys.map(of).collect()
    }

    /// What was recorded of the history, of each key with ours: the same keys, and as many epochs.
    fn histories(&self, ours: &History) -> Vec<(String, Vec<f64>, Vec<f64>)> {
        let (mut ours, recorded) = (ours.by_key(), self.history());
        assert!(recorded.contains_key("loss"), "{}: {recorded:?}", self.name);
        assert!(ours.keys().eq(recorded.keys()), "{}: {ours:?}", self.name);
        let pair = |(key, want): (String, Vec<f64>)| {
            let got = ours.remove(&key).unwrap();
            assert_eq!((got.len(), want.len()), (self.number("epochs"), self.number("epochs")), "{} {key}", self.name);
            (key, got, want)
        };
        recorded.into_iter().map(pair).collect()
    }

    /// What `evaluate` gave: every key that was recorded, and no other.
    fn scores(&self, model: &mut Model) -> Vec<(String, f64, f64)> {
        let mut scores = model.evaluate(self.tensor("x"), self.tensor("y")).unwrap();
        let recorded = self.config["evaluate"].as_object().unwrap();
        assert!(scores.keys().eq(recorded.keys()), "{}: {scores:?}", self.name);
        recorded.iter().map(|(key, v)| (key.clone(), scores.remove(key).unwrap(), v.as_f64().unwrap())).collect()
    }

    fn number(&self, key: &str) -> usize {
        self.config[key].as_u64().unwrap() as usize
    }

    fn split(&self) -> f64 {
        self.config["config"]["validation_split"].as_f64().unwrap_or(0.0)
    }

    /// Trains the classifier of the case from the recorded weights.
    fn train(&self, device: &Device) -> (Model, History) {
        let x = self.tensor("x");
        let mut model = Sequential::new()
            .add(Dense::new(64).activation(Relu).input_shape([x.shape().dims()[1]]))
            .add(Dense::new(32).activation(Relu))
            .add(Dense::new(1).activation(Sigmoid))
            .build(device)
            .unwrap();
        model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
        let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
        for (i, name) in names.iter().enumerate() {
            model.set_weight(name, &self.tensor(&format!("init{i}"))).unwrap();
        }
        let fit = Fit::epochs(self.number("epochs")).batch_size(self.number("batch_size")).shuffle(false);
        let fit = fit.validation_split(self.split()).verbosity(Verbosity::Silent);
        let history = model.fit(&x, self.tensor("y"), fit).unwrap();
        (model, history)
    }

    /// Compares a training in f64: every number within `bar` of the largest one of its tensor.
    fn exact(&self, bar: f64) {
        let (mut model, history) = self.train(&Device::cpu_f64());
        for (key, got, want) in self.histories(&history) {
            close(&format!("{} {key}", self.name), &got, &want, bar);
        }
        let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
        for (i, name) in names.iter().enumerate() {
            let want = self.tensor(&format!("final{i}"));
            close(name, &model.weight(name).unwrap().to_f64(), &want.to_f64(), bar);
        }
        let predicted = model.predict(self.tensor("x")).unwrap();
        close("predict", &predicted.to_f64(), &self.tensor("predict").to_f64(), bar);
        for (key, got, want) in self.scores(&mut model) {
            close(&key, &[got], &[want], bar);
        }
    }

    /// Compares a training in f32: losses within 1e-3, an accuracy differs by at most one row.
    fn close(&self, device: &Device) {
        let (mut model, history) = self.train(device);
        let rows = self.tensor("x").rows();
        let trained = (rows as f64 * (1.0 - self.split())).floor() as usize;
        let check = |key: &str, rows: usize, got: f64, want: f64| {
            let bar = if key.ends_with("accuracy") { 1.01 / rows as f64 } else { 1e-3 * want.abs() };
            assert!((got - want).abs() <= bar, "{} {key} on {device}: got {got}, want {want}", self.name);
        };
        for (key, got, want) in self.histories(&history) {
            let rows = if key.starts_with("val_") { rows - trained } else { trained };
            got.into_iter().zip(want).for_each(|(got, want)| check(&key, rows, got, want));
        }
        for (key, got, want) in self.scores(&mut model) {
            check(&format!("evaluate {key}"), rows, got, want);
        }
    }
}

fn close(what: &str, got: &[f64], want: &[f64], bar: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= bar * largest, "{what}[{i}]: got {got}, want {want}");
    }
}

#[test]
fn binary_sequential_in_f64() {
    Golden::new("binary_sequential").exact(1e-7);
}

#[test]
fn binary_sequential_split_in_f64() {
    Golden::new("binary_sequential_split").exact(1e-7);
}

#[test]
fn trainings_on_every_device() {
    common::on_every_device("trainings_on_every_device", |device| {
        Golden::new("binary_sequential").close(device);
        Golden::new("binary_sequential_split").close(device);
    });
}
