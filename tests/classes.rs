//! Training on classes: targets of every kind, metrics by name, the same numbers on every device.

mod common;

use wgrad::layers::ActivationFunction;
use wgrad::losses::{CategoricalCrossentropy, Huber, Loss, MeanSquaredError, SparseCategoricalCrossentropy};
use wgrad::metrics::{BinaryAccuracy, MetricSpec, RootMeanSquaredError};
use wgrad::optimizers::Adam;
use wgrad::train::{Logs, Verbosity};
use wgrad::{Dense, Device, Error, Fit, Layer, Linear, Model, Relu, Sequential, Softmax, Tensor};

const CLASSES: usize = 4;

/// Points on a circle, and the quarter that each stands in.
fn quarters(rows: usize) -> (Tensor, Tensor) {
    let angle = |i: usize| 2.399_963 * i as f32;
    let x = (0..rows).flat_map(|i| [angle(i).cos(), angle(i).sin()]).collect();
    let quarter = |i: usize| (angle(i) / std::f32::consts::FRAC_PI_2).floor() % CLASSES as f32;
    let (x, y) = (Tensor::new([rows, 2], x).unwrap(), Tensor::new([rows], (0..rows).map(quarter).collect()).unwrap());
    (x, y)
}

fn one_hot(y: &Tensor) -> Tensor {
    let classes = y.to_f32();
    let row = |&class: &f32| (0..CLASSES).map(move |j| f32::from(j as f32 == class));
    Tensor::new([y.rows(), CLASSES], classes.iter().flat_map(row).collect()).unwrap()
}

fn model(last: impl Into<ActivationFunction>, device: &Device) -> Model {
    let hidden = Dense::new(16).activation(Relu).input_shape([2]);
    Sequential::new().add(hidden).add(Dense::new(CLASSES).activation(last)).build(device).unwrap()
}

/// The logs of a short training.
fn train(mut model: Model, loss: impl Loss + 'static, y: &Tensor) -> Logs {
    model.compile(Adam::new(0.02), loss, ["accuracy"]).unwrap();
    let fit = Fit::epochs(8).batch_size(32).shuffle(false).verbosity(Verbosity::Silent);
    let history = model.fit(quarters(203).0, y, fit).unwrap();
    history.epochs().last().unwrap().clone()
}

#[test]
fn classes_are_learned_alike_from_every_kind_of_target_on_every_device() {
    let (_, y) = quarters(203);
    let column = y.reshape([203, 1]).unwrap();
    let sparse = SparseCategoricalCrossentropy::default;
    let exact = train(model(Softmax, &Device::cpu_f64()), sparse(), &y);
    assert!(exact["accuracy"] > 0.9, "{exact:?}");
    common::on_every_device("classes_are_learned_alike_from_every_kind_of_target_on_every_device", |device| {
        let model = |last: ActivationFunction| model(last, device);
        let all = [
            train(model(Softmax.into()), sparse(), &y),
            train(model(Softmax.into()), sparse(), &column),
            train(model(Softmax.into()), CategoricalCrossentropy::default(), &one_hot(&y)),
            train(model(Linear.into()), sparse().from_logits(true), &y),
            train(model(Linear.into()), CategoricalCrossentropy::default().from_logits(true), &one_hot(&y)),
        ];
        for logs in all {
            assert!((logs["loss"] / exact["loss"] - 1.0).abs() < 1e-3, "{device}: {logs:?}, {exact:?}");
            assert!((logs["accuracy"] - exact["accuracy"]).abs() < 1.01 / 203.0, "{device}: {logs:?}, {exact:?}");
        }
    });
}

#[test]
fn a_target_that_is_no_class_is_refused_before_anything_runs() {
    let (x, y) = quarters(9);
    let mut model = model(Softmax, &Device::cpu());
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), ["accuracy"]).unwrap();
    for wrong in [4.0, -1.0, 0.5, f32::NAN] {
        let mut classes = y.to_f32().into_owned();
        classes[7] = wrong;
        let error = model.evaluate(&x, Tensor::new([9], classes).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
        assert!(error.to_string().contains("below 4, in row 7"), "{error}");
    }
    let error = model.evaluate(&x, one_hot(&y)).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    assert!(error.to_string().contains("[9, 1]"), "{error}");
}

#[test]
fn predictions_in_time_have_a_target_each() {
    let layer = || Dense::new(3).activation(Softmax).input_shape([5, 2]);
    let mut model = Sequential::new().add(layer()).build(&Device::cpu()).unwrap();
    let x = Tensor::new([7, 5, 2], (0..70).map(|i| (i % 11) as f32 / 5.0 - 1.0).collect()).unwrap();
    let y: Vec<f32> = (0..35).map(|i| (i % 3) as f32).collect();
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), ["accuracy"]).unwrap();
    let scores = model.evaluate(&x, Tensor::new([7, 5], y.clone()).unwrap()).unwrap();
    assert_eq!(scores, model.evaluate(&x, Tensor::new([7, 5, 1], y.clone()).unwrap()).unwrap());
    let p = model.predict(&x).unwrap();
    assert_eq!(p.shape().dims(), [7, 5, 3]);
    let p = p.to_f32();
    let losses = y.iter().enumerate().map(|(i, &class)| -f64::from(p[3 * i + class as usize]).ln());
    assert!((scores["loss"] - losses.sum::<f64>() / 35.0).abs() < 1e-6, "{scores:?}");
    assert!((scores["accuracy"] * 35.0).fract().abs() < 1e-6, "a share of all 35: {scores:?}");
    let fit = Fit::epochs(1).batch_size(4).verbosity(Verbosity::Silent);
    model.fit(&x, Tensor::new([7, 5], y).unwrap(), fit).unwrap();
}

#[test]
fn every_loss_is_a_metric_and_a_metric_has_its_settings() {
    let mut model = Sequential::new().add(Dense::new(2).input_shape([2])).build(&Device::cpu()).unwrap();
    let (x, _) = quarters(20);
    let metrics: [MetricSpec; 6] = [
        RootMeanSquaredError.into(),
        Huber::default().delta(0.5).into(),
        BinaryAccuracy::default().threshold(0.25).into(),
        "mae".into(),
        "accuracy".into(),
        "mse".into(),
    ];
    model.compile(Adam::default(), MeanSquaredError, metrics).unwrap();
    let scores = model.evaluate(&x, &x).unwrap();
    let keys: Vec<&str> = scores.keys().map(String::as_str).collect();
    assert_eq!(keys, ["accuracy", "binary_accuracy", "huber", "loss", "mae", "mse", "root_mean_squared_error"]);
    assert_eq!(scores["loss"], scores["mse"]);
    assert!((scores["root_mean_squared_error"] - scores["mse"].sqrt()).abs() < 1e-12, "{scores:?}");
    let mut refused = |metric: MetricSpec| model.compile(Adam::default(), MeanSquaredError, [metric]).unwrap_err();
    assert!(refused(BinaryAccuracy::default().threshold(1.5).into()).to_string().contains("threshold"));
    assert!(refused(Huber::default().delta(-1.0).into()).to_string().contains("delta"));
    assert!(refused("auk".into()).to_string().contains("sparse_categorical_accuracy"));
}

#[test]
fn activations_are_found_by_name() {
    for name in ["softmax", "log_softmax", "relu", "linear"] {
        assert_eq!(ActivationFunction::named(name).unwrap().name(), name);
    }
    let error = ActivationFunction::named("softmux").unwrap_err().to_string();
    assert!(error.contains("sigmoid") && error.contains("log_softmax"), "{error}");
}
