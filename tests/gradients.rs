//! Gradients of whole models against central differences of their losses, in f64.
//!
//! A step of SGD with a rate of 1 takes the gradient off the weights; a difference is that of two evaluations.

use wgrad::layers::ActivationFunction;
use wgrad::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Huber, Loss, MeanSquaredError, SparseCategoricalCrossentropy,
};
use wgrad::optimizers::Sgd;
use wgrad::random::{Philox, Purpose};
use wgrad::train::Verbosity;
use wgrad::{Activation, Dense, Device, Fit, Layer, Model, Sequential, Shape, Tensor};

const ROWS: usize = 12;
/// Half the distance of the points of a difference.
const STEP: f64 = 1e-5;
const BAR: f64 = 1e-6;

/// Numbers from -1 to 1.
fn random(shape: impl Into<Shape>, stream: u64) -> Tensor {
    let shape = shape.into();
    let mut random = Philox::new(7, Purpose::Initializer, stream);
    let data = (0..shape.len()).map(|_| 2.0 * random.uniform_f64() - 1.0).collect();
    Tensor::from_f64(shape, data).unwrap()
}

fn model(layers: &[(usize, &str)], loss: impl Loss + 'static) -> Model {
    let mut model = Sequential::new();
    for (i, (units, activation)) in layers.iter().enumerate() {
        let dense = Dense::new(*units).activation(ActivationFunction::named(activation).unwrap());
        model = model.add(if i == 0 { dense.input_shape([5]) } else { dense.into() });
    }
    let mut model = model.build(&Device::cpu_f64()).unwrap();
    model.compile(Sgd::new(1.0), loss, Vec::<&str>::new()).unwrap();
    model
}

/// Holds every weight's gradient of the mean loss over all rows.
fn hold(mut model: Model, y: &Tensor) {
    let x = random([ROWS, 5], 1);
    let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
    let before: Vec<Tensor> = names.iter().map(|name| model.weight(name).unwrap()).collect();
    model.fit(&x, y, Fit::epochs(1).batch_size(ROWS).shuffle(false).verbosity(Verbosity::Silent)).unwrap();
    let after: Vec<Tensor> = names.iter().map(|name| model.weight(name).unwrap()).collect();
    for (name, weight) in names.iter().zip(&before) {
        model.set_weight(name, weight).unwrap();
    }
    for ((name, weight), after) in names.iter().zip(&before).zip(&after) {
        let gradient: Vec<f64> = weight.to_f64().iter().zip(&*after.to_f64()).map(|(b, a)| b - a).collect();
        let largest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        assert!(largest > 1e-4, "{name} has no gradient");
        for at in 0..weight.len() {
            let mut loss_at = |step: f64| {
                let mut data = weight.to_f64().to_vec();
                data[at] += step;
                model.set_weight(name, &Tensor::from_f64(weight.shape().clone(), data).unwrap()).unwrap();
                model.evaluate(&x, y).unwrap()["loss"]
            };
            let difference = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
            let off = (gradient[at] - difference).abs() / largest;
            assert!(off <= BAR, "{name}[{at}]: gradient {}, difference {difference}, {off:e}", gradient[at]);
        }
        model.set_weight(name, weight).unwrap();
    }
}

#[test]
fn of_a_binary_classifier() {
    let y: Vec<f64> = (0..ROWS).map(|i| f64::from(i % 3 == 0)).collect();
    let y = Tensor::from_f64([ROWS, 1], y).unwrap();
    hold(model(&[(7, "relu"), (4, "tanh"), (1, "sigmoid")], BinaryCrossentropy::default()), &y);
    hold(model(&[(6, "gelu"), (1, "linear")], BinaryCrossentropy::default().from_logits(true)), &y);
}

#[test]
fn of_classifiers_of_several_classes() {
    let sparse = Tensor::from_f64([ROWS, 1], (0..ROWS).map(|i| (i % 4) as f64).collect()).unwrap();
    hold(model(&[(6, "silu"), (4, "softmax")], SparseCategoricalCrossentropy::default()), &sparse);
    let one_hot = (0..4 * ROWS).map(|i| f64::from(i % 4 == i / 4 % 4)).collect();
    let one_hot = Tensor::from_f64([ROWS, 4], one_hot).unwrap();
    let smoothed = CategoricalCrossentropy::default().label_smoothing(0.1);
    hold(model(&[(6, "selu"), (4, "log_sigmoid"), (4, "softmax")], smoothed), &one_hot);
}

#[test]
fn of_regressions() {
    let y = random([ROWS, 3], 2);
    hold(model(&[(8, "mish"), (5, "softplus"), (3, "linear")], MeanSquaredError), &y);
    hold(model(&[(8, "elu"), (3, "linear")], Huber::default()), &y);
}

#[test]
fn of_an_activation_that_is_a_layer() {
    let model = Sequential::new().add(Dense::new(6).input_shape([5])).add(Activation::new(wgrad::Softmax));
    let mut model = model.add(Dense::new(2)).build(&Device::cpu_f64()).unwrap();
    model.compile(Sgd::new(1.0), MeanSquaredError, Vec::<&str>::new()).unwrap();
    hold(model, &random([ROWS, 2], 3));
}
