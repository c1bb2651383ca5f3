//! What a training promises beyond its numbers: errors end it, what was sent off counts, settings are checked.

mod common;

use std::time::Duration;

use wgrad::graph::Value;
use wgrad::layers::{Config, Initializer, Layer, Scope, Vars};
use wgrad::losses::{BinaryCrossentropy, MeanSquaredError};
use wgrad::ops::{Matmul, bias_add, matmul};
use wgrad::optimizers::{Adam, LearningRate, Sgd};
use wgrad::train::Verbosity;
use wgrad::{Dense, Device, Error, Fit, Model, Result, Sequential, Sigmoid, Tensor, Type};

const TURN: Duration = Duration::ZERO;

fn regression(device: &Device) -> Model {
    let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).build(device).unwrap();
    model.compile(Adam::new(0.01), MeanSquaredError, ["mse"]).unwrap();
    model
}

fn fit(epochs: usize, batch: usize) -> Fit {
    Fit::epochs(epochs).batch_size(batch).shuffle(false).verbosity(Verbosity::Silent)
}

fn ramp(rows: usize, cols: usize) -> Tensor {
    Tensor::new([rows, cols], (0..rows * cols).map(|i| (i % 13) as f32 / 13.0).collect()).unwrap()
}

#[test]
fn an_error_ends_a_run() {
    common::on_every_device("an_error_ends_a_run", |device| {
        let mut x = ramp(12, 2).to_f32().into_owned();
        x[9] = f32::INFINITY;
        let x = Tensor::new([12, 2], x).unwrap();
        let mut model = regression(device);
        let mut run = model.run(&x, ramp(12, 1), fit(3, 4)).unwrap();
        let error = loop {
            if let Err(error) = run.advance(TURN) {
                break error;
            }
        };
        assert!(matches!(error, Error::NotFinite { epoch: 1, step: 2, .. }), "{error}");
        assert!(matches!(run.advance(TURN), Err(Error::Argument { .. })), "it must not go on");
        assert!(run.history().epochs().is_empty());
    });
}

#[test]
fn steps_that_were_sent_off_count_though_the_run_is_dropped() {
    common::on_every_device("steps_that_were_sent_off_count_though_the_run_is_dropped", |device| {
        // The same rows again and again: after k steps, however many they are, k + 1 more give what k + 1 + k would.
        let (x, y) = (Tensor::full([4000, 2], 0.5).unwrap(), Tensor::full([4000, 1], 1.0).unwrap());
        let mut model = regression(device);
        let mut run = model.run(&x, &y, fit(1, 4)).unwrap();
        for _ in 0..5 {
            run.advance(TURN).unwrap();
        }
        drop(run);
        let after = model.weight("dense/bias").unwrap().to_f32()[0];
        let mut whole = regression(device);
        let mut steps = 0;
        while whole.weight("dense/bias").unwrap().to_f32()[0].to_bits() != after.to_bits() {
            steps += 1;
            assert!(steps < 1000, "{device}: no number of whole steps gives the weights of the dropped run");
            whole.fit(x.slice_rows(0..4).unwrap(), y.slice_rows(0..4).unwrap(), fit(1, 4)).unwrap();
        }
        // Adam's next step depends on how many there were.
        for model in [&mut model, &mut whole] {
            model.fit(x.slice_rows(0..4).unwrap(), y.slice_rows(0..4).unwrap(), fit(1, 4)).unwrap();
        }
        let [a, b] = [&model, &whole].map(|m| m.weight("dense/bias").unwrap().to_f32()[0].to_bits());
        assert_eq!(a, b, "{device}, after {steps} steps");
    });
}

/// A dense layer of separate ops.
#[derive(Debug)]
struct Composed;

impl Layer for Composed {
    fn build(&self, vars: &mut Vars<'_>, _: &[Type]) -> Result<()> {
        vars.add("kernel", [2, 1], Initializer::GlorotUniform)?;
        vars.add("bias", [1], Initializer::Zeros)
    }
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let y = matmul(scope.builder(), x[0], scope.var("kernel")?, Matmul::default())?;
        Ok(vec![bias_add(scope.builder(), y, scope.var("bias")?)?])
    }
    fn config(&self) -> Config {
        Config::new("Composed", ())
    }
}

#[test]
fn a_layer_of_ops_trains_like_dense_and_halts_like_it() {
    common::on_every_device("a_layer_of_ops_trains_like_dense_and_halts_like_it", |device| {
        let mut composed = Sequential::new().add(Composed.input_shape([2])).build(device).unwrap();
        composed.compile(Adam::new(0.01), MeanSquaredError, ["mse"]).unwrap();
        let mut dense = regression(device);
        let (x, y) = (ramp(11, 2), ramp(11, 1));
        let [a, b] = [&mut composed, &mut dense].map(|m| m.fit(&x, &y, fit(3, 4)).unwrap().get("loss"));
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 1e-5 * b.abs(), "{device}: {a} and {b}");
        }
        let before = composed.weights_sha256().unwrap();
        // The loss is finite, 1e30; the gradient of the kernel is 1e15 times 2e15 and more.
        let x = Tensor::new([1, 2], vec![1e15, 0.0]).unwrap();
        let error = composed.fit(&x, Tensor::new([1, 1], vec![0.0]).unwrap(), fit(1, 1)).unwrap_err();
        assert!(matches!(error, Error::NotFinite { epoch: 1, step: 1, .. }), "{device}: {error}");
        assert_eq!(composed.weights_sha256().unwrap(), before, "{device}");
    });
}

#[test]
fn accuracy_is_that_of_the_prediction() {
    let device = Device::cpu();
    let mut model = Sequential::new().add(Dense::new(1).input_shape([1])).build(&device).unwrap();
    model.compile(Sgd::default(), BinaryCrossentropy::default().from_logits(true), ["accuracy"]).unwrap();
    model.set_weight("dense/kernel", &Tensor::new([1, 1], vec![1.0]).unwrap()).unwrap();
    // Predictions 0.2, 0.5 and 0.7 of class 1: Keras counts those above 0.5, logits or not.
    let x = Tensor::new([3, 1], vec![0.2, 0.5, 0.7]).unwrap();
    let scores = model.evaluate(&x, Tensor::full([3, 1], 1.0).unwrap()).unwrap();
    assert!((scores["accuracy"] - 1.0 / 3.0).abs() < 1e-9, "{scores:?}");
}

#[test]
fn a_refused_compile_leaves_the_model_as_it_was() {
    let device = Device::cpu();
    let mut model = Sequential::new().add(Dense::new(3).activation(Sigmoid).input_shape([2])).build(&device).unwrap();
    model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["mse"]).unwrap();
    let (x, y) = (ramp(8, 2), Tensor::full([8, 3], 1.0).unwrap());
    let mut other = Sequential::new().add(Dense::new(3).activation(Sigmoid).input_shape([2])).build(&device).unwrap();
    other.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["mse"]).unwrap();
    for model in [&mut model, &mut other] {
        model.fit(&x, &y, fit(1, 4)).unwrap();
    }
    // There is no metric of that name, nor such a rate, nor such a share.
    let refused = [
        model.compile(Sgd::default(), BinaryCrossentropy::default(), ["nosuch"]),
        model.compile(Sgd::new(f64::NAN), BinaryCrossentropy::default(), ["mse"]),
        model.compile(Sgd::default(), BinaryCrossentropy::default().label_smoothing(-1.0), ["mse"]),
    ];
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    for model in [&mut model, &mut other] {
        model.fit(&x, &y, fit(1, 4)).unwrap();
    }
    assert_eq!(model.weights_sha256().unwrap(), other.weights_sha256().unwrap());
}

#[test]
fn no_rows_give_no_predictions_and_cannot_be_trained_on() {
    let mut model = regression(&Device::cpu());
    let none: Vec<Vec<f32>> = vec![];
    assert_eq!(model.predict(&none).unwrap().shape().dims(), [0, 1]);
    let error = model.fit(&none, &Vec::<f32>::new(), fit(1, 1)).unwrap_err();
    assert!(error.to_string().contains("at least one row"), "{error}");
    assert!(model.explain(0).is_err());
}

/// A layer whose output has no batch axis.
#[derive(Debug)]
struct Gram;

impl Layer for Gram {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![matmul(scope.builder(), x[0], x[0], Matmul { transpose_a: true, transpose_b: false })?])
    }
    fn config(&self) -> Config {
        Config::new("Gram", ())
    }
}

#[test]
fn layers_that_do_not_fit_are_refused_by_name() {
    let device = Device::cpu();
    let build = |model: Sequential| model.build(&device).unwrap_err().to_string();
    let dense = |units: usize| Dense::new(units).input_shape([3]);
    let gram = build(Sequential::new().add(dense(2)).add(Gram));
    assert!(gram.starts_with("layer 1 (gram): output: expected [batch, …], got [2, 2]"), "{gram}");
    let twice = build(Sequential::new().add(dense(2)).add(dense(1)));
    assert!(twice.starts_with("layer 1 (dense_1): input_shape: expected [2], what comes in, got [3]"), "{twice}");
    let missing = build(Sequential::new().add(Dense::new(1)));
    assert!(missing.contains("input_shape"), "{missing}");
    let scalar = build(Sequential::new().add(Dense::new(1).input_shape([])));
    assert!(scalar.contains("features]"), "{scalar}");
    assert!(build(Sequential::new()).contains("layers"));
}

#[test]
fn metrics_are_logged_under_the_names_they_were_given() {
    let mut model = regression(&Device::cpu());
    let scores = model.evaluate(&[[0.0, 1.0], [1.0, 2.0]], &[1.0, 2.0]).unwrap();
    assert_eq!(scores.keys().collect::<Vec<_>>(), ["loss", "mse"]);
    assert_eq!(scores["loss"], scores["mse"]);
}

#[test]
fn a_run_that_has_ended_goes_on_saying_so() {
    let mut model = regression(&Device::cpu());
    let mut run = model.run(ramp(8, 2), ramp(8, 1), fit(2, 4)).unwrap();
    let last = loop {
        let progress = run.advance(TURN).unwrap();
        if progress.done {
            break progress;
        }
    };
    let again = run.advance(TURN).unwrap();
    assert_eq!((again.done, again.step, &again.logs), (true, last.step, &last.logs));
    assert_eq!(run.history().epochs().len(), 2);
}

#[test]
fn a_rate_and_loss_weights_change_between_epochs_and_nothing_is_compiled() {
    common::on_every_device("a_rate_and_loss_weights_change_between_epochs_and_nothing_is_compiled", |device| {
        let (x, y) = (ramp(12, 2), ramp(12, 1));
        // What a rule gives for each epoch of three steps, set by hand and set to 0 at the end.
        let rates = [0.05, 0.5, 0.0];
        let trained = |by_hand: bool| {
            let mut model = regression(device);
            let rule = LearningRate::from_fn(move |step| rates[step as usize / 3]);
            let rate = if by_hand { LearningRate::from(rates[0]) } else { rule };
            model.compile(Sgd::new(rate), MeanSquaredError, ["mse"; 0]).unwrap();
            let mut run = model.run(&x, &y, fit(3, 4)).unwrap();
            let (mut pipelines, mut epoch) = (None, 0);
            loop {
                let progress = run.advance(TURN).unwrap();
                if progress.epoch_ended && !progress.done {
                    epoch += 1;
                    let compiled = device.counters().map(|counters| counters.pipelines);
                    assert_eq!(*pipelines.get_or_insert(compiled), compiled, "{device}");
                    if by_hand {
                        run.set_learning_rate(rates[epoch]).unwrap();
                    }
                }
                if progress.done {
                    break;
                }
            }
            drop(run);
            model.weights_sha256().unwrap()
        };
        assert_eq!(trained(true), trained(false), "{device}");
        let mut model = regression(device);
        assert!(model.set_learning_rate(-1.0).is_err() && model.set_learning_rate(f64::NAN).is_err());
        assert!(model.set_loss_weight("nothing", 1.0).is_err());
        let output = model.output_names()[0].to_string();
        model.set_loss_weight(&output, 0.0).unwrap();
        let before = model.weights_sha256().unwrap();
        let losses = model.fit(&x, &y, fit(2, 4)).unwrap().get("loss");
        assert_eq!((losses, model.weights_sha256().unwrap()), (vec![0.0; 2], before), "{device}");
        // A rule that gives no number ends the run before the epoch that it is for.
        model
            .compile(
                Sgd::new(LearningRate::from_fn(|s| if s < 3 { 0.1 } else { f64::NAN })),
                MeanSquaredError,
                ["mse"; 0],
            )
            .unwrap();
        let error = model.fit(&x, &y, fit(2, 4)).unwrap_err().to_string();
        assert!(error.starts_with("learning rate at step 3: expected a finite number"), "{device}: {error}");
    });
}

#[test]
fn a_batch_that_is_too_large_is_answered_with_one_that_fits() {
    common::on_every_adapter("a_batch_that_is_too_large_is_answered_with_one_that_fits", |device| {
        let most = device.caps().max_binding_bytes;
        if most > 256 << 20 {
            return println!("{device}: not run, for it takes more than this test should");
        }
        // An output of 16 rows is as large as a binding may be.
        let units = (most / 4 / 16) as usize;
        let hidden = Dense::new(units).kernel_initializer(Initializer::Zeros).input_shape([1]);
        let mut model = Sequential::new().add(hidden).add(Dense::new(1)).build(device).unwrap();
        model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0]).unwrap();
        let (x, y) = (ramp(40, 1), ramp(40, 1));
        let error = model.fit(&x, &y, fit(1, 40)).unwrap_err();
        let Error::Batch { batch: 40, fits, source } = error else { panic!("{device}: {error}") };
        assert!(matches!(*source, Error::Limit { .. }), "{device}: {source}");
        assert_eq!(fits, 16, "{device}");
        model.train_on_batch(x.slice_rows(0..fits).unwrap(), y.slice_rows(0..fits).unwrap()).unwrap();
    });
}
