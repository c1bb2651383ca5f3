//! Metrics: what is reported beside the loss, from the same predictions.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::ops::{BINARY_ACCURACY, Hits, LossValue, MEAN_SQUARED_ERROR, Targets, pointwise_loss};

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

/// A metric: the mean over the elements of what it gives for each.
pub trait Metric: Debug + Send + Sync {
    /// Its key in the logs, unless `compile` was given another name for it.
    fn name(&self) -> &str;

    /// Partial sums or counts, `[groups]`, whose total over the elements is the metric.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the metric does not fit the output.
    fn call(&self, g: &Builder, observed: Observed<'_>) -> Result<Value>;
}

/// The share of predictions that are right: p > 0.5 where the target is 1, else not. The metric "accuracy" of an
/// output of one unit. Source: Keras' `BinaryAccuracy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryAccuracy;

impl Metric for BinaryAccuracy {
    fn name(&self) -> &str {
        "accuracy"
    }

    fn call(&self, g: &Builder, Observed { p, targets, loss }: Observed<'_>) -> Result<Value> {
        if g.ty(p).shape.dims().last().is_some_and(|&units| units != 1) {
            return Err(Error::Unsupported {
                what: format!("accuracy of an output of shape {}", g.ty(p).shape),
                fix: "it is there for outputs of one unit; leave it out here".into(),
            });
        }
        match loss.hits {
            Some(Hits::Binary) => Ok(loss.counts),
            _ => Ok(pointwise_loss(g, &BINARY_ACCURACY, p, targets, (1.0, 0.0), None)?.counts),
        }
    }
}

/// `(p − t)²`, the mean. Source: Keras' `MeanSquaredError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanSquaredError;

impl Metric for MeanSquaredError {
    fn name(&self) -> &str {
        "mean_squared_error"
    }

    fn call(&self, g: &Builder, Observed { p, targets, .. }: Observed<'_>) -> Result<Value> {
        Ok(pointwise_loss(g, &MEAN_SQUARED_ERROR, p, targets, (1.0, 0.0), None)?.sums)
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

impl MetricSpec {
    /// The metric with its key in the logs: its own name, or the one that was given.
    ///
    /// # Errors
    /// [`Error::Argument`] with all names where there is none of this one.
    pub fn resolve(self) -> Result<(String, Box<dyn Metric>)> {
        let name = match self.0 {
            Spec::Metric(metric) => return Ok((metric.name().into(), metric)),
            Spec::Name(name) => name,
        };
        match name.as_str() {
            "accuracy" | "acc" => Ok((name, Box::new(BinaryAccuracy))),
            "mean_squared_error" | "mse" => Ok((name, Box::new(MeanSquaredError))),
            _ => Err(Error::argument("metrics", "accuracy, acc, mean_squared_error or mse", name)),
        }
    }
}
