//! What layers train and keep, in the making.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Builder, Variable, VariableKind, Variables};
use crate::layers::{Initializer, Placed, Scope};
use crate::shape::{Shape, Type};
use crate::tensor::Tensor;

/// Weights by their path under a layer: `kernel`, `dense/kernel`.
pub type Weights = BTreeMap<String, Tensor>;

/// All variables of a model, and how each begins.
#[derive(Debug, Default)]
pub(crate) struct Making {
    pub(crate) variables: Variables,
    pub(crate) begins: Vec<Begin>,
}

/// How a variable begins.
#[derive(Clone, Debug)]
pub(crate) enum Begin {
    By(Initializer),
    As(Tensor),
}

/// Variables in the making, under the path of a layer.
#[derive(Debug)]
pub struct Vars<'a> {
    making: &'a mut Making,
    path: String,
    trainable: bool,
    /// Weights that are given, and the length of the path that they are given for.
    given: Option<(usize, Arc<Weights>)>,
}

impl<'a> Vars<'a> {
    /// Those of a whole model.
    pub(crate) fn new(making: &'a mut Making) -> Self {
        Self { making, path: String::new(), trainable: true, given: None }
    }

    /// Adds a parameter `<layer>/<name>`, which is trained unless the layer is frozen.
    ///
    /// # Errors
    /// [`Error::Argument`] where the name is taken, [`Error::Shape`] where the shape is too large, or not that of the
    /// weight that the layer begins with.
    pub fn add(&mut self, name: &str, shape: impl Into<Shape>, initializer: Initializer) -> Result<()> {
        let kind = if self.trainable { VariableKind::Parameter } else { VariableKind::State };
        self.put(name, shape.into(), initializer, kind)
    }

    /// Adds what the layer keeps and no optimizer changes, as moving averages: see [`Scope::update`].
    ///
    /// # Errors
    /// Those of [`Vars::add`].
    pub fn state(&mut self, name: &str, shape: impl Into<Shape>, initializer: Initializer) -> Result<()> {
        self.put(name, shape.into(), initializer, VariableKind::State)
    }

    fn put(&mut self, name: &str, shape: Shape, initializer: Initializer, kind: VariableKind) -> Result<()> {
        let (path, ty) = (join(&self.path, name), Type::f32(shape));
        ty.shape.checked_len(&path)?;
        let given = self.given.as_ref().and_then(|(under, weights)| {
            let under = if *under == 0 { 0 } else { under + 1 };
            weights.get(path.get(under..)?)
        });
        let begin = match given {
            Some(tensor) if *tensor.shape() != ty.shape => {
                return Err(Error::shape(path, ty.shape.to_string(), tensor.shape()));
            }
            Some(tensor) => Begin::As(tensor.clone()),
            None => Begin::By(initializer),
        };
        self.making.variables.add(Variable { name: path, ty, kind })?;
        self.making.begins.push(begin);
        Ok(())
    }

    /// The variables of a layer inside this one.
    pub fn child(&mut self, name: &str) -> Vars<'_> {
        let (path, given) = (join(&self.path, name), self.given.clone());
        Vars { making: self.making, path, trainable: self.trainable, given }
    }

    /// Builds a layer inside this one.
    pub(crate) fn build(&mut self, name: &str, placed: &Placed, inputs: &[Type]) -> Result<()> {
        let mut vars = self.child(name);
        vars.trainable &= placed.is_trainable();
        // Those of a whole model win over those that a part of it began with.
        if let (Some(weights), None) = (placed.weights(), &vars.given) {
            vars.given = Some((vars.path.len(), Arc::clone(weights)));
        }
        placed.layer().build(&mut vars, inputs)
    }

    /// The types of what a layer inside this one gives, without the batch axis: it is traced alone.
    pub(crate) fn outputs(&self, name: &str, placed: &Placed, inputs: &[Type]) -> Result<Vec<Type>> {
        let builder = Builder::new(Arc::new(self.making.variables.clone()));
        let row = |ty: &Type| Type { shape: ty.shape.with_batch(1), dtype: ty.dtype, batched: true };
        let x: Vec<_> = inputs.iter().map(|ty| builder.data(row(ty))).collect();
        let scope = Scope::new(&builder, &self.making.variables, false, 0).at(&self.path);
        let outputs = placed.layer().call(&scope.within(name, placed), &x)?;
        let of_row = |y| match builder.ty(y) {
            ty if ty.batched => Ok(Type { shape: ty.shape.without_batch(), dtype: ty.dtype, batched: false }),
            ty => Err(Error::shape("output", "[batch, …]", ty.shape)),
        };
        outputs.into_iter().map(of_row).collect()
    }
}

/// A path with a name added to it.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}/{name}") }
}
