//! A layer as it is traced.

use crate::error::{Error, Result};
use crate::graph::{Builder, Value, Variables};
use crate::layers::Placed;
use crate::layers::vars::join;
use crate::ops::moving_average;

/// A trace of a layer: its variables as values, the builder that takes its ops, and what it says beyond its outputs:
/// losses of its own, new values of its state, randomness.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    builder: &'a Builder,
    variables: &'a Variables,
    path: String,
    training: bool,
    trainable: bool,
    seed: u64,
}

/// What the random numbers of an op are keyed by, beside the step and the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The seed of the model.
    pub seed: u64,
    /// The place in the model.
    pub layer: u32,
}

impl<'a> Scope<'a> {
    /// That of a whole model.
    pub(crate) fn new(builder: &'a Builder, variables: &'a Variables, training: bool, seed: u64) -> Self {
        Self { builder, variables, path: String::new(), training, trainable: true, seed }
    }

    /// The scope at another path.
    pub(super) fn at(self, path: &str) -> Self {
        Self { path: path.into(), ..self }
    }

    /// The path of the layer in its model: `encoder/dense`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What takes the ops.
    pub fn builder(&self) -> &'a Builder {
        self.builder
    }

    /// The variable that [`Vars::add`](crate::layers::Vars::add) or [`Vars::state`](crate::layers::Vars::state) was
    /// given as `name`: its value at the begin of the step.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is none.
    pub fn var(&self, name: &str) -> Result<Value> {
        self.builder.variable(self.find(name)?)
    }

    fn find(&self, name: &str) -> Result<usize> {
        let path = join(&self.path, name);
        let index = self.variables.iter().position(|v| v.name == path);
        index.ok_or_else(|| Error::argument(&path, "a variable that `build` has added", "none"))
    }

    /// Whether the step trains.
    pub fn training(&self) -> bool {
        self.training
    }

    /// Whether the layer trains where a step does: not where it is frozen.
    pub fn trainable(&self) -> bool {
        self.trainable
    }

    /// Adds the sum of `value` to the loss of the model: `value` is made of weights, as a regularizer's is, and not of
    /// rows of the batch.
    ///
    /// # Errors
    /// [`Error::Shape`] for a value with a batch axis.
    pub fn loss(&self, value: Value) -> Result<()> {
        match self.builder.ty(value) {
            ty if ty.batched => Err(Error::shape("a loss of a layer", "a value without a batch axis", ty)),
            _ => {
                self.builder.add_loss(value);
                Ok(())
            }
        }
    }

    /// Says that each of these variables becomes `momentum · variable + (1 − momentum) · value` after the step; with a
    /// momentum of 0, `value`. Nothing is written by a step that does not train, or that is flagged, nor where the layer
    /// is frozen.
    ///
    /// # Errors
    /// [`Error::Argument`] where there is no such variable, [`Error::Shape`] where the shapes differ.
    pub fn update(&self, values: &[(&str, Value)], momentum: f64) -> Result<()> {
        let places = values.iter().map(|(name, _)| self.find(name)).collect::<Result<Vec<_>>>()?;
        if !(self.training && self.trainable) {
            return Ok(());
        }
        // A shared layer is called twice: the second update goes on from the first.
        let before = |&index: &usize| self.builder.written(index).map_or_else(|| self.builder.variable(index), Ok);
        let before = places.iter().map(before).collect::<Result<Vec<_>>>()?;
        let values: Vec<Value> = values.iter().map(|(_, value)| *value).collect();
        let after = moving_average(self.builder, &before, &values, momentum)?;
        places.into_iter().zip(after).for_each(|(index, value)| self.builder.write(index, value));
        Ok(())
    }

    /// A stream of random numbers that nothing else in this model has.
    pub fn random(&self) -> Stream {
        Stream { seed: self.seed, layer: self.builder.next_stream() }
    }

    /// The scope of a layer inside this one.
    pub fn child(&self, name: &str) -> Scope<'a> {
        Scope { path: join(&self.path, name), ..self.clone() }
    }

    /// The same for one that a model holds.
    pub(super) fn within(&self, name: &str, placed: &Placed) -> Scope<'a> {
        Scope { trainable: self.trainable && placed.is_trainable(), ..self.child(name) }
    }
}
