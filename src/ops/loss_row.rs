//! Losses of one prediction and one target each: a row gives the loss, its slope, and whether it counts as a hit.

use std::borrow::Cow;

use crate::graph::{F2, Float, Source, UNIT, ulp};
use crate::ops::case::Domain;
use crate::ops::unary::UnaryDef;
use crate::ops::unary::activations::Sigmoid;

/// A loss as its author writes it. [`loss_row`] makes it a [`LossRow`].
pub trait LossRowDef: 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// A file with `fn <name>_loss(p: f32, t: f32) -> f32`, `<name>_slope_of` and `<name>_hit(p, y) -> bool`.
    const WGSL: &'static str;
    /// Whether hits are counted.
    const COUNTS: bool;
    /// What predictions and targets may hold.
    const DOMAINS: [Domain; 2];
    /// At least three of (p, t, loss, slope) from an outside source.
    const SAMPLES: &'static [[f64; 4]];
    /// Whether there is a loss; where not, it is 0 whatever the weights are.
    const HAS_LOSS: bool = true;
    /// The loss.
    fn loss<F: Float>(p: F, t: F, _: &[F]) -> F;
    /// Its derivative by p.
    fn slope<F: Float>(p: F, t: F, _: &[F]) -> F;
    /// 1 where the prediction counts as right.
    fn hit<F: Float>(p: F, y: F, _: &[F]) -> F;
    /// How far (loss, slope) in f32 may be off, at (p, t).
    fn bar(p: f64, t: f64) -> [f64; 2];
}

/// A loss as plain data.
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
    pub(super) bar: fn(f64, f64) -> [f64; 2],
    loss: Pair,
    slope: Pair,
    hit: Pair,
}

type Pair = (F2<f32>, F2<f64>);

/// The row of a loss.
pub const fn loss_row<L: LossRowDef>() -> LossRow {
    LossRow {
        name: L::NAME,
        source: Source { path: L::NAME, text: Cow::Borrowed(L::WGSL) },
        counts: L::COUNTS,
        domains: L::DOMAINS,
        samples: L::SAMPLES,
        has_loss: L::HAS_LOSS,
        bar: L::bar,
        loss: (L::loss::<f32>, L::loss::<f64>),
        slope: (L::slope::<f32>, L::slope::<f64>),
        hit: (L::hit::<f32>, L::hit::<f64>),
    }
}

impl LossRow {
    /// The loss at (p, t).
    pub fn loss<F: Float>(&self, p: F, t: F) -> F {
        F::binary(self.loss.0, self.loss.1)(p, t, &[])
    }

    /// Its derivative by p.
    pub fn slope<F: Float>(&self, p: F, t: F) -> F {
        F::binary(self.slope.0, self.slope.1)(p, t, &[])
    }

    /// Whether (p, y) counts as right.
    pub fn hits<F: Float>(&self, p: F, y: F) -> bool {
        F::binary(self.hit.0, self.hit.1)(p, y, &[]) > F::ZERO
    }
}

/// `max(z, 0) − z t + ln(1 + e^−│z│)` of logits z: the cross-entropy of a sigmoid. A hit is z > 0 where y is 1.
pub static BINARY_CROSSENTROPY_LOGITS: LossRow = loss_row::<BinaryCrossentropyLogits>();
/// `−t ln p − (1 − t) ln(1 − p)`, p clipped to [1e-7, 1 − 1e-7]. A hit is p > 0.5 where y is 1.
pub static BINARY_CROSSENTROPY: LossRow = loss_row::<BinaryCrossentropy>();
/// `(p − t)²`. No hits.
pub static MEAN_SQUARED_ERROR: LossRow = loss_row::<MeanSquaredError>();
/// No loss; a hit is p > 0.5 where y is 1.
pub static BINARY_ACCURACY: LossRow = loss_row::<BinaryAccuracy>();

/// Every row.
pub static LOSS_ROWS: &[&LossRow] =
    &[&BINARY_CROSSENTROPY_LOGITS, &BINARY_CROSSENTROPY, &MEAN_SQUARED_ERROR, &BINARY_ACCURACY];

/// Keras' `epsilon`, and with it the clip of probabilities.
const EPSILON: f64 = 1e-7;

fn is_hit<F: Float>(positive: bool, y: F) -> F {
    let class = if positive { F::ONE } else { F::ZERO };
    if y == class { F::ONE } else { F::ZERO }
}

/// See [`BINARY_CROSSENTROPY_LOGITS`]. Source: Keras' `binary_crossentropy` with `from_logits=True`.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossentropyLogits;

impl LossRowDef for BinaryCrossentropyLogits {
    const NAME: &'static str = "binary_crossentropy_logits";
    const WGSL: &'static str = include_str!("../../shaders/loss/binary_crossentropy_logits.wgsl");
    const COUNTS: bool = true;
    const DOMAINS: [Domain; 2] = [Domain::Any, Domain::Label];
    const SAMPLES: &'static [[f64; 4]] = &[
        [0.0, 1.0, std::f64::consts::LN_2, -0.5],
        [2.0, 0.0, 2.1269280110429727, 0.8807970779778823],
        [-30.0, 1.0, 30.000000000000092, -0.9999999999999065],
        [0.5, 0.25, 0.8490769841800669, 0.3724593312018546],
    ];
    fn loss<F: Float>(p: F, t: F, _: &[F]) -> F {
        F::ZERO.max_or_nan(p) - p * t + (-p.abs()).exp().ln_1p()
    }
    fn slope<F: Float>(p: F, t: F, _: &[F]) -> F {
        Sigmoid::f(p, &[]) - t
    }
    fn hit<F: Float>(p: F, y: F, _: &[F]) -> F {
        is_hit(p > F::ZERO, y)
    }
    fn bar(p: f64, t: f64) -> [f64; 2] {
        let sigmoid = Sigmoid::f(p, &[]);
        let tail = (-p.abs()).exp().ln_1p();
        [
            ulp(p) + 2.0 * ulp(p * t) + 8.0 * ulp(tail) + 2.0 * ulp(Self::loss(p, t, &[])),
            4.0 * ulp(sigmoid) + ulp(sigmoid - t),
        ]
    }
}

/// See [`BINARY_CROSSENTROPY`]. Source: Keras' `binary_crossentropy`, JAX backend.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossentropy;

impl LossRowDef for BinaryCrossentropy {
    const NAME: &'static str = "binary_crossentropy";
    const WGSL: &'static str = include_str!("../../shaders/loss/binary_crossentropy.wgsl");
    const COUNTS: bool = true;
    const DOMAINS: [Domain; 2] = [Domain::Probability, Domain::Label];
    const SAMPLES: &'static [[f64; 4]] = &[
        [0.5, 1.0, std::f64::consts::LN_2, -2.0],
        [0.8, 0.0, 1.6094379124341005, 5.000000000000001],
        [0.25, 1.0, 1.3862943611198906, -4.0],
    ];
    fn loss<F: Float>(p: F, t: F, _: &[F]) -> F {
        let p = p.max_or_nan(F::of(EPSILON)).min_or_nan(F::ONE - F::of(EPSILON));
        -(t * p.ln() + (F::ONE - t) * (F::ONE - p).ln())
    }
    fn slope<F: Float>(p: F, t: F, _: &[F]) -> F {
        if p.is_nan() {
            p
        } else if p < F::of(EPSILON) || p > F::ONE - F::of(EPSILON) {
            F::ZERO
        } else {
            (p - t) / (p * (F::ONE - p))
        }
    }
    fn hit<F: Float>(p: F, y: F, _: &[F]) -> F {
        is_hit(p > F::of(0.5), y)
    }
    fn bar(p: f64, t: f64) -> [f64; 2] {
        // The upper clip is 1 - 2^-23 in f32, a fifth further from 1, so that end of the range has wider bars.
        let clipped = p.clamp(EPSILON, 1.0 - EPSILON);
        let end = if clipped > 1.0 - 2.0 * EPSILON { 0.25 } else { 0.0 };
        let q = 1.0 - clipped;
        let logs = 6.0 * (ulp(t * clipped.ln()) + ulp((1.0 - t) * q.ln())) + (1.0 - t) * (UNIT / q).min(1.0);
        let slope = Self::slope(p, t, &[]);
        let near = if (p - EPSILON).abs() < 1e-13 || (p - 1.0 + EPSILON).abs() < UNIT { f64::INFINITY } else { 0.0 };
        [
            logs + (1.0 - t) * end + 2.0 * t * end * UNIT,
            12.0 * ulp(slope) + slope.abs() * (2.0 * UNIT / q).min(1.0) + near,
        ]
    }
}

/// See [`MEAN_SQUARED_ERROR`]. Source: Keras' `mean_squared_error`.
#[derive(Clone, Copy, Debug)]
pub struct MeanSquaredError;

impl LossRowDef for MeanSquaredError {
    const NAME: &'static str = "mean_squared_error";
    const WGSL: &'static str = include_str!("../../shaders/loss/mean_squared_error.wgsl");
    const COUNTS: bool = false;
    const DOMAINS: [Domain; 2] = [Domain::Any, Domain::Any];
    const SAMPLES: &'static [[f64; 4]] = &[[1.0, 3.0, 4.0, -4.0], [0.5, 0.5, 0.0, 0.0], [-2.0, 1.5, 12.25, -7.0]];
    fn loss<F: Float>(p: F, t: F, _: &[F]) -> F {
        (p - t) * (p - t)
    }
    fn slope<F: Float>(p: F, t: F, _: &[F]) -> F {
        F::of(2.0) * (p - t)
    }
    fn hit<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn bar(p: f64, t: f64) -> [f64; 2] {
        [4.0 * ulp((p - t) * (p - t)), 2.0 * ulp(2.0 * (p - t))]
    }
}

/// See [`BINARY_ACCURACY`]. Source: Keras' `BinaryAccuracy`, threshold 0.5.
#[derive(Clone, Copy, Debug)]
pub struct BinaryAccuracy;

impl LossRowDef for BinaryAccuracy {
    const NAME: &'static str = "binary_accuracy";
    const WGSL: &'static str = include_str!("../../shaders/loss/binary_accuracy.wgsl");
    const COUNTS: bool = true;
    const DOMAINS: [Domain; 2] = [Domain::Probability, Domain::Label];
    const HAS_LOSS: bool = false;
    const SAMPLES: &'static [[f64; 4]] = &[[0.5, 1.0, 0.0, 0.0], [0.9, 1.0, 0.0, 0.0], [0.1, 1.0, 0.0, 0.0]];
    fn loss<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn slope<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn hit<F: Float>(p: F, y: F, _: &[F]) -> F {
        is_hit(p > F::of(0.5), y)
    }
    fn bar(_: f64, _: f64) -> [f64; 2] {
        [0.0, 0.0]
    }
}
