//! Normalisations `y = γ (x − mean) / √(variance + ε) + β`: of features over a batch, of rows over their last axis, and by
//! a mean and a variance that are given.

mod batch;
mod batch_backward;
mod columns;
mod given;
mod layer;
mod layer_backward;
mod near;

pub use batch::{BatchNormalization, batch_normalization};
pub use batch_backward::BatchNormalizationBackward;
pub use given::{Normalize, normalize};
pub use layer::{LayerNormalization, layer_normalization};
pub use layer_backward::LayerNormalizationBackward;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Builder, Float, Inputs, Launch, Op, StepState, Value, chunked_sum};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::same;
use crate::ops::softmax::extents;
use crate::shape::Type;

/// What all normalisations have: ε, and whether there are a γ and a β, `[c]` each, for the c features of the last axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalization {
    /// ε, from 0 on.
    pub epsilon: f64,
    /// Whether there is a γ; it is 1 elsewhere.
    pub scale: bool,
    /// Whether there is a β; it is 0 elsewhere.
    pub center: bool,
}

impl Normalization {
    /// That with these parameters.
    fn new(gamma: Option<Value>, beta: Option<Value>, epsilon: f64) -> Result<Self> {
        if !(epsilon >= 0.0 && epsilon.is_finite()) {
            return Err(Error::argument("epsilon", "0 or more", epsilon));
        }
        Ok(Self { epsilon, scale: gamma.is_some(), center: beta.is_some() })
    }

    /// Rows and features of x, input 0; γ and β are the inputs from `first` on, the last ones of all.
    fn extents(&self, op: &str, inputs: &[&Type], first: usize) -> Result<[usize; 2]> {
        let count = first + usize::from(self.scale) + usize::from(self.center);
        if inputs.len() != count {
            return Err(Error::shape(op, format!("{count} inputs"), inputs.len()));
        }
        let [rows, cols] = extents(op, inputs[0])?;
        inputs[first..].iter().try_for_each(|ty| feature(op, "gamma and beta", ty, cols))?;
        Ok([rows, cols])
    }

    /// γ and β of each feature.
    fn affine<'a, F: Float>(&self, inputs: &Inputs<'a, F>, first: usize) -> impl Fn(usize) -> [F; 2] + use<'a, F> {
        let gamma = if self.scale { inputs.float(first) } else { &[] };
        let beta = if self.center { inputs.float(first + usize::from(self.scale)) } else { &[] };
        move |j| [gamma.get(j).copied().unwrap_or(F::ONE), beta.get(j).copied().unwrap_or(F::ZERO)]
    }

    /// Rows and features of a backward op, whose inputs are x, two moments of the type that `moment` gives, dy, and γ where
    /// there is one.
    fn backward_extents(
        &self,
        op: &str,
        inputs: &[&Type],
        moment: impl Fn(&Type, usize) -> Type,
    ) -> Result<[usize; 2]> {
        let gamma_alone = Self { center: false, ..*self };
        let [rows, cols] = gamma_alone.extents(op, inputs, 4)?;
        inputs[1..3].iter().try_for_each(|ty| same(op, "the moments", ty, &moment(inputs[0], cols)))?;
        same(op, "dy", inputs[3], inputs[0])?;
        Ok([rows, cols])
    }

    /// The gradients of x and of what there is of γ and β, `affine`, by a backward op, from those of y.
    fn gradients(
        &self,
        g: &Builder,
        op: impl Op + 'static,
        [x, mean, spread, dy]: [Value; 4],
        affine: &[Value],
    ) -> Result<Vec<Option<Value>>> {
        let gamma = affine.iter().filter(|_| self.scale).take(1).copied();
        let inputs: Vec<Value> = [x, mean, spread, dy].into_iter().chain(gamma).collect();
        let outputs = g.op(Arc::new(op), &inputs)?;
        let kept = outputs.into_iter().zip([true, self.scale, self.center]).filter(|(_, kept)| *kept);
        Ok(kept.map(|(gradient, _)| Some(gradient)).collect())
    }

    /// Binds γ and β, or x in the place of one that is not there.
    fn bind_affine(&self, launch: Launch, first: usize) -> Launch {
        let beta = first + usize::from(self.scale);
        let launch = launch.flag("SCALE", self.scale).flag("CENTER", self.center);
        launch.input(if self.scale { first } else { 0 }).input(if self.center { beta } else { 0 })
    }
}

/// Refuses what is not f32 `[cols]`.
fn feature(op: &str, name: &str, ty: &Type, cols: usize) -> Result<()> {
    match ty.vector(op, name)? {
        len if len == cols => Ok(()),
        _ => Err(Error::shape(op, format!("{name} as f32 [{cols}]"), ty)),
    }
}

/// The products of the axes of x between the first and the last one: rows of features that a row of the batch has.
fn per_row(x: &Type) -> usize {
    x.shape.dims().iter().rev().skip(1).rev().skip(1).product()
}

/// Rows of features that count.
fn counting<F: Float>(step: &StepState<F>, x: &Type) -> usize {
    let rows = x.shape.dims().iter().rev().skip(1).product();
    if x.batched { step.rows_of(x) * per_row(x) } else { rows }
}

/// The mean and the biased variance of numbers; 0 of none.
fn moments<F: Float>(x: impl Iterator<Item = F> + Clone) -> [F; 2] {
    let n = F::of(x.clone().count().max(1) as f64);
    let mean = chunked_sum(x.clone()) / n;
    [mean, chunked_sum(x.map(|x| (x - mean) * (x - mean))) / n]
}

/// `1 / √(variance + ε)`.
fn inverse_deviation<F: Float>(variance: F, epsilon: f64) -> F {
    F::ONE / (variance + F::of(epsilon)).sqrt()
}

/// No derivative of what a normalisation gives besides y.
fn only_of_y(op: &str, dy: &[Option<Value>]) -> Result<Option<Value>> {
    if dy[1..].iter().any(Option::is_some) {
        let what = format!("the gradient of a mean or a variance that {op} gives");
        return Err(Error::Unsupported { what, fix: "compute them with `mean`, which has a gradient".into() });
    }
    Ok(dy[0])
}

/// The cases of all normalisations.
pub fn cases() -> Vec<Case> {
    [batch::cases(), given::cases(), layer::cases()].concat()
}

/// With γ and β, with one of them, with neither; Keras' ε, and others.
fn kind(i: usize) -> Normalization {
    Normalization { epsilon: [1e-3, 1e-5, 0.1][i % 3], scale: i % 4 < 2, center: i.is_multiple_of(2) }
}

/// Values to normalise, with how many rows count: awkward numbers of rows and of features, batches and none, other ranks.
fn shapes() -> Vec<(Type, (usize, usize))> {
    let plain = |ty: Type| (ty, (1, 1));
    let batch = |ty: Type, count: usize| {
        let batch = ty.shape.dims()[0];
        (ty.batched(true), (count, batch))
    };
    let mut shapes = vec![plain(Type::f32([9])), plain(Type::f32([2, 3, 7])), batch(Type::f32([6, 5]), 0)];
    for &n in EDGES {
        shapes.push(plain(Type::f32([3, n])));
        shapes.push(batch(Type::f32([n, 5]), n - n / 3));
        shapes.push(batch(Type::f32([n, 2, 3, 2]), n / 2));
    }
    shapes
}

/// The cases of a normalisation of `x` and of its gradient: types after x and after dy are those of γ and β.
fn pair<F: Op + 'static, B: Op + 'static>(
    (forward, backward): (F, B),
    (x, moment): (Type, Type),
    normalization: Normalization,
    (count, batch): (usize, usize),
) -> [Case; 2] {
    let c = Type::f32([x.shape.dims().last().copied().unwrap_or(0)]);
    let [gamma, beta] = [normalization.scale, normalization.center].map(|there| vec![c.clone(); usize::from(there)]);
    let backward = Case::new(backward, [vec![x.clone(), moment.clone(), moment, x.clone()], gamma.clone()].concat());
    let cases = [Case::new(forward, [vec![x], gamma, beta].concat()), backward.domain(2, Domain::NotNegative)];
    cases.map(|case| case.rows(count, batch))
}
