//! What lives longer than a step: weights, moments, moving averages, and where each stands in its arena.

use crate::error::{Error, Result};
use crate::shape::Type;

/// What a variable is; each kind has an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VariableKind {
    /// Trained.
    Parameter,
    /// Kept by an optimizer.
    Moment,
    /// Kept by a layer and not trained.
    State,
}

impl VariableKind {
    /// Every kind, in the order of its arenas.
    pub const ALL: [Self; 3] = [Self::Parameter, Self::Moment, Self::State];
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Unique in the model: `dense/kernel`.
    pub name: String,
    /// Shape and dtype.
    pub ty: Type,
    /// What it is.
    pub kind: VariableKind,
}

/// All variables of a model. Programs of one model share them, so their places do not depend on a program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables(Vec<Variable>);

/// Words between the begins of neighbours: offsets in an arena are multiples of 256 bytes.
pub const ALIGN_WORDS: usize = 64;

impl Variables {
    /// Adds a variable and gives its index.
    ///
    /// # Errors
    /// [`Error::Argument`] where the name is taken.
    pub fn add(&mut self, variable: Variable) -> Result<usize> {
        if self.0.iter().any(|v| v.name == variable.name) {
            return Err(Error::argument("a variable's name", "one that is not taken", &variable.name));
        }
        self.0.push(variable);
        Ok(self.0.len() - 1)
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Variable> {
        self.0.iter()
    }

    /// The variable at an index.
    pub fn get(&self, index: usize) -> Option<&Variable> {
        self.0.get(index)
    }

    /// The number of variables.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where each begins in the arena of its kind, in words, and the words of each kind's arena, which begins and ends
    /// with `guard` words that belong to nothing.
    pub fn layout(&self, guard: usize) -> (Vec<usize>, [usize; 3]) {
        let mut ends = [guard; 3];
        let offsets = self
            .0
            .iter()
            .map(|v| {
                let end = &mut ends[v.kind as usize];
                let offset = *end;
                *end += padded(v.ty.len());
                offset
            })
            .collect();
        (offsets, ends.map(|end| end + guard))
    }
}

/// The words that a value of `len` elements takes in an arena; at least one unit, since a binding cannot be empty.
pub fn padded(len: usize) -> usize {
    len.max(1).next_multiple_of(ALIGN_WORDS)
}
