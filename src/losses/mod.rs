//! Losses: what a prediction and a target are compared by.

mod crossentropy;
mod log_cosh;
mod own;
mod regression;

use std::fmt::Debug;

pub use crossentropy::{BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy};
pub use log_cosh::LogCosh;
pub use own::{OwnLoss, from_fn};
pub use regression::{Huber, MeanAbsoluteError, MeanSquaredError};

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::ops::{LossValue, Targets};
use crate::shape::Type;
use crate::tensor::Tensor;

/// A loss: the mean over the rows of a batch, and over their elements.
pub trait Loss: Debug + Send + Sync {
    /// Its name in the field: `binary_crossentropy`.
    fn name(&self) -> &str;

    /// The type of a target for an output of this type, both without the batch axis: the same for most.
    ///
    /// # Errors
    /// [`Error::Shape`] for an output that the loss does not take.
    fn target(&self, output: &Type) -> Result<Type> {
        Ok(output.clone())
    }

    /// Refuses targets `[rows, …]` that the loss cannot take, before anything runs.
    ///
    /// # Errors
    /// [`Error::Argument`] with the first that is wrong.
    fn check_targets(&self, y: &Tensor, output: &Type) -> Result<()> {
        let _ = (y, output);
        Ok(())
    }

    /// The loss of predictions `p` against targets. `column` is that of the loss' weight in the step table; without one
    /// there is no gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit.
    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue>;

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Argument`] with the setting.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A loss, or the name of one: what `compile` takes.
#[derive(Debug)]
pub struct LossSpec(Spec);

#[derive(Debug)]
enum Spec {
    Loss(Box<dyn Loss>),
    Name(String),
}

impl From<&str> for LossSpec {
    fn from(name: &str) -> Self {
        Self(Spec::Name(name.into()))
    }
}

impl<L: Loss + 'static> From<L> for LossSpec {
    fn from(loss: L) -> Self {
        Self(Spec::Loss(Box::new(loss)))
    }
}

/// Makes a loss.
type Make = fn() -> Box<dyn Loss>;

/// The names that `compile` knows.
const NAMED: &[(&[&str], Make)] = &[
    (&["binary_crossentropy"], || Box::new(BinaryCrossentropy::default())),
    (&["categorical_crossentropy"], || Box::new(CategoricalCrossentropy::default())),
    (&["sparse_categorical_crossentropy"], || Box::new(SparseCategoricalCrossentropy::default())),
    (&["mean_squared_error", "mse"], || Box::new(MeanSquaredError)),
    (&["mean_absolute_error", "mae"], || Box::new(MeanAbsoluteError)),
    (&["huber"], || Box::new(Huber::default())),
    (&["log_cosh"], || Box::new(LogCosh)),
];

impl LossSpec {
    /// The loss.
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names where there is none of this one, and what the loss' settings say.
    pub fn resolve(self) -> Result<Box<dyn Loss>> {
        let loss = match self.0 {
            Spec::Loss(loss) => loss,
            Spec::Name(name) => match NAMED.iter().find(|(names, _)| names.contains(&name.as_str())) {
                Some((_, make)) => make(),
                None => return Err(Error::unknown("loss", &name, NAMED.iter().flat_map(|(names, _)| *names).copied())),
            },
        };
        loss.check()?;
        Ok(loss)
    }
}

/// A loss per output of a model, with weights: what `compile` takes.
///
/// A loss alone, or its name, is that of a model with one output.
///
/// ```
/// use wgrad::losses::{BinaryCrossentropy, CategoricalCrossentropy, Losses};
/// let losses = Losses::new()
///     .output("binary_output", BinaryCrossentropy::default())
///     .output("multiclass_output", CategoricalCrossentropy::default())
///     .weights([("binary_output", 0.7), ("multiclass_output", 0.3)]);
/// ```
#[derive(Debug, Default)]
pub struct Losses {
    pub(crate) outputs: Vec<(Option<String>, LossSpec)>,
    pub(crate) weights: Vec<(String, f64)>,
}

impl Losses {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The loss of an output.
    pub fn output(mut self, name: &str, loss: impl Into<LossSpec>) -> Self {
        self.outputs.push((Some(name.into()), loss.into()));
        self
    }

    /// What the losses of outputs are multiplied with in the sum that is trained on; 1 for those without one.
    pub fn weights<const N: usize>(mut self, weights: [(&str, f64); N]) -> Self {
        self.weights.extend(weights.map(|(name, weight)| (name.into(), weight)));
        self
    }
}

impl<L: Into<LossSpec>> From<L> for Losses {
    fn from(loss: L) -> Self {
        Self { outputs: vec![(None, loss.into())], weights: vec![] }
    }
}
