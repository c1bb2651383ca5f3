//! Whole trainings against values from Keras in float64.

mod common;

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

    fn history(&self, key: &str) -> Vec<f64> {
        self.tensor(&format!("history_{key}")).to_f64().into_owned()
    }

    fn number(&self, key: &str) -> usize {
        self.config[key].as_u64().unwrap() as usize
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
        let split = self.config["config"]["validation_split"].as_f64().unwrap_or(0.0);
        let fit = fit.validation_split(split).verbosity(Verbosity::Silent);
        let history = model.fit(&x, self.tensor("y"), fit).unwrap();
        (model, history)
    }

    /// Compares a training in f64: every number within `bar` of the largest one of its tensor.
    fn exact(&self, bar: f64) {
        let (mut model, history) = self.train(&Device::cpu_f64());
        for key in history.by_key().keys() {
            close(&format!("{} {key}", self.name), &history.get(key), &self.history(key), bar);
        }
        let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
        for (i, name) in names.iter().enumerate() {
            let want = self.tensor(&format!("final{i}"));
            close(name, &model.weight(name).unwrap().to_f64(), &want.to_f64(), bar);
        }
        let predicted = model.predict(self.tensor("x")).unwrap();
        close("predict", &predicted.to_f64(), &self.tensor("predict").to_f64(), bar);
        let scores = model.evaluate(self.tensor("x"), self.tensor("y")).unwrap();
        for (key, &score) in &scores {
            close(key, &[score], &[self.config["evaluate"][key].as_f64().unwrap()], bar);
        }
    }

    /// Compares a training in f32: losses within 1e-3, an accuracy differs by at most one row.
    fn close(&self, device: &Device) {
        let (mut model, history) = self.train(device);
        let rows = self.tensor("x").rows() as f64;
        for key in history.by_key().keys() {
            for (got, want) in history.get(key).into_iter().zip(self.history(key)) {
                let of = if key.starts_with("val_") { rows * 0.2 } else { rows * 0.8 };
                let bar = if key.ends_with("accuracy") { 1.01 / of } else { 1e-3 * want.abs() };
                assert!((got - want).abs() <= bar, "{} {key} on {device}: got {got}, want {want}", self.name);
            }
        }
        let scores = model.evaluate(self.tensor("x"), self.tensor("y")).unwrap();
        let want = self.config["evaluate"]["loss"].as_f64().unwrap();
        assert!((scores["loss"] - want).abs() <= 1e-3 * want, "{} on {device}: {scores:?}, want {want}", self.name);
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
