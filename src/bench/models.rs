//! The models that are trained, with their data and first weights.

use std::time::{Duration, Instant};

use crate::bench::data::{self, Data, Weights};
use crate::device::{Device, Work};
use crate::error::{Error, Result};
use crate::layers::{Dense, Layer, Symbol};
use crate::losses::{BinaryCrossentropy, CategoricalCrossentropy, Losses, SparseCategoricalCrossentropy};
use crate::metrics::Metrics;
use crate::model::{Model, Sequential};
use crate::ops::{Relu, Sigmoid, Softmax};
use crate::optimizers::Adam;
use crate::train::Fit;

/// How long one call of `advance` may take: no shorter than a submission should be.
pub const BUDGET: Duration = Duration::from_millis(100);

/// A training of a workload: Adam with its defaults (0.001, 0.9, 0.999, ε 1e-7), whole batches in order.
#[derive(Clone, Copy, Debug)]
pub struct Training {
    /// The workload's name.
    pub name: &'static str,
    /// Rows of a batch.
    pub batch: usize,
    /// Steps before the first timed one.
    pub warm_steps: usize,
    /// What it is counted in.
    pub unit: &'static str,
    /// How much of that a step is.
    pub units_per_step: f64,
    net: Net,
}

/// What is trained.
#[derive(Clone, Copy, Debug)]
enum Net {
    /// 10-64-32-1, relu, relu, sigmoid; binary cross-entropy.
    Small,
    /// 10-64-32, relu; a head of 1 (sigmoid, binary cross-entropy) and one of 5 (softmax, cross-entropy of classes), of
    /// which each counts half.
    Multi,
    /// 784-512-512-10, relu, relu, softmax; cross-entropy of classes.
    Mnist,
}

const TRAININGS: [Training; 4] = [
    Training {
        name: "mlp_small_b32",
        batch: 32,
        warm_steps: 100,
        unit: "steps/s",
        units_per_step: 1.0,
        net: Net::Small,
    },
    Training {
        name: "multi_output_b64",
        batch: 64,
        warm_steps: 100,
        unit: "steps/s",
        units_per_step: 1.0,
        net: Net::Multi,
    },
    Training {
        name: "mnist_mlp_b128",
        batch: 128,
        warm_steps: 20,
        unit: "samples/s",
        units_per_step: 128.0,
        net: Net::Mnist,
    },
    Training {
        name: "mnist_mlp_b32",
        batch: 32,
        warm_steps: 20,
        unit: "samples/s",
        units_per_step: 32.0,
        net: Net::Mnist,
    },
];

/// The training of a name.
///
/// # Errors
/// [`Error::Unknown`] with all names.
pub fn training(name: &str) -> Result<Training> {
    let found = TRAININGS.into_iter().find(|training| training.name == name);
    found.ok_or_else(|| Error::unknown("training", name, TRAININGS.iter().map(|training| training.name)))
}

/// The first model's.
pub fn small() -> Training {
    let [small, ..] = TRAININGS;
    small
}

impl Training {
    /// Its rows.
    pub(super) fn data(&self) -> Result<Data> {
        match self.net {
            Net::Small => data::small(),
            Net::Multi => data::multi(),
            Net::Mnist => data::mnist(),
        }
    }

    /// Its model with the weights that all drivers begin with, compiled with metrics.
    pub(super) fn model(&self, device: &Device, metrics: impl Into<Metrics>) -> Result<Model> {
        let (mut model, losses) = match self.net {
            Net::Small => (dense(device, Dense::new(1).activation(Sigmoid))?, BinaryCrossentropy::default().into()),
            Net::Multi => (two_heads(device)?, two_losses()),
            Net::Mnist => (dense_of(device, 784, [512, 512], Dense::new(10).activation(Softmax))?, sparse()),
        };
        begin_with(&mut model, &self.weights()?)?;
        model.compile(Adam::default(), losses, metrics)?;
        Ok(model)
    }

    /// Inputs and units of each dense layer.
    fn layers(&self) -> &'static [[usize; 2]] {
        match self.net {
            Net::Small => &[[10, 64], [64, 32], [32, 1]],
            Net::Multi => &[[10, 64], [64, 32], [32, 1], [32, 5]],
            Net::Mnist => &[[784, 512], [512, 512], [512, 10]],
        }
    }

    fn weights(&self) -> Result<Weights> {
        match self.net {
            Net::Small => data::small_weights(),
            Net::Multi => data::glorot(self.layers(), 20),
            Net::Mnist => data::glorot(self.layers(), 10),
        }
    }

    /// What a step has to do at least: the products of each layer, forward, for its weights and, but for the first layer,
    /// for its input; the batch read; weights and both moments read and written. `launches` are those of a step.
    pub(super) fn work(&self, launches: f64) -> Work {
        let layers = self.layers();
        let products =
            |layers: &[[usize; 2]]| layers.iter().map(|[inputs, units]| inputs * units).sum::<usize>() as f64;
        let first = layers.iter().take(1).map(|[inputs, units]| (inputs * units) as f64).sum::<f64>();
        let weights = products(layers) + layers.iter().map(|[_, units]| *units as f64).sum::<f64>();
        let columns = match self.net {
            Net::Small => 10 + 1,
            Net::Multi => 10 + 1 + 5,
            Net::Mnist => 784 + 1,
        };
        let rows = 4.0 * (self.batch * columns) as f64;
        Work {
            flops: 2.0 * self.batch as f64 * (3.0 * products(layers) - first),
            bytes: rows + 24.0 * weights,
            memory: rows + 12.0 * weights,
            launches,
        }
    }

    /// Trains on some of the batches, a step each; gives the mean of their losses and the seconds of a step.
    pub(super) fn train(&self, model: &mut Model, data: &Data, batches: std::ops::Range<usize>) -> Result<(f64, f64)> {
        let steps = batches.len();
        let (x, y) = data.batches(batches, self.batch)?;
        let mut run = model.run(&x, &y, Fit::epochs(1).batch_size(self.batch).shuffle(false))?;
        let start = Instant::now();
        loop {
            let progress = run.advance(BUDGET)?;
            if progress.done {
                let loss = progress.logs.get("loss").copied().unwrap_or(f64::NAN);
                return Ok((loss, start.elapsed().as_secs_f64() / steps.max(1) as f64));
            }
        }
    }

    /// The loss of the first step.
    ///
    /// # Errors
    /// Those of training.
    pub fn first_loss(&self, device: &Device) -> Result<f64> {
        Ok(self.train(&mut self.model(device, ["mse"; 0])?, &self.data()?, 0..1)?.0)
    }

    /// The losses of the first step and of the last one of the warm-up: what tells whether it is the same training as
    /// that of another framework.
    ///
    /// # Errors
    /// Those of training.
    pub fn losses(&self, device: &Device) -> Result<[f64; 2]> {
        let (mut model, data) = (self.model(device, ["mse"; 0])?, self.data()?);
        let (first, _) = self.train(&mut model, &data, 0..1)?;
        Ok([first, self.warm_up(&mut model, &data, 1)?])
    }

    /// The steps from one on until the first timed one; gives the loss of the last of them.
    pub(super) fn warm_up(&self, model: &mut Model, data: &Data, from: usize) -> Result<f64> {
        let last = self.warm_steps - 1;
        self.train(model, data, from..last)?;
        Ok(self.train(model, data, last..last + 1)?.0)
    }
}

fn dense(device: &Device, head: Dense) -> Result<Model> {
    dense_of(device, 10, [64, 32], head)
}

fn dense_of(device: &Device, features: usize, [first, second]: [usize; 2], head: Dense) -> Result<Model> {
    Sequential::new()
        .add(Dense::new(first).activation(Relu).input_shape([features]))
        .add(Dense::new(second).activation(Relu))
        .add(head)
        .build(device)
}

fn two_heads(device: &Device) -> Result<Model> {
    let x = Symbol::input([10]);
    let hidden = Dense::new(64).activation(Relu).on(&x);
    let trunk = Dense::new(32).activation(Relu).on(&hidden);
    let binary = Dense::new(1).activation(Sigmoid).named("binary").on(&trunk);
    let classes = Dense::new(5).activation(Softmax).named("classes").on(&trunk);
    Model::new(&x, [&binary, &classes]).build(device)
}

fn two_losses() -> Losses {
    Losses::new()
        .output("binary", BinaryCrossentropy::default())
        .output("classes", CategoricalCrossentropy::default())
        .weights([("binary", 0.5), ("classes", 0.5)])
}

fn sparse() -> Losses {
    SparseCategoricalCrossentropy::default().into()
}

/// Sets kernels and biases, in the order of the layers.
fn begin_with(model: &mut Model, weights: &Weights) -> Result<()> {
    let names: Vec<String> = model.weight_names().into_iter().map(String::from).collect();
    let all = weights.iter().flat_map(|(kernel, bias)| [kernel, bias]);
    names.iter().zip(all).try_for_each(|(name, tensor)| model.set_weight(name, tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_work_of_its_products() {
        let work = small().work(9.0);
        let products = 10 * 64 + 64 * 32 + 32;
        assert_eq!(work.flops, f64::from(2 * 32 * (3 * products - 640)));
        assert_eq!(work.bytes, f64::from(4 * 32 * 11 + 24 * (products + 97)));
        assert_eq!(work.launches, 9.0);
    }

    #[test]
    fn a_training_that_there_is_not_is_refused_with_those_that_are() {
        let text = training("nosuch").unwrap_err().to_string();
        assert!(text.contains("nosuch") && text.contains("mnist_mlp_b32"), "{text}");
    }
}
