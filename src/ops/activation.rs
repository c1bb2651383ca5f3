//! What a layer applies to its result: an elementwise function, or a softmax over the last axis.

use crate::error::{Error, Result};
use crate::graph::{Builder, Value};
use crate::ops::softmax::{LogSoftmax, Softmax, log_softmax, softmax};
use crate::ops::unary::{Function, unary};

/// The activation of a layer.
///
/// ```
/// use wgrad::layers::ActivationFunction;
/// use wgrad::{Relu, Softmax};
/// assert_eq!(ActivationFunction::named("softmax")?, Softmax.into());
/// assert_eq!(ActivationFunction::from(Relu).name(), "relu");
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ActivationFunction {
    /// Of each element.
    Elementwise(Function),
    /// [`softmax`] over the last axis.
    Softmax,
    /// [`log_softmax`] over the last axis.
    LogSoftmax,
}

impl<F: Into<Function>> From<F> for ActivationFunction {
    fn from(function: F) -> Self {
        Self::Elementwise(function.into())
    }
}

impl From<Softmax> for ActivationFunction {
    fn from(_: Softmax) -> Self {
        Self::Softmax
    }
}

impl From<LogSoftmax> for ActivationFunction {
    fn from(_: LogSoftmax) -> Self {
        Self::LogSoftmax
    }
}

impl ActivationFunction {
    /// The activation of a name: `softmax`, `log_softmax`, or that of a [`Function`] with its default parameters.
    ///
    /// # Errors
    /// [`Error::Argument`] with all names where there is none of this one.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "softmax" => Ok(Self::Softmax),
            "log_softmax" => Ok(Self::LogSoftmax),
            _ => Function::named(name).map(Self::Elementwise).map_err(|error| match error {
                Error::Argument { name, expected, got } => {
                    Error::Argument { name, expected: format!("{expected}, softmax, log_softmax"), got }
                }
                error => error,
            }),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Elementwise(function) => function.name(),
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
        }
    }

    /// The elementwise function that an op before it can apply by itself, and whether that is all.
    pub fn split(&self) -> (Function, bool) {
        match self {
            Self::Elementwise(function) => (*function, true),
            _ => (crate::ops::Linear.into(), false),
        }
    }

    /// The activation of x.
    ///
    /// # Errors
    /// [`Error::Shape`] where x has no last axis for a softmax.
    pub fn apply(&self, g: &Builder, x: Value) -> Result<Value> {
        match self {
            Self::Elementwise(function) => unary(g, *function, x),
            Self::Softmax => softmax(g, x),
            Self::LogSoftmax => log_softmax(g, x),
        }
    }
}
