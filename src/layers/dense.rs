//! A dense layer.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Initializer, Layer, Regularizer, Scope, Vars, one, one_type};
use crate::ops::{ActivationFunction, Linear, dense};
use crate::shape::Type;

/// `y = f(x w + b)` over the last axis: x `[batch, …, features]`, w `[features, units]`, b `[units]`, y
/// `[batch, …, units]`.
///
/// # Defaults
/// No activation, a bias, `kernel` from Glorot's uniform distribution, `bias` 0, no regularizers. Source: Keras'
/// `Dense`.
///
/// ```
/// use wgrad::{Relu, layers::{Dense, Layer, Regularizer}};
/// let layer = Dense::new(64).activation(Relu).kernel_regularizer(Regularizer::l2(0.01)).input_shape([10]);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    units: usize,
    activation: ActivationFunction,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
    kernel_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
}

impl Dense {
    /// A layer of `units`.
    pub fn new(units: usize) -> Self {
        Self {
            units,
            activation: Linear.into(),
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform,
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
        }
    }

    /// f.
    pub fn activation(mut self, activation: impl Into<ActivationFunction>) -> Self {
        self.activation = activation.into();
        self
    }

    /// Whether there is a bias.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }

    /// How w begins.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.kernel_initializer = initializer;
        self
    }

    /// How b begins.
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.bias_initializer = initializer;
        self
    }

    /// What w adds to the loss.
    pub fn kernel_regularizer(mut self, regularizer: Regularizer) -> Self {
        self.kernel_regularizer = Some(regularizer);
        self
    }

    /// What b adds to the loss.
    pub fn bias_regularizer(mut self, regularizer: Regularizer) -> Self {
        self.bias_regularizer = Some(regularizer);
        self
    }
}

impl Layer for Dense {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        let input = one_type("dense", inputs)?;
        let &[.., features] = input.shape.dims() else {
            return Err(Error::shape("input", "[batch, …, features]", "[batch]"));
        };
        if self.units == 0 || features == 0 {
            return Err(Error::argument("units and features", "at least 1", format!("{} and {features}", self.units)));
        }
        vars.add("kernel", [features, self.units], self.kernel_initializer)?;
        if self.use_bias {
            vars.add("bias", [self.units], self.bias_initializer)?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let kernel = scope.var("kernel")?;
        let bias = if self.use_bias { Some(scope.var("bias")?) } else { None };
        for (weight, regularizer) in [(Some(kernel), self.kernel_regularizer), (bias, self.bias_regularizer)] {
            if let (Some(weight), Some(regularizer)) = (weight, regularizer) {
                regularizer.add(scope, weight)?;
            }
        }
        let (function, is_all) = self.activation.split();
        let y = dense(scope.builder(), one("dense", x)?, kernel, bias, function)?;
        Ok(vec![if is_all { y } else { self.activation.apply(scope.builder(), y)? }])
    }

    fn config(&self) -> Config {
        Config::new("Dense", self)
    }
}
