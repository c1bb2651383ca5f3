//! A dense layer.

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Initializer, Layer, Scope, Vars, one, one_type};
use crate::ops::{ActivationFunction, Linear, dense};
use crate::shape::{Shape, Type};

/// `y = f(x w + b)` over the last axis: x `[batch, …, features]`, w `[features, units]`, b `[units]`, y
/// `[batch, …, units]`.
///
/// # Defaults
/// No activation, a bias, `kernel` from Glorot's uniform distribution, `bias` 0. Source: Keras' `Dense`.
///
/// ```
/// use wgrad::{Relu, layers::Dense};
/// let layer = Dense::new(64).activation(Relu).input_shape([10]);
/// ```
#[derive(Clone, Debug)]
pub struct Dense {
    units: usize,
    activation: ActivationFunction,
    use_bias: bool,
    input_shape: Option<Shape>,
}

impl Dense {
    /// A layer of `units`.
    pub fn new(units: usize) -> Self {
        Self { units, activation: Linear.into(), use_bias: true, input_shape: None }
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

    /// The shape of one input row, on the first layer: `[features]`.
    pub fn input_shape(mut self, shape: impl Into<Shape>) -> Self {
        self.input_shape = Some(shape.into());
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
        vars.add("kernel", [features, self.units], Initializer::GlorotUniform)?;
        if self.use_bias {
            vars.add("bias", [self.units], Initializer::Zeros)?;
        }
        Ok(())
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let bias = if self.use_bias { Some(scope.var("bias")?) } else { None };
        let (function, is_all) = self.activation.split();
        let y = dense(scope.builder(), one("dense", x)?, scope.var("kernel")?, bias, function)?;
        Ok(vec![if is_all { y } else { self.activation.apply(scope.builder(), y)? }])
    }

    fn config(&self) -> Config {
        let (units, activation) = (self.units, self.activation.name());
        let settings = serde_json::json!({ "units": units, "activation": activation, "use_bias": self.use_bias });
        Config::new("Dense", settings)
    }

    fn input_shape(&self) -> Option<Shape> {
        self.input_shape.clone()
    }
}
