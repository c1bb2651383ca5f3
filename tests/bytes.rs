//! Images and text as bytes: the same numbers as in f32, in a quarter of the device's memory.

mod common;

use std::time::Duration;

use wgrad::prelude::*;

const SIDES: [usize; 2] = [7, 9]; // 63 pixels: rows end within a word
const ROWS: usize = 41;

fn quiet(epochs: usize) -> Fit {
    Fit::epochs(epochs).batch_size(8).verbosity(Verbosity::Silent)
}

/// Pixels from 0 to 255, 0 and 255 among them, and whether most of them are bright.
fn images(rows: usize) -> (Tensor, Tensor) {
    let pixel = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
    let pixels: Vec<u8> = (0..rows * 63).map(pixel).collect();
    assert!(pixels.contains(&0) && pixels.contains(&255));
    let bright = |row: &[u8]| f32::from(row.iter().map(|&v| u32::from(v)).sum::<u32>() > 63 * 128);
    let y = pixels.chunks(63).map(bright).collect();
    (Tensor::from_u8([rows, SIDES[0], SIDES[1]], pixels).unwrap(), Tensor::new([rows, 1], y).unwrap())
}

fn in_f32(x: &Tensor) -> Tensor {
    Tensor::new(x.shape().clone(), x.to_f32().into_owned()).unwrap()
}

fn model(device: &Device) -> Model {
    let layers = Sequential::new().seed(3).add(Rescaling::new(1.0 / 255.0).input_shape(SIDES)).add(Flatten::new());
    let layers = layers.add(Dense::new(9).activation(Tanh)).add(Dense::new(1).activation(Sigmoid));
    let mut model = layers.build(device).unwrap();
    model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    model
}

/// Everything that a model says of rows: its losses, its weights, and what it predicts.
fn said(device: &Device, x: &Tensor, y: &Tensor) -> (Vec<f64>, String, Tensor) {
    let mut model = model(device);
    let (train, rest) = (0..29, 29..ROWS);
    let part = |range: &std::ops::Range<usize>| [x, y].map(|tensor| tensor.slice_rows(range.clone()).unwrap());
    let ([x_train, y_train], [x_rest, y_rest]) = (part(&train), part(&rest));
    let history = model.fit(&x_train, &y_train, quiet(3).validation_data(&x_rest, &y_rest).unwrap()).unwrap();
    let mut losses: Vec<f64> = history.epochs().iter().flat_map(|logs| logs.values().copied()).collect();
    losses.extend(model.evaluate(&x_rest, &y_rest).unwrap().into_values());
    losses.extend(model.train_on_batch(&x_rest, &y_rest).unwrap().into_values());
    (losses, model.weights_sha256().unwrap(), model.predict(x).unwrap())
}

#[test]
fn bytes_train_as_the_same_numbers_in_f32() {
    common::on_every_device("bytes_train_as_the_same_numbers_in_f32", |device| {
        let (x, y) = images(ROWS);
        assert_eq!(said(device, &x, &y), said(device, &in_f32(&x), &y), "{device}");
    });
}

#[test]
fn bytes_train_in_f64() {
    let (x, y) = images(ROWS);
    let [bytes, numbers] = [&x, &in_f32(&x)].map(|x| said(&Device::cpu_f64(), x, &y));
    assert_eq!(bytes, numbers);
}

#[test]
fn bytes_take_a_quarter_of_the_memory() {
    common::on_every_adapter("bytes_take_a_quarter_of_the_memory", |device| {
        let (x, y) = images(4096);
        let held = |x: &Tensor| {
            let mut model = model(device);
            model.fit(x, &y, quiet(1).batch_size(512)).unwrap();
            (device.counters().unwrap().bytes_allocated, model)
        };
        let (bytes, _) = held(&x);
        let (numbers, _) = held(&in_f32(&x));
        // 63 pixels are 16 words, or 63.
        assert_eq!(numbers - bytes, 4096 * 4 * (63 - 16), "{device}");
    });
}

#[test]
fn models_of_bytes_and_of_numbers_take_turns() {
    common::on_every_device("models_of_bytes_and_of_numbers_take_turns", |device| {
        let (x, y) = images(16);
        let (x_f32, mut model) = (in_f32(&x), model(device));
        let first = model.predict(&x).unwrap();
        assert_eq!(first, model.predict(&x_f32).unwrap(), "{device}");
        assert_eq!(model.evaluate(&x_f32, &y).unwrap(), model.evaluate(&x, &y).unwrap(), "{device}");
        model.fit(&x, &y, quiet(1).validation_data(&x_f32, &y).unwrap()).unwrap();
        assert_ne!(first, model.predict(&x).unwrap(), "{device}");
    });
}

#[test]
fn text_is_bytes_for_an_embedding() {
    common::on_every_device("text_is_bytes_for_an_embedding", |device| {
        let layers = Sequential::new().seed(1).add(Embedding::new(256, 3).input_shape([5])).add(Flatten::new());
        let mut model = layers.add(Dense::new(1)).build(device).unwrap();
        model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0]).unwrap();
        let x = Tensor::from_u8([3, 5], b"hello\x00\xffrldbytes".to_vec()).unwrap();
        let y = Tensor::new([3, 1], vec![1.0, -1.0, 0.5]).unwrap();
        assert_eq!(model.predict(&x).unwrap(), model.predict(in_f32(&x)).unwrap(), "{device}");
        let history = model.fit(&x, &y, quiet(20)).unwrap();
        assert!(history[19]["loss"] < 0.5 * history[0]["loss"], "{device}");
        let layers = Sequential::new().add(Embedding::new(255, 3).input_shape([5])).add(Flatten::new());
        let refused = layers.build(device).unwrap().predict(&x).unwrap_err().to_string();
        assert!(refused.contains("below 255, in row 1") && refused.contains("got 255"), "{device}: {refused}");
    });
}

#[test]
fn a_step_of_its_own_takes_bytes() {
    common::on_every_device("a_step_of_its_own_takes_bytes", |device| {
        let (x, y) = images(ROWS);
        let losses = |x: &Tensor, y: &Tensor| {
            let model = model(device);
            let name = model.name().to_string();
            let mut step = Step::trace(&[&model], move |s| {
                let (y, x) = (s.input("y", [1])?, s.input("x", SIDES)?);
                let p = s.call(&name, &[x])?[0];
                let loss = s.loss("loss", &BinaryCrossentropy::default(), y, p)?;
                s.minimize(&[loss], &Adam::default(), &[&name])
            });
            let mut run = step.as_mut().unwrap().run([("x", x), ("y", y)], quiet(2)).unwrap();
            while !run.advance(Duration::from_millis(5)).unwrap().done {}
            run.into_history().epochs().to_vec()
        };
        let in_bytes = Tensor::from_u8([ROWS, 1], y.to_f32().iter().map(|&v| v as u8).collect()).unwrap();
        let all = [losses(&x, &y), losses(&in_f32(&x), &y), losses(&x, &in_bytes)];
        assert!(all.iter().all(|losses| *losses == all[0]), "{device}: {all:?}");
    });
}
