//! Layers: plain configuration, with what they train living in the model.

mod activation;
mod dense;
mod flatten;
pub mod initializers;

use std::fmt::Debug;

pub use activation::Activation;
pub use dense::Dense;
pub use flatten::Flatten;
pub use initializers::Initializer;

pub use crate::ops::{ActivationFunction, Function};

use crate::error::{Error, Result};
use crate::graph::{Builder, Value, Variable, VariableKind, Variables};
use crate::shape::{Shape, Type};

/// The one mental model: values in, values out, and variables by name.
///
/// A layer made of ops needs no gradient of its own.
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

    /// The shape of one input row, where the layer says it: the first layer of a model does.
    fn input_shape(&self) -> Option<Shape> {
        None
    }
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

/// Variables in the making, under the path of a layer.
#[derive(Debug)]
pub struct Vars<'a> {
    variables: &'a mut Variables,
    initializers: &'a mut Vec<Initializer>,
    path: String,
}

impl<'a> Vars<'a> {
    pub(crate) fn new(variables: &'a mut Variables, initializers: &'a mut Vec<Initializer>, path: &str) -> Self {
        Self { variables, initializers, path: path.into() }
    }

    /// Adds a parameter `<layer>/<name>`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the name is taken, [`Error::Shape`] where the shape is too large.
    pub fn add(&mut self, name: &str, shape: impl Into<Shape>, initializer: Initializer) -> Result<()> {
        let (name, ty) = (format!("{}/{name}", self.path), Type::f32(shape));
        ty.shape.checked_len(&name)?;
        self.variables.add(Variable { name, ty, kind: VariableKind::Parameter })?;
        self.initializers.push(initializer);
        Ok(())
    }

    /// The variables of a layer inside this one.
    pub fn child(&mut self, name: &str) -> Vars<'_> {
        let path = format!("{}/{name}", self.path);
        Vars { variables: self.variables, initializers: self.initializers, path }
    }
}

/// A trace of a layer: its variables as values, and the builder that takes its ops.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    builder: &'a Builder,
    variables: &'a Variables,
    path: String,
    training: bool,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(builder: &'a Builder, variables: &'a Variables, path: &str, training: bool) -> Self {
        Self { builder, variables, path: path.into(), training }
    }

    /// What takes the ops.
    pub fn builder(&self) -> &'a Builder {
        self.builder
    }

    /// The variable that [`Vars::add`] was given as `name`.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none.
    pub fn var(&self, name: &str) -> Result<Value> {
        let path = format!("{}/{name}", self.path);
        let index = self.variables.iter().position(|v| v.name == path);
        let index = index.ok_or_else(|| Error::argument(&path, "a variable that `build` has added", "none"))?;
        self.builder.variable(index)
    }

    /// Whether the step trains.
    pub fn training(&self) -> bool {
        self.training
    }

    /// The scope of a layer inside this one.
    pub fn child(&self, name: &str) -> Scope<'a> {
        Scope { path: format!("{}/{name}", self.path), ..self.clone() }
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
