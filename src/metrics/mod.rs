//! Metrics: what is reported beside the loss, from the same predictions.

mod accuracy;

use std::fmt::Debug;

pub use accuracy::{Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy};

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Loss, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
use crate::ops::{LossValue, Targets};

/// What a metric is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The predictions.
    pub p: Value,
    /// Their targets.
    pub targets: Targets,
    /// The loss of this output, which has counted hits where it could.
    pub loss: &'a LossValue,
}

/// What a metric gives for a batch.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Partial sums or counts, `[groups]`.
    pub partials: Value,
    /// How many terms of the sum a row of the batch gives: the metric is the mean over them.
    pub terms_per_row: usize,
    /// Whether it is the square root of the mean.
    pub root: bool,
}

impl Measured {
    /// The mean of a loss.
    pub fn sums(loss: &LossValue) -> Self {
        Self { partials: loss.sums, terms_per_row: loss.terms_per_row, root: false }
    }

    /// The share of the hits that a loss has counted.
    pub fn counts(loss: &LossValue) -> Self {
        Self { partials: loss.counts, terms_per_row: loss.terms_per_row, root: false }
    }
}

/// A metric: the mean over rows and elements of what it gives for each. Every [`Loss`] is one as well.
pub trait Metric: Debug + Send + Sync {
    /// Its key in the logs, unless `compile` was given another name for it.
    fn name(&self) -> &str;

    /// What it gives for a batch.
    ///
    /// # Errors
    /// [`Error::Shape`] where predictions and targets do not fit.
    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured>;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<L: Loss> Metric for L {
    fn name(&self) -> &str {
        Loss::name(self)
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        Ok(Measured::sums(&Loss::call(self, g, observed.p, observed.targets, None)?))
    }

    fn check(&self) -> Result<()> {
        Loss::check(self)
    }
}

/// `√ mean (p − t)²`. Source: Keras' `RootMeanSquaredError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RootMeanSquaredError;

impl Metric for RootMeanSquaredError {
    fn name(&self) -> &str {
        "root_mean_squared_error"
    }

    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Measured> {
        Ok(Measured { root: true, ..Metric::call(&MeanSquaredError, g, observed)? })
    }
}

/// A metric, or the name of one: what `compile` takes.
#[derive(Debug)]
pub struct MetricSpec(Spec);

#[derive(Debug)]
enum Spec {
    Metric(Box<dyn Metric>),
    Name(String),
}

impl From<&str> for MetricSpec {
    fn from(name: &str) -> Self {
        Self(Spec::Name(name.into()))
    }
}

impl<M: Metric + 'static> From<M> for MetricSpec {
    fn from(metric: M) -> Self {
        Self(Spec::Metric(Box::new(metric)))
    }
}

/// Makes a metric.
type Make = fn() -> Box<dyn Metric>;

/// The names that `compile` knows.
const NAMED: &[(&[&str], Make)] = &[
    (&["accuracy", "acc"], || Box::new(Accuracy)),
    (&["binary_accuracy"], || Box::new(BinaryAccuracy::default())),
    (&["categorical_accuracy"], || Box::new(CategoricalAccuracy)),
    (&["sparse_categorical_accuracy"], || Box::new(SparseCategoricalAccuracy)),
    (&["mean_squared_error", "mse"], || Box::new(MeanSquaredError)),
    (&["mean_absolute_error", "mae"], || Box::new(MeanAbsoluteError)),
    (&["root_mean_squared_error"], || Box::new(RootMeanSquaredError)),
    (&["binary_crossentropy"], || Box::new(BinaryCrossentropy::default())),
    (&["categorical_crossentropy"], || Box::new(CategoricalCrossentropy::default())),
    (&["sparse_categorical_crossentropy"], || Box::new(SparseCategoricalCrossentropy::default())),
];

impl MetricSpec {
    /// The metric with its key in the logs: its own name, or the one that was given.
    ///
    /// # Errors
    /// [`Error::Argument`] with all names where there is none of this one, and what the metric's settings say.
    pub fn resolve(self) -> Result<(String, Box<dyn Metric>)> {
        let (name, metric) = match self.0 {
            Spec::Metric(metric) => (metric.name().to_string(), metric),
            Spec::Name(name) => match NAMED.iter().find(|(names, _)| names.contains(&name.as_str())) {
                Some((_, make)) => (name, make()),
                None => {
                    let names: Vec<&str> = NAMED.iter().flat_map(|(names, _)| *names).copied().collect();
                    return Err(Error::argument("metrics", format!("one of {}", names.join(", ")), name));
                }
            },
        };
        metric.check()?;
        Ok((name, metric))
    }
}
