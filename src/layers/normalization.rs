//! Normalisations as layers.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Initializer, Layer, Regularizer, Scope, Vars, one, one_type};
use crate::ops::{batch_normalization, layer_normalization, normalize};
use crate::shape::Type;

/// What γ and β begin as, and what they add to the loss.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Affine {
    center: bool,
    scale: bool,
    beta_initializer: Initializer,
    gamma_initializer: Initializer,
    beta_regularizer: Option<Regularizer>,
    gamma_regularizer: Option<Regularizer>,
}

impl Affine {
    fn new() -> Self {
        let (beta_initializer, gamma_initializer) = (Initializer::Zeros, Initializer::Ones);
        Self {
            center: true,
            scale: true,
            beta_initializer,
            gamma_initializer,
            beta_regularizer: None,
            gamma_regularizer: None,
        }
    }

    /// Adds γ and β for the last axis; gives its extent.
    fn build(&self, vars: &mut Vars<'_>, input: &Type) -> Result<usize> {
        let &[.., features] = input.shape.dims() else {
            return Err(Error::shape("input", "[batch, …, features]", "[batch]"));
        };
        if self.scale {
            vars.add("gamma", [features], self.gamma_initializer)?;
        }
        if self.center {
            vars.add("beta", [features], self.beta_initializer)?;
        }
        Ok(features)
    }

    /// γ and β.
    fn values(&self, scope: &Scope<'_>) -> Result<[Option<Value>; 2]> {
        let all = [("gamma", self.scale, self.gamma_regularizer), ("beta", self.center, self.beta_regularizer)];
        let mut values = [None; 2];
        for ((name, is_there, regularizer), value) in all.into_iter().zip(&mut values) {
            if is_there {
                let weight = scope.var(name)?;
                regularizer.map_or(Ok(()), |regularizer| regularizer.add(scope, weight))?;
                *value = Some(weight);
            }
        }
        Ok(values)
    }
}

/// The setters of what both layers have.
macro_rules! affine {
    () => {
        /// ε, what is added to the variance.
        pub fn epsilon(mut self, epsilon: f64) -> Self {
            self.epsilon = epsilon;
            self
        }

        /// Whether there is a β.
        pub fn center(mut self, center: bool) -> Self {
            self.affine.center = center;
            self
        }

        /// Whether there is a γ.
        pub fn scale(mut self, scale: bool) -> Self {
            self.affine.scale = scale;
            self
        }

        /// How β begins.
        pub fn beta_initializer(mut self, initializer: Initializer) -> Self {
            self.affine.beta_initializer = initializer;
            self
        }

        /// How γ begins.
        pub fn gamma_initializer(mut self, initializer: Initializer) -> Self {
            self.affine.gamma_initializer = initializer;
            self
        }

        /// What β adds to the loss.
        pub fn beta_regularizer(mut self, regularizer: Regularizer) -> Self {
            self.affine.beta_regularizer = Some(regularizer);
            self
        }

        /// What γ adds to the loss.
        pub fn gamma_regularizer(mut self, regularizer: Regularizer) -> Self {
            self.affine.gamma_regularizer = Some(regularizer);
            self
        }
    };
}

/// `γ (x − mean) / √(variance + ε) + β` of each feature, the last axis of x `[batch, …, features]`; γ and β `[features]`.
///
/// A step of training takes mean and (biased) variance of the batch, over the rows that count, and moves the averages
/// `moving_mean` and `moving_variance` towards them: `moving · momentum + batch · (1 − momentum)`. All else takes these
/// averages, and so does a frozen layer.
///
/// # Defaults
/// `momentum(0.99)`, `epsilon(1e-3)`, γ 1, β 0, the averages 0 and 1. Source: Keras' `BatchNormalization`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormalization {
    momentum: f64,
    epsilon: f64,
    affine: Affine,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self { momentum: 0.99, epsilon: 1e-3, affine: Affine::new() }
    }
}

impl BatchNormalization {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is kept of the averages in a step.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    affine!();
}

impl Layer for BatchNormalization {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        let features = self.affine.build(vars, one_type("batch_normalization", inputs)?)?;
        vars.state("moving_mean", [features], Initializer::Zeros)?;
        vars.state("moving_variance", [features], Initializer::Ones)
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let (g, x, [gamma, beta]) = (scope.builder(), one("batch_normalization", x)?, self.affine.values(scope)?);
        if scope.training() && scope.trainable() {
            let [y, mean, variance] = batch_normalization(g, x, gamma, beta, self.epsilon)?;
            scope.update(&[("moving_mean", mean), ("moving_variance", variance)], self.momentum)?;
            return Ok(vec![y]);
        }
        let moving = [scope.var("moving_mean")?, scope.var("moving_variance")?];
        Ok(vec![normalize(g, x, moving, gamma, beta, self.epsilon)?])
    }

    fn config(&self) -> Config {
        Config::new("BatchNormalization", self)
    }
}

/// `γ (x − mean) / √(variance + ε) + β` of each row over the last axis of x `[batch, …, features]`; γ and β `[features]`.
///
/// # Defaults
/// `epsilon(1e-3)`, γ 1, β 0. Source: Keras' `LayerNormalization`; Ba, Kiros and Hinton, 2016.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNormalization {
    epsilon: f64,
    affine: Affine,
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self { epsilon: 1e-3, affine: Affine::new() }
    }
}

impl LayerNormalization {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }

    affine!();
}

impl Layer for LayerNormalization {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        self.affine.build(vars, one_type("layer_normalization", inputs)?).map(drop)
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let [gamma, beta] = self.affine.values(scope)?;
        Ok(vec![layer_normalization(scope.builder(), one("layer_normalization", x)?, gamma, beta, self.epsilon)?])
    }

    fn config(&self) -> Config {
        Config::new("LayerNormalization", self)
    }
}
