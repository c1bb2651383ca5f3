//! Arrays of `ndarray` as data: what the feature `ndarray` adds.

#![cfg(feature = "ndarray")]

use ndarray::{Array1, Array2, Array3, Axis, s};
use wgrad::losses::MeanSquaredError;
use wgrad::optimizers::Sgd;
use wgrad::train::{Fit, Verbosity};
use wgrad::{Dense, Device, IntoTensors, Layer, Sequential, Tensor};

fn same(array: impl IntoTensors, dims: &[usize], values: &[f32]) {
    let tensors = array.into_tensors().unwrap();
    assert_eq!(tensors, vec![Tensor::new(dims, values.to_vec()).unwrap()].into());
}

#[test]
fn elements_come_in_the_order_of_the_axes() {
    let matrix = Array2::from_shape_fn((2, 3), |(i, j)| (10 * i + j) as f32);
    same(&matrix, &[2, 3], &[0.0, 1.0, 2.0, 10.0, 11.0, 12.0]);
    // Neither of these lies in memory as it is read.
    same(&matrix.clone().reversed_axes(), &[3, 2], &[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
    same(&matrix.slice_move(s![.., ..;-2]), &[2, 2], &[2.0, 0.0, 12.0, 10.0]);
    same(&Array1::from_vec(vec![1.0, 2.0]), &[2], &[1.0, 2.0]);
    same(&Array3::zeros((0, 4, 5)), &[0, 4, 5], &[]);
}

#[test]
fn a_model_trains_on_arrays_as_on_tensors() {
    let x = Array2::from_shape_fn((40, 3), |(i, j)| ((7 * i + 3 * j) % 11) as f32 / 11.0);
    let y: Array1<f32> = x.map_axis(Axis(1), |row| row[0] - 2.0 * row[1] + 0.5 * row[2]);
    let fit = || Fit::epochs(20).batch_size(8).verbosity(Verbosity::Silent);
    let model = || {
        let mut model = Sequential::new().add(Dense::new(1).input_shape([3])).build(&Device::cpu()).unwrap();
        model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"]).unwrap();
        model
    };

    let mut on_arrays = model();
    let validated = fit().validation_data(&x.slice(s![..8, ..]).to_owned(), &y.slice(s![..8]).to_owned()).unwrap();
    let history = on_arrays.fit(&x, &y, validated).unwrap();
    assert!(history[19]["loss"] < 0.1 * history[0]["loss"], "{history:?}");
    assert!(history[19].contains_key("val_loss"));

    let mut on_tensors = model();
    let tx = Tensor::new([40, 3], x.iter().copied().collect()).unwrap();
    let ty = Tensor::new([40], y.iter().copied().collect()).unwrap();
    on_tensors.fit(&tx, &ty, fit()).unwrap();
    assert_eq!(on_arrays.weights_sha256().unwrap(), on_tensors.weights_sha256().unwrap());
    assert_eq!(on_arrays.evaluate(&x, &y).unwrap(), on_tensors.evaluate(&tx, &ty).unwrap());
    assert_eq!(on_arrays.predict(&x).unwrap(), on_tensors.predict(&tx).unwrap());
}
