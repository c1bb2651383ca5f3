//! An elementwise function as a layer, and how functions are named.

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::{Config, Layer, Scope, one};
use crate::ops::{ROWS, Unary, UnaryDef, row, unary};
use crate::shape::Shape;

/// An elementwise function: `Relu`, or by name with [`Function::named`].
#[derive(Clone, Copy, Debug)]
pub struct Function(pub(crate) &'static Unary);

impl Function {
    /// The function of a name: `linear`, `relu`, `sigmoid`.
    ///
    /// # Errors
    /// [`Error::Argument`] with all names where there is no such function.
    pub fn named(name: &str) -> Result<Self> {
        let names = || ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let found = ROWS.iter().find(|row| row.name == name);
        found.map(|row| Self(row)).ok_or_else(|| Error::argument("activation", format!("one of {}", names()), name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }
}

impl<U: UnaryDef> From<U> for Function {
    fn from(_: U) -> Self {
        Self(const { &row::<U>() })
    }
}

/// A layer `y = f(x)`, for inputs of any shape.
///
/// ```
/// use wgrad::{Relu, layers::Activation};
/// let layer = Activation::new(Relu);
/// ```
#[derive(Clone, Debug)]
pub struct Activation {
    function: Function,
    input_shape: Option<Shape>,
}

impl Activation {
    /// The layer of a function.
    pub fn new(function: impl Into<Function>) -> Self {
        Self { function: function.into(), input_shape: None }
    }

    /// The shape of one input row, on the first layer.
    pub fn input_shape(mut self, shape: impl Into<Shape>) -> Self {
        self.input_shape = Some(shape.into());
        self
    }
}

impl Layer for Activation {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![unary(scope.builder(), self.function.0, one("activation", x)?)?])
    }

    fn config(&self) -> Config {
        Config::new("Activation", serde_json::json!({ "activation": self.function.name() }))
    }

    fn input_shape(&self) -> Option<Shape> {
        self.input_shape.clone()
    }
}
