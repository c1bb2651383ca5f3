//! Metrics: what is reported beside the loss, from the same predictions.

mod accuracy;
mod auc;
mod binary_iou;
mod confusion;
mod f1_score;
mod r2_score;
mod regression;
mod top_k;

use std::fmt::Debug;

pub use accuracy::{Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy};
pub use auc::{Auc, Curve};
pub use binary_iou::BinaryIoU;
pub use confusion::{FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives};
pub use f1_score::{F1Average, F1Score};
pub use r2_score::R2Score;
pub use regression::{CosineSimilarity, MeanAbsolutePercentageError};
pub use top_k::{SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy};

use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Over, Part, Report, Value};
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
    /// Their targets, with the weights of the rows; ones for a metric without weights.
    pub targets: Targets,
    /// The loss of this output, which has counted hits where it could.
    pub loss: &'a LossValue,
    /// Whether rows count by their weights.
    pub weighted: bool,
}

/// What a metric gives for a batch. One with parts of [`Over::Each`] is in the logs of whole passes alone.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Partial sums or counts, `[groups]`, and what their sums over all steps are divided by. That of
    /// [`Over::Rows`] is by weights where the metric has them.
    pub parts: Vec<(Value, Over)>,
    /// How the number is made of these.
    pub finish: Finish,
}

impl Measured {
    /// The mean over rows of which each has some terms.
    pub fn mean(partials: Value, terms_per_row: usize) -> Self {
        Self { parts: vec![(partials, Over::Rows(terms_per_row))], finish: Finish::sum() }
    }

    /// What is reported under a name; rows count by the weights of an output where it is given.
    pub fn report(self, name: &str, weights_of: Option<usize>) -> Report {
        let over = |over| match (over, weights_of) {
            (Over::Rows(terms), Some(output)) => Over::Weights { output, terms },
            _ => over,
        };
        let parts = self.parts.into_iter().map(|(partials, by)| Part { partials, weight: None, over: over(by) });
        Report { name: name.into(), parts: parts.collect(), finish: self.finish }
    }

    /// The mean of a loss.
    pub fn sums(loss: &LossValue) -> Self {
        Self::mean(loss.sums, loss.terms_per_row)
    }

    /// The share of hits of a loss: those that it has counted, or of their weights.
    pub fn hits(loss: &LossValue, weighted: bool) -> Self {
        Self::mean(if weighted { loss.sums } else { loss.counts }, loss.terms_per_row)
    }
}

/// A metric: a number for all rows so far, made of sums over them. Every [`Loss`] is one as well: its mean.
pub trait Metric: Debug + Send + Sync {
    /// Its key in the logs.
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
        let finish = Finish::new(|mean| mean.iter().sum::<f64>().sqrt());
        Ok(Measured { finish, ..Metric::call(&MeanSquaredError, g, observed)? })
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
    (&["top_k_categorical_accuracy"], || Box::new(TopKCategoricalAccuracy::default())),
    (&["sparse_top_k_categorical_accuracy"], || Box::new(SparseTopKCategoricalAccuracy::default())),
    (&["true_positives"], || Box::new(TruePositives::default())),
    (&["true_negatives"], || Box::new(TrueNegatives::default())),
    (&["false_positives"], || Box::new(FalsePositives::default())),
    (&["false_negatives"], || Box::new(FalseNegatives::default())),
    (&["precision"], || Box::new(Precision::default())),
    (&["recall"], || Box::new(Recall::default())),
    (&["binary_io_u"], || Box::new(BinaryIoU::default())),
    (&["f1_score"], || Box::new(F1Score::default())),
    (&["auc"], || Box::new(Auc::default())),
    (&["mean_squared_error", "mse"], || Box::new(MeanSquaredError)),
    (&["mean_absolute_error", "mae"], || Box::new(MeanAbsoluteError)),
    (&["root_mean_squared_error"], || Box::new(RootMeanSquaredError)),
    (&["r2_score"], || Box::new(R2Score)),
    (&["cosine_similarity"], || Box::new(CosineSimilarity)),
    (&["mean_absolute_percentage_error", "mape"], || Box::new(MeanAbsolutePercentageError)),
    (&["binary_crossentropy"], || Box::new(BinaryCrossentropy::default())),
    (&["categorical_crossentropy"], || Box::new(CategoricalCrossentropy::default())),
    (&["sparse_categorical_crossentropy"], || Box::new(SparseCategoricalCrossentropy::default())),
];

impl MetricSpec {
    /// The metric with its key in the logs: its own name, or the one that was given.
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names where there is none of this one, and what the metric's settings say.
    pub fn resolve(self) -> Result<(String, Box<dyn Metric>)> {
        let (name, metric) = match self.0 {
            Spec::Metric(metric) => (metric.name().to_string(), metric),
            Spec::Name(name) => match NAMED.iter().find(|(names, _)| names.contains(&name.as_str())) {
                Some((_, make)) => (name, make()),
                None => {
                    return Err(Error::unknown("metric", &name, NAMED.iter().flat_map(|(names, _)| *names).copied()));
                }
            },
        };
        metric.check()?;
        Ok((name, metric))
    }
}

/// Metrics per output of a model: what `compile` takes.
///
/// A list of them, or of their names, is that of a model with one output. Metrics do not look at sample and class
/// weights; weighted ones do.
///
/// ```
/// use wgrad::metrics::{BinaryAccuracy, Metrics};
/// let metrics = Metrics::new()
///     .output("binary_output", [BinaryAccuracy::default().threshold(0.7)])
///     .output("multiclass_output", ["accuracy", "categorical_crossentropy"]);
/// let weighted = Metrics::from(["accuracy"]).weighted(["accuracy"]);
/// ```
#[derive(Debug, Default)]
pub struct Metrics(pub(crate) Vec<MetricOf>);

/// A metric, and what it is one of.
#[derive(Debug)]
pub(crate) struct MetricOf {
    /// `None` for the only output of a model.
    pub(crate) output: Option<String>,
    pub(crate) metric: MetricSpec,
    pub(crate) weighted: bool,
}

impl Metrics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn add<M: Into<MetricSpec>>(
        mut self,
        output: Option<&str>,
        metrics: impl IntoIterator<Item = M>,
        weighted: bool,
    ) -> Self {
        let of = |metric: M| MetricOf { output: output.map(String::from), metric: metric.into(), weighted };
        self.0.extend(metrics.into_iter().map(of));
        self
    }

    /// Metrics of an output.
    pub fn output<M: Into<MetricSpec>>(self, name: &str, metrics: impl IntoIterator<Item = M>) -> Self {
        self.add(Some(name), metrics, false)
    }

    /// Weighted metrics of an output.
    pub fn weighted_output<M: Into<MetricSpec>>(self, name: &str, metrics: impl IntoIterator<Item = M>) -> Self {
        self.add(Some(name), metrics, true)
    }

    /// Weighted metrics of the only output.
    pub fn weighted<M: Into<MetricSpec>>(self, metrics: impl IntoIterator<Item = M>) -> Self {
        self.add(None, metrics, true)
    }
}

impl<M: Into<MetricSpec>, I: IntoIterator<Item = M>> From<I> for Metrics {
    fn from(metrics: I) -> Self {
        Self::new().add(None, metrics, false)
    }
}
