//! What a layer applies to its result: an elementwise function, or a softmax over the last axis.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// [`Error::Unknown`] with all names where there is none of this one.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "softmax" => Ok(Self::Softmax),
            "log_softmax" => Ok(Self::LogSoftmax),
            _ => Function::named(name).map(Self::Elementwise).map_err(|error| match error {
                Error::Unknown { what, got, known } => {
                    let others = ["softmax", "log_softmax"].map(String::from);
                    Error::Unknown { what, got, known: known.into_iter().chain(others).collect() }
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

/// As a file keeps it: `"relu"`, or with the values of its parameters, `{"elu": {"alpha": 0.7}}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Name(String),
    With(BTreeMap<String, BTreeMap<String, f64>>),
}

impl Serialize for ActivationFunction {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let name = self.name().to_string();
        let kept = match self {
            Self::Elementwise(function) if *function != Function::from(function.row) => {
                let names = function.row.params.iter().map(|(name, _)| (*name).to_string());
                Kept::With([(name, names.zip(function.params().iter().copied()).collect())].into())
            }
            _ => Kept::Name(name),
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ActivationFunction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Kept::deserialize(deserializer)? {
            Kept::Name(name) => Self::named(&name).map_err(D::Error::custom),
            Kept::With(named) => {
                let one = named.into_iter().next().ok_or_else(|| D::Error::custom("an activation without a name"))?;
                Function::named(&one.0).and_then(|f| f.with(&one.1)).map(Self::Elementwise).map_err(D::Error::custom)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::unary::activations::Elu;
    use crate::ops::unary::piecewise::Relu;

    #[test]
    fn a_file_keeps_the_parameters() {
        let all: [ActivationFunction; 4] =
            [Relu.into(), Softmax.into(), Elu { alpha: 0.7 }.into(), Elu::default().into()];
        let kept = all.map(|function| serde_json::to_string(&function).unwrap());
        assert_eq!(kept, ["\"relu\"", "\"softmax\"", "{\"elu\":{\"alpha\":0.7}}", "\"elu\""]);
        for (kept, function) in kept.iter().zip(all) {
            assert_eq!(serde_json::from_str::<ActivationFunction>(kept).unwrap(), function);
        }
        for wrong in ["\"rellu\"", "{\"elu\":{\"beta\":1.0}}", "{}", "3"] {
            assert!(serde_json::from_str::<ActivationFunction>(wrong).is_err(), "{wrong}");
        }
    }
}
