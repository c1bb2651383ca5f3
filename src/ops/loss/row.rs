//! Losses of one prediction and one target each: a row gives the loss, its slope, and whether it counts as a hit.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::graph::{Constant, F2, Float, Launch, Source};
use crate::ops::case::Domain;
use crate::simd::{Fast, Lanes, Level, Work};

/// Parameters that a loss may have.
const MOST_PARAMS: usize = 2;
type Params = [f64; MOST_PARAMS];

/// A loss as its author writes it. [`loss_row`] makes it a [`LossRow`].
///
/// The type holds the values of its parameters: `Huber { delta: 0.5 }`.
pub trait LossRowDef: 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// A file with `fn <name>_loss(p: f32, t: f32) -> f32`, `<name>_slope_of` and `<name>_hit(p, y) -> bool`; parameters
    /// come after these.
    const WGSL: &'static str;
    /// Names and defaults of the parameters.
    const PARAMS: &'static [(&'static str, f64)] = &[];
    /// Whether hits are counted.
    const COUNTS: bool;
    /// What predictions and targets may hold.
    const DOMAINS: [Domain; 2];
    /// At least three of (p, t, loss, slope) from an outside source, for the default parameters.
    const SAMPLES: &'static [[f64; 4]];
    /// Whether there is a loss; where not, it is 0 whatever the weights are.
    const HAS_LOSS: bool = true;
    /// The loss.
    fn loss<F: Float>(p: F, t: F, params: &[F]) -> F;
    /// Its derivative by p.
    fn slope<F: Float>(p: F, t: F, params: &[F]) -> F;
    /// 1 where the prediction counts as right.
    fn hit<F: Float>(p: F, y: F, params: &[F]) -> F;
    /// How far (loss, slope) in f32 may be off, at (p, t).
    fn bar(p: f64, t: f64, params: &[f64]) -> [f64; 2];
    /// The values of the parameters.
    fn params(&self) -> Vec<f64> {
        Self::PARAMS.iter().map(|(_, value)| *value).collect()
    }
}

/// A loss as plain data, its parameters open.
#[derive(Debug)]
pub struct LossRow {
    /// See [`LossRowDef::NAME`].
    pub name: &'static str,
    /// See [`LossRowDef::WGSL`].
    pub source: Source,
    /// See [`LossRowDef::COUNTS`].
    pub counts: bool,
    /// See [`LossRowDef::DOMAINS`].
    pub domains: [Domain; 2],
    /// See [`LossRowDef::SAMPLES`].
    pub samples: &'static [[f64; 4]],
    /// See [`LossRowDef::HAS_LOSS`].
    pub has_loss: bool,
    /// See [`LossRowDef::PARAMS`].
    pub params: &'static [(&'static str, f64)],
    bar: fn(f64, f64, &[f64]) -> [f64; 2],
    loss: Pair,
    slope: Pair,
    hit: Pair,
    slices: fn(Level, Elements<'_>),
}

type Pair = (F2<f32>, F2<f64>);

/// The row of a loss.
pub const fn loss_row<L: LossRowDef>() -> LossRow {
    LossRow {
        name: L::NAME,
        source: Source::new(L::NAME, Cow::Borrowed(L::WGSL)),
        counts: L::COUNTS,
        domains: L::DOMAINS,
        samples: L::SAMPLES,
        has_loss: L::HAS_LOSS,
        params: L::PARAMS,
        bar: L::bar,
        loss: (L::loss::<f32>, L::loss::<f64>),
        slope: (L::slope::<f32>, L::slope::<f64>),
        hit: (L::hit::<f32>, L::hit::<f64>),
        slices: |level, elements| level.run(Of::<L> { elements, of: PhantomData }),
    }
}

/// A loss: a row and the values of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct LossFunction {
    /// The row.
    pub row: &'static LossRow,
    params: Params,
}

impl LossFunction {
    fn new(row: &'static LossRow, values: impl IntoIterator<Item = f64>) -> Self {
        let mut params = Params::default();
        params.iter_mut().zip(values).for_each(|(p, value)| *p = value);
        Self { row, params }
    }
}

impl From<&'static LossRow> for LossFunction {
    /// With the default parameters.
    fn from(row: &'static LossRow) -> Self {
        Self::new(row, row.params.iter().map(|(_, value)| *value))
    }
}

impl<L: LossRowDef> From<L> for LossFunction {
    fn from(loss: L) -> Self {
        Self::new(const { &loss_row::<L>() }, loss.params())
    }
}

impl LossFunction {
    /// The values of its parameters, in the order of [`LossRow::params`].
    pub fn params(&self) -> &[f64] {
        &self.params[..self.row.params.len()]
    }

    /// The loss at (p, t).
    pub fn loss<F: Float>(&self, p: F, t: F) -> F {
        F::binary(self.row.loss.0, self.row.loss.1)(p, t, &self.params.map(F::of))
    }

    /// Its derivative by p.
    pub fn slope<F: Float>(&self, p: F, t: F) -> F {
        F::binary(self.row.slope.0, self.row.slope.1)(p, t, &self.params.map(F::of))
    }

    /// Whether (p, y) counts as right.
    pub fn hits<F: Float>(&self, p: F, y: F) -> bool {
        F::binary(self.row.hit.0, self.row.hit.1)(p, y, &self.params.map(F::of)) > F::ZERO
    }

    /// Works out what `elements` asks for, in f32; its parameters are put in here.
    pub(super) fn slices(&self, level: Level, elements: Elements<'_>) {
        (self.row.slices)(level, Elements { params: self.params.map(|p| p as f32), ..elements });
    }

    /// How far (loss, slope) in f32 may be off, at (p, t).
    pub(super) fn bar(&self, p: f64, t: f64) -> [f64; 2] {
        (self.row.bar)(p, t, &self.params)
    }

    /// Adds the loss to a kernel that calls `loss(p, t)`, `slope_of(p, t)` and `hit(p, y)`.
    pub(super) fn compose(&self, launch: Launch) -> Launch {
        let params = || self.params().iter().map(|&p| p as f32).collect();
        let call = |signature| Constant::Call { signature, stem: self.row.name, params: params() };
        launch
            .source(self.row.source.clone())
            .constant("loss", call("(p: f32, t: f32) -> f32"))
            .constant("slope_of", call("(p: f32, t: f32) -> f32"))
            .constant("hit", call("(p: f32, y: f32) -> bool"))
    }
}

/// Elements of a loss in f32, and what is worked out of each: slices of one length.
#[derive(Default)]
pub(super) struct Elements<'a> {
    /// Predictions.
    pub p: &'a [f32],
    /// Targets as the data has them.
    pub y: &'a [f32],
    /// Weights.
    pub w: &'a [f32],
    /// The target of the loss is `scale y + shift`.
    pub targets: [f32; 2],
    /// What slopes are multiplied with, besides the weight.
    pub scale: f32,
    /// The values of the parameters.
    pub params: [f32; MOST_PARAMS],
    /// Out: `w loss`.
    pub loss: &'a mut [f32],
    /// Out: `scale w slope`.
    pub slope: &'a mut [f32],
    /// Out: 1 for a hit.
    pub hit: &'a mut [f32],
}

struct Of<'a, L> {
    elements: Elements<'a>,
    of: PhantomData<L>,
}

impl<L: LossRowDef> Work for Of<'_, L> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Elements { p, y, w, targets: [scale_y, shift], scale, params, loss, slope, hit } = self.elements;
        let params = params.map(Fast::<V>::new);
        let inputs = p.iter().zip(y).zip(w);
        let outputs = loss.iter_mut().zip(slope).zip(hit);
        for (((&p, &y), &w), ((loss, slope), hit)) in inputs.zip(outputs) {
            let t = Fast::<V>::new(y * scale_y + shift);
            let (p, y) = (Fast::<V>::new(p), Fast::<V>::new(y));
            *hit = L::hit(p, y, &params).0;
            *loss = if L::HAS_LOSS { w * L::loss(p, t, &params).0 } else { w * *hit };
            *slope = scale * w * L::slope(p, t, &params).0;
        }
    }
}
