//! A row with the values of its parameters: what layers hold and kernels are composed with.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};
use crate::graph::{Constant, Float, Launch, Pointwise, Source, call_of};
use crate::ops::unary::piecewise::Linear;
use crate::ops::unary::{Params, Unary, UnaryDef, defaults, filled, row, rows};

/// An elementwise function: a row and the values of its parameters.
#[derive(Clone, Copy)]
pub struct Function {
    /// The row.
    pub row: &'static Unary,
    pub(super) params: Params<f64>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        (self.row.name, self.params()) == (other.row.name, other.params())
    }
}

impl fmt::Debug for Function {
    /// `relu`, `elu(alpha: 1.0)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = self.row.params.iter().zip(self.params());
        let params: Vec<String> = params.map(|((name, _), value)| format!("{name}: {value:?}")).collect();
        match &params[..] {
            [] => write!(f, "{}", self.name()),
            _ => write!(f, "{}({})", self.name(), params.join(", ")),
        }
    }
}

impl From<&'static Unary> for Function {
    /// With the default parameters.
    fn from(row: &'static Unary) -> Self {
        Self { row, params: defaults(row.params) }
    }
}

impl<U: UnaryDef> From<U> for Function {
    fn from(function: U) -> Self {
        Self { row: const { &row::<U>() }, params: function.params() }
    }
}

impl Function {
    /// The function of a name, with its default parameters: `relu`, `gelu`, `swish`, …
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names where there is no such function.
    pub fn named(name: &str) -> Result<Self> {
        let found = rows().find(|row| row.name == name || row.aliases.contains(&name));
        found.map(Self::from).ok_or_else(|| Error::unknown("activation", name, Self::names()))
    }

    /// The same with some of its parameters.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a parameter that it does not have.
    pub(crate) fn with(mut self, params: &BTreeMap<String, f64>) -> Result<Self> {
        for (name, &value) in params {
            let place = self.row.params.iter().position(|(other, _)| other == name);
            let known = || self.row.params.iter().map(|(name, _)| *name);
            let place =
                place.ok_or_else(|| Error::unknown(&format!("parameter of {}", self.row.name), name, known()))?;
            self.params[place] = value;
        }
        Ok(self)
    }

    /// The names of all functions.
    pub fn names() -> Vec<&'static str> {
        rows().map(|row| row.name).collect()
    }

    /// What the checks try: every function with its default parameters and with each set of [`UnaryDef::TRIED`].
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        let with = |row| move |values: &&[f64]| Self { row, params: filled(values.iter().copied()) };
        rows().flat_map(move |row| std::iter::once(Self::from(row)).chain(row.tried.iter().map(with(row))))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// The values of its parameters, in the order of [`Unary::params`].
    pub fn params(&self) -> &[f64] {
        &self.params[..self.row.params.len()]
    }

    /// The function, in f32 or f64.
    pub fn f<F: Float>(&self) -> impl Fn(F) -> F + Copy + use<F> {
        let (f, p) = (F::unary(self.row.f.0, self.row.f.1), self.params.map(F::of));
        move |x| f(x, &p)
    }

    /// Its derivative at `x` where `y = f(x)`, in f32 or f64.
    pub fn df<F: Float>(&self) -> impl Fn(F, F) -> F + Copy + use<F> {
        let (df, p) = (F::binary(self.row.df.0, self.row.df.1), self.params.map(F::of));
        move |x, y| df(x, y, &p)
    }

    /// Whether it is the identity.
    pub fn is_linear(&self) -> bool {
        self.row.name == Linear::NAME
    }

    /// Whether it is a program's own: its row, which may be another copy of one of wgrad's, says so by its text.
    pub fn is_own(&self) -> bool {
        !rows().any(|row| row.name == self.row.name && row.source == self.row.source)
    }

    /// The functions `<name>_f` and `<name>_df` in WGSL.
    fn source(&self) -> Source {
        let (row, name) = (self.row, self.row.name);
        match row.expressions {
            None => row.source.clone(),
            Some([f, df]) => Source::new(
                name,
                format!(
                    "fn {name}_f(x: f32) -> f32 {{\n    return {f};\n}}\n\n\
                     fn {name}_df(x: f32, y: f32) -> f32 {{\n    return {df};\n}}\n"
                )
                .into(),
            ),
        }
    }

    /// `template` with the function's `f` or `df` of `operands` in the place of `@`, as a part of a merged kernel.
    pub(super) fn pointwise(&self, suffix: &str, operands: &[&str], template: &str) -> Pointwise {
        let params: Vec<f32> = self.params().iter().map(|&p| p as f32).collect();
        let call = call_of(&format!("{}_{suffix}", self.row.name), operands, &params);
        Pointwise::new(self.source(), [template.replace('@', &call)])
    }

    /// Adds the function to a kernel that calls `f(x)` and `df(x, y)`.
    pub fn compose(&self, launch: Launch) -> Launch {
        let call = |signature| Constant::Call {
            signature,
            stem: self.row.name,
            params: self.params().iter().map(|&p| p as f32).collect(),
        };
        launch
            .source(self.source())
            .constant("f", call("(x: f32) -> f32"))
            .constant("df", call("(x: f32, y: f32) -> f32"))
    }
}
