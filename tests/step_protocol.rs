//! The step protocol: halting, counting, rows that count, and no traffic in an epoch.

mod common;

use std::time::Duration;

use wgrad::layers::Flatten;
use wgrad::losses::{BinaryCrossentropy, MeanSquaredError};
use wgrad::optimizers::{Adam, AdamW, Optimizer, Rmsprop, Sgd};
use wgrad::train::Verbosity;
use wgrad::{Dense, Device, Error, Fit, Layer, Model, Relu, Sequential, Sigmoid, Tensor};

fn classifier(device: &Device) -> Model {
    trained_by(device, Adam::new(0.01))
}

fn trained_by(device: &Device, optimizer: impl Optimizer + 'static) -> Model {
    let mut model = Sequential::new()
        .add(Dense::new(7).activation(Relu).input_shape([5]))
        .add(Dense::new(1).activation(Sigmoid))
        .build(device)
        .unwrap();
    model.compile(optimizer, BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    model
}

/// Rows that are far from equal, with labels.
fn rows(n: usize) -> (Tensor, Tensor) {
    let x = (0..5 * n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    let y = (0..n).map(|i| (i * 7 % 3 % 2) as f32).collect();
    (Tensor::new([n, 5], x).unwrap(), Tensor::new([n, 1], y).unwrap())
}

fn fit(epochs: usize, batch: usize) -> Fit {
    Fit::epochs(epochs).batch_size(batch).shuffle(false).verbosity(Verbosity::Silent)
}

fn weights(model: &Model) -> Vec<Vec<u32>> {
    let bits = |name: &str| model.weight(name).unwrap().to_f32().iter().map(|v| v.to_bits()).collect();
    model.weight_names().into_iter().map(bits).collect()
}

#[test]
fn a_halted_run_leaves_the_state_of_the_last_good_step() {
    common::on_every_device("a_halted_run_leaves_the_state_of_the_last_good_step", |device| {
        let (x, y) = rows(40);
        for bad in [0, 3, 9] {
            // With a NaN in batch `bad` of ten, the run stops there with the weights of `bad` steps.
            let mut data = x.to_f32().into_owned();
            data[bad * 4 * 5 + 11] = f32::NAN;
            let mut stopped = classifier(device);
            let error = stopped.fit(Tensor::new([40, 5], data).unwrap(), &y, fit(2, 4)).unwrap_err();
            let Error::NotFinite { what, rows, epoch, step, .. } = &error else { panic!("{error}") };
            assert_eq!((what.as_str(), *epoch, *step), ("the input `input_layer`", 1, bad as u64 + 1), "{device}");
            assert_eq!(rows[..], [4 * bad as u64 + 2], "{device}");
            let mut good = classifier(device);
            if bad > 0 {
                let [x, y] = [&x, &y].map(|t| t.slice_rows(0..4 * bad).unwrap());
                good.fit(&x, &y, fit(1, 4)).unwrap();
            }
            assert_eq!(weights(&stopped), weights(&good), "{device}, batch {bad}");
            stopped.fit(&x, &y, fit(1, 4)).unwrap(); // and it goes on from there
        }
    });
}

#[test]
fn a_halted_step_changes_nothing_that_any_optimizer_writes() {
    fn check(device: &Device, optimizer: impl Optimizer + Clone + 'static) {
        // With a NaN in the last batch of three; then the same two batches again, which shows what was kept of them.
        let (x, y) = rows(12);
        let mut data = x.to_f32().into_owned();
        data[50] = f32::NAN;
        let [x, y8] = [&x, &y].map(|t| t.slice_rows(0..8).unwrap());
        let mut stopped = trained_by(device, optimizer.clone());
        stopped.fit(Tensor::new([12, 5], data).unwrap(), &y, fit(1, 4)).unwrap_err();
        let mut good = trained_by(device, optimizer.clone());
        for model in [&mut good, &mut stopped] {
            model.fit(&x, &y8, fit(1, 4)).unwrap();
        }
        good.fit(&x, &y8, fit(1, 4)).unwrap();
        assert_eq!(weights(&stopped), weights(&good), "{device}: {optimizer:?}");
    }
    common::on_every_device("a_halted_step_changes_nothing_that_any_optimizer_writes", |device| {
        check(device, Adam::new(0.01));
        check(device, AdamW::new(0.01).weight_decay(0.5));
        check(device, Sgd::new(0.1).weight_decay(0.5));
        check(device, Sgd::new(0.1).momentum(0.9).nesterov(true).weight_decay(0.5));
        check(device, Rmsprop::new(0.01));
        check(device, Rmsprop::new(0.01).centered(true).momentum(0.9));
    });
}

#[test]
fn a_gradient_that_is_too_large_halts() {
    common::on_every_device("a_gradient_that_is_too_large_halts", |device| {
        let mut model = Sequential::new().add(Dense::new(1).input_shape([1])).build(device).unwrap();
        model.compile(Sgd::default(), MeanSquaredError, ["mse"; 0]).unwrap();
        let x = Tensor::new([1, 1], vec![1e19]).unwrap();
        let before = weights(&model);
        let error = model.fit(&x, Tensor::new([1, 1], vec![1.0]).unwrap(), fit(1, 1)).unwrap_err();
        assert!(matches!(error, Error::NotFinite { epoch: 1, step: 1, .. }), "{error}");
        assert_eq!(weights(&model), before);
    });
}

#[test]
fn the_smaller_last_batch_is_a_batch_of_its_own_size() {
    common::on_every_device("the_smaller_last_batch_is_a_batch_of_its_own_size", |device| {
        // 7 rows in batches of 4 are a step of 4 rows and one of 3; taken one after the other they give the same.
        let (x, y) = rows(7);
        let mut whole = classifier(device);
        let history = whole.fit(&x, &y, fit(1, 4)).unwrap();
        let mut parts = classifier(device);
        let part = |range: std::ops::Range<usize>| [&x, &y].map(|t| t.slice_rows(range.clone()).unwrap());
        let ([x4, y4], [x3, y3]) = (part(0..4), part(4..7));
        let first = parts.fit(&x4, &y4, fit(1, 4)).unwrap();
        let second = parts.fit(&x3, &y3, fit(1, 3)).unwrap();
        assert_eq!(weights(&whole), weights(&parts), "{device}");
        let mean = (4.0 * first[0]["loss"] + 3.0 * second[0]["loss"]) / 7.0;
        assert!((history[0]["loss"] - mean).abs() < 1e-12, "{device}: {} and {mean}", history[0]["loss"]);
    });
}

#[test]
fn an_epoch_uploads_and_allocates_nothing_but_its_order_and_table() {
    common::on_every_adapter("an_epoch_uploads_and_allocates_nothing_but_its_order_and_table", |device| {
        let (x, y) = rows(1003);
        let mut model = classifier(device);
        let mut run = model.run(&x, &y, fit(4, 8).validation_split(0.2)).unwrap();
        let mut ends = vec![];
        loop {
            let progress = run.advance(Duration::from_millis(1)).unwrap();
            if progress.epoch_ended {
                ends.push(device.counters().unwrap());
            }
            if progress.done {
                break;
            }
        }
        let launches = run.dispatches_per_step().unwrap();
        for pair in ends.windows(2) {
            let [before, after] = pair else { unreachable!() };
            // An order, a table with its words, and a cleared flag, for training and for validation.
            assert_eq!(after.uploads - before.uploads, 6);
            assert_eq!((after.buffers, after.bytes_allocated), (before.buffers, before.bytes_allocated));
            assert_eq!(after.pipelines, before.pipelines);
            let reads = after.read_backs - before.read_backs;
            assert_eq!(reads, after.submissions - before.submissions, "a row of results per submission");
        }
        assert_eq!(launches, 7); // 2 L + 3
    });
}

#[test]
fn the_same_seed_gives_the_same_bits_however_long_a_turn_is() {
    common::on_every_device("the_same_seed_gives_the_same_bits_however_long_a_turn_is", |device| {
        let (x, y) = rows(60);
        let train = |budget: u64, seed: u64| {
            let mut model = classifier(device);
            let mut run = model.run(&x, &y, fit(3, 8).shuffle(true).seed(seed)).unwrap();
            while !run.advance(Duration::from_micros(budget)).unwrap().done {}
            drop(run);
            weights(&model)
        };
        assert_eq!(train(0, 1), train(100_000, 1), "{device}");
        assert_ne!(train(0, 1), train(0, 2), "{device}");
    });
}

#[test]
fn predictions_have_a_row_per_row() {
    common::on_every_device("predictions_have_a_row_per_row", |device| {
        let mut model =
            Sequential::new().add(Flatten::new().input_shape([5, 1])).add(Dense::new(2)).build(device).unwrap();
        for n in [0, 1, 31, 32, 33, 70] {
            let x = Tensor::new([n, 5, 1], rows(n).0.to_f32().into_owned()).unwrap();
            let y = model.predict(&x).unwrap();
            assert_eq!(y.shape().dims(), [n, 2]);
            let w = model.weight("dense/kernel").unwrap();
            for (i, row) in x.to_f32().chunks(5).enumerate() {
                let want: f32 = row.iter().zip(w.to_f32().chunks(2)).map(|(x, w)| x * w[1]).sum();
                assert!((y.to_f32()[2 * i + 1] - want).abs() < 1e-5, "{device}");
            }
        }
    });
}
