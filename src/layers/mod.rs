//! Layers: plain configuration, with what they train living in the model.

mod activation;
mod dense;
mod dropout;
mod embedding;
pub mod initializers;
mod merge;
mod movement;
mod network;
mod normalization;
mod placed;
mod prelu;
mod registry;
mod rescaling;
mod regularizer;
mod scope;
mod vars;

use std::fmt::Debug;

pub use activation::Activation;
pub use dense::Dense;
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use initializers::Initializer;
pub use merge::{Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract};
pub use movement::{Flatten, Permute, RepeatVector, Reshape};
pub(crate) use network::{Network, Source, unused};
pub use normalization::{BatchNormalization, LayerNormalization};
pub use placed::{Placed, Symbol, Symbols};
pub use prelu::PRelu;
use registry::Kind;
pub use registry::Registry;
pub use regularizer::Regularizer;
pub use rescaling::Rescaling;
pub use scope::{Scope, Stream};
pub(crate) use vars::{Begin, Making};
pub use vars::{Vars, Weights};

pub use crate::ops::{ActivationFunction, Function};

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::shape::{Shape, Type};

/// The one mental model: values in, values out, and variables by name.
///
/// A layer made of ops needs no gradient of its own. [`Registry::register`] says how a file's layer is made again.
///
/// ```
/// use wgrad::layers::{Config, Layer, Scope};
/// use wgrad::{Result, graph::Value, ops};
///
/// /// `y = σ(x)`.
/// #[derive(Debug)]
/// struct MySigmoid;
///
/// impl Layer for MySigmoid {
///     fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
///         x.iter().map(|&x| ops::unary(scope.builder(), ops::Sigmoid, x)).collect()
///     }
///     fn config(&self) -> Config {
///         Config::new("MySigmoid", ())
///     }
/// }
/// ```
pub trait Layer: Debug + Send + Sync {
    /// Says what the layer trains or keeps, for inputs of these types, without their batch axis.
    ///
    /// # Errors
    /// [`Error::Shape`] where the layer does not take such inputs.
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        let _ = (vars, inputs);
        Ok(())
    }

    /// The outputs for `x`, made of ops.
    ///
    /// # Errors
    /// Those of the ops.
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>>;

    /// What a file keeps of it: a registered name, never code.
    fn config(&self) -> Config;

    /// Of a layer that takes whole numbers as this input, as an embedding does: what these are below.
    fn ids_below(&self, input: usize) -> Option<usize> {
        let _ = input;
        None
    }

    /// The layer under a name: its weights are `<name>/…`, and an output of the model that it gives is `<name>`.
    fn named(self, name: &str) -> Placed
    where
        Self: Sized + 'static,
    {
        Placed::from(self).named(name)
    }

    /// Whether its weights are trained: a frozen layer keeps them.
    fn trainable(self, trainable: bool) -> Placed
    where
        Self: Sized + 'static,
    {
        Placed::from(self).trainable(trainable)
    }

    /// The shape of one input row, without the batch axis: what the first layer of a sequential model says.
    fn input_shape(self, shape: impl Into<Shape>) -> Placed
    where
        Self: Sized + 'static,
    {
        Placed::from(self).input_shape(shape)
    }

    /// What it gives for `inputs`, in a model that is being made.
    fn on(self, inputs: impl Symbols) -> Symbol
    where
        Self: Sized + 'static,
    {
        Placed::from(self).on(inputs)
    }
}

/// Every layer of wgrad: one with settings of its own each, and the shapes of the rows that it takes. What a file names is
/// made by this list, and checks go through it.
fn built_in() -> Vec<Kind> {
    let (row, matrix): (&[usize], &[usize]) = (&[4], &[4, 3]);
    let decay = Regularizer::l1_l2(0.01, 0.02);
    let dense = Dense::new(2).activation(crate::ops::Elu { alpha: 0.5 }).kernel_regularizer(decay);
    let batch = BatchNormalization::new().momentum(0.5).epsilon(0.1).scale(false);
    vec![
        Kind::of(Activation::new(crate::ops::LeakyRelu { negative_slope: 0.3 }), &[row]),
        Kind::of(Add::new(), &[matrix, matrix]),
        Kind::of(Average::new(), &[matrix, matrix]),
        Kind::of(batch, &[matrix]),
        Kind::of(Concatenate::new().axis(1), &[matrix, matrix]),
        Kind::of(dense, &[matrix]),
        Kind::of(Dot::new([2, 2]).normalize(true), &[matrix, matrix]),
        Kind::of(Dropout::new(0.5), &[row]),
        Kind::of(Embedding::new(7, 3).embeddings_initializer(Initializer::HeNormal), &[row]),
        Kind::of(Flatten::new(), &[matrix]),
        Kind::of(LayerNormalization::new().epsilon(0.2), &[matrix]),
        Kind::of(Maximum::new(), &[matrix, matrix]),
        Kind::of(Minimum::new(), &[matrix, matrix]),
        Kind::of(Multiply::new(), &[matrix, matrix]),
        Kind::of(PRelu::new().alpha_initializer(Initializer::Constant(0.25)), &[matrix]),
        Kind::of(Permute::new([2, 1]), &[matrix]),
        Kind::of(RepeatVector::new(3), &[row]),
        Kind::of(Rescaling::new(0.5).offset(-1.0), &[matrix]),
        Kind::of(Reshape::new([-1, 6]), &[matrix]),
        Kind::of(Subtract::new(), &[matrix, matrix]),
    ]
}

/// A layer of each kind with the shapes of the rows that it takes, for checks.
pub fn samples() -> Vec<(Placed, Vec<Shape>)> {
    built_in().into_iter().map(|kind| (kind.sample, kind.inputs)).collect()
}

/// What a file keeps of a layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// The registered name: `Dense`.
    pub class: String,
    /// Its settings.
    pub settings: serde_json::Value,
}

impl Config {
    /// A class with settings that serde can write; `()` for none.
    pub fn new(class: &str, settings: impl serde::Serialize) -> Self {
        Self { class: class.into(), settings: serde_json::to_value(settings).unwrap_or_default() }
    }

    /// The class in snake_case: what an unnamed layer is called.
    pub fn snake_case(&self) -> String {
        let mut name = String::new();
        for c in self.class.chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(c.to_lowercase());
        }
        name
    }
}

/// The only input of a layer that takes one.
fn one<T: Copy>(layer: &str, x: &[T]) -> Result<T> {
    match x {
        [x] => Ok(*x),
        _ => Err(Error::shape(layer, "one input", x.len())),
    }
}

/// The only input type of a layer that takes one.
fn one_type<'a>(layer: &str, inputs: &'a [Type]) -> Result<&'a Type> {
    match inputs {
        [input] => Ok(input),
        _ => Err(Error::shape(layer, "one input", inputs.len())),
    }
}
