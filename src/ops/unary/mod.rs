//! Elementwise functions of one argument: a row each, `y = f(x)` and `dx = dy f'(x)`.
//!
//! A row serves the ops `<name>` and `<name>_backward`, and the epilogue of [`dense`](crate::ops::dense). To add one,
//! write its type into [`piecewise`], [`activations`] or [`arithmetic`], name it in the list there, and write its WGSL.
//!
//! What f does at the ends: where its limit at an infinity is finite, it gives the limit (`silu(-∞)` is 0, not NaN);
//! what passes the largest f32 is infinite; what is below 2⁻¹²⁶ may come out as 0. NaN gives NaN.

pub mod activations;
pub mod arithmetic;
mod function;
mod op;
mod own;
pub mod piecewise;
mod slices;

use std::borrow::Cow;

use crate::graph::{F1, F2, Float, Source};

pub use function::Function;
pub(super) use op::product_bars;
pub use op::{UnaryBackward, UnaryOp, cases, unary, unary_backward};
pub use own::{Custom, Elementwise};
pub(super) use slices::{PIECE, each};

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Unary> + Clone {
    [piecewise::ROWS, activations::ROWS, arithmetic::ROWS].into_iter().flatten()
}

/// The text of a function's file under `shaders/unary/`.
macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/unary/", $name, ".wgsl"))
    };
}
use wgsl;

/// Parameters that a function may have.
pub const MOST_PARAMS: usize = 4;
/// Values of the parameters of a function; those past its own are 0.
pub type Params<F> = [F; MOST_PARAMS];

/// What a derivative is computed from, besides the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Neither: the derivative is a constant.
    Nothing,
    /// The function's argument.
    Input,
    /// The function's value.
    Output,
}

/// An elementwise function, as its author writes it. [`row`] makes it a [`Unary`].
///
/// The type holds the values of its parameters: `LeakyRelu { negative_slope: 0.1 }`.
pub trait UnaryDef: 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// Other names that people know it by.
    const ALIASES: &'static [&'static str] = &[];
    /// A file with `fn <name>_f(x: f32) -> f32` and `fn <name>_df(x: f32, y: f32) -> f32`; parameters come after these.
    const WGSL: &'static str;
    /// Of a function that is given as WGSL expressions of `x` in the place of a file: itself and its derivative.
    const EXPRESSIONS: Option<[&'static str; 2]> = None;
    /// Names and defaults of the parameters.
    const PARAMS: &'static [(&'static str, f64)] = &[];
    /// Values of the parameters that the checks try besides the defaults.
    const TRIED: &'static [&'static [f64]] = &[];
    /// The least argument that it is defined for: below it f is NaN.
    const LEAST: f32 = f32::NEG_INFINITY;
    /// Whether `df` wants the input or the output; what it doesn't want may be anything.
    const DF: Needs;
    /// At least three of (x, f(x), f'(x)) from an outside source, the kink among them; for the default parameters.
    const SAMPLES: &'static [[f64; 3]];
    /// ULPs that `f` and `df` in f32 may be off.
    const ULPS: [f64; 2];
    /// What `f` and `df` may be off where they pass through 0, besides.
    const FLOORS: [f64; 2] = [0.0; 2];
    /// The function. NaN gives NaN, an infinity the limit there.
    fn f<F: Float>(x: F, p: &[F]) -> F;
    /// Its derivative at `x`, where `y = f(x)`. NaN in what it wants gives NaN.
    fn df<F: Float>(x: F, y: F, p: &[F]) -> F;
    /// The values of the parameters.
    fn params(&self) -> Params<f64> {
        defaults(Self::PARAMS)
    }
}

/// An elementwise function as plain data, its parameters open.
#[derive(Debug)]
pub struct Unary {
    /// See [`UnaryDef::NAME`].
    pub name: &'static str,
    /// See [`UnaryDef::ALIASES`].
    pub aliases: &'static [&'static str],
    /// See [`UnaryDef::WGSL`].
    pub source: Source,
    /// See [`UnaryDef::EXPRESSIONS`].
    pub expressions: Option<[&'static str; 2]>,
    /// See [`UnaryDef::PARAMS`].
    pub params: &'static [(&'static str, f64)],
    /// See [`UnaryDef::TRIED`].
    pub tried: &'static [&'static [f64]],
    /// See [`UnaryDef::LEAST`].
    pub least: f32,
    /// See [`UnaryDef::DF`].
    pub needs: Needs,
    /// See [`UnaryDef::SAMPLES`].
    pub samples: &'static [[f64; 3]],
    /// See [`UnaryDef::ULPS`].
    pub ulps: [f64; 2],
    /// See [`UnaryDef::FLOORS`].
    pub floors: [f64; 2],
    f: (F1<f32>, F1<f64>),
    df: (F2<f32>, F2<f64>),
    slices: slices::Slices,
}

/// The row of a function.
pub const fn row<U: UnaryDef>() -> Unary {
    Unary {
        name: U::NAME,
        aliases: U::ALIASES,
        source: Source::new(U::NAME, Cow::Borrowed(U::WGSL)),
        expressions: U::EXPRESSIONS,
        params: U::PARAMS,
        tried: U::TRIED,
        least: U::LEAST,
        needs: U::DF,
        samples: U::SAMPLES,
        ulps: U::ULPS,
        floors: U::FLOORS,
        f: (U::f::<f32>, U::f::<f64>),
        df: (U::df::<f32>, U::df::<f64>),
        slices: slices::Slices::of::<U>(),
    }
}

/// Parameters from their first values on; those past them are 0.
fn filled(values: impl IntoIterator<Item = f64>) -> Params<f64> {
    let mut params = [0.0; MOST_PARAMS];
    params.iter_mut().zip(values).for_each(|(p, value)| *p = value);
    params
}

/// The defaults of parameters.
fn defaults(names: &[(&str, f64)]) -> Params<f64> {
    filled(names.iter().map(|(_, value)| *value))
}

/// The largest f32: a bound that no number passes.
const LARGEST: f64 = f32::MAX as f64;

/// What a function steeper than 1 may be off at a denormal argument, which a driver may take for 0: a few 2⁻¹²⁶.
const DENORMAL: f64 = 1e-37;

/// What `f` gives in f64, rounded: for functions whose parts in f32 would be off more than a few ULP.
fn wide<F: Float>(x: F, f: impl Fn(f64) -> f64) -> F {
    F::of(f(x.to_f64()))
}

/// `x`, and `limit` or `-limit` beyond them: where a function has reached its limit. NaN passes on.
fn within<F: Float>(x: F, limit: f64) -> F {
    F::of(-limit).max_or_nan(F::of(limit).min_or_nan(x))
}
