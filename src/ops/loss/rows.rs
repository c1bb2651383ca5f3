//! The losses of one prediction and one target.

use crate::graph::{Float, TINY, UNIT, ulp};
use crate::ops::case::Domain;
use crate::ops::loss::EPSILON;
use crate::ops::loss::row::{LossRow, LossRowDef, loss_row};
use crate::ops::unary::UnaryDef;
use crate::ops::unary::activations::Sigmoid;

/// `max(z, 0) − z t + ln(1 + e^−│z│)` of logits z: the cross-entropy of a sigmoid. A hit is z > 0 where y is 1.
pub static BINARY_CROSSENTROPY_LOGITS: LossRow = loss_row::<BinaryCrossentropyLogits>();
/// `−t ln p − (1 − t) ln(1 − p)`, p clipped to [1e-7, 1 − 1e-7]. A hit is p > 0.5 where y is 1.
pub static BINARY_CROSSENTROPY: LossRow = loss_row::<BinaryCrossentropy>();
/// `(p − t)²`. No hits.
pub static MEAN_SQUARED_ERROR: LossRow = loss_row::<MeanSquaredError>();
/// `│p − t│`. No hits.
pub static MEAN_ABSOLUTE_ERROR: LossRow = loss_row::<MeanAbsoluteError>();
/// `(p − t)² / 2` up to a distance of delta, from there on a line. No hits.
pub static HUBER: LossRow = loss_row::<Huber>();
/// p itself: a loss that ops before it have computed. No hits.
pub static OWN_LOSS: LossRow = loss_row::<OwnLoss>();
/// No loss; a hit is p > threshold where y is 1.
pub static BINARY_ACCURACY: LossRow = loss_row::<BinaryAccuracy>();

/// Every row.
pub static LOSS_ROWS: &[&LossRow] = &[
    &BINARY_CROSSENTROPY_LOGITS,
    &BINARY_CROSSENTROPY,
    &MEAN_SQUARED_ERROR,
    &MEAN_ABSOLUTE_ERROR,
    &HUBER,
    &OWN_LOSS,
    &BINARY_ACCURACY,
];

fn is_hit<F: Float>(positive: bool, y: F) -> F {
    let class = if positive { F::ONE } else { F::ZERO };
    if y == class { F::ONE } else { F::ZERO }
}

/// See [`BINARY_CROSSENTROPY_LOGITS`]. Source: Keras' `binary_crossentropy` with `from_logits=True`.
#[derive(Clone, Copy, Debug)]
pub struct BinaryCrossentropyLogits;

impl LossRowDef for BinaryCrossentropyLogits {
    const NAME: &'static str = "binary_crossentropy_logits";
    const WGSL: &'static str = include_str!("../../../shaders/loss/binary_crossentropy_logits.wgsl");
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
    fn bar(p: f64, t: f64, _: &[f64]) -> [f64; 2] {
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
    const WGSL: &'static str = include_str!("../../../shaders/loss/binary_crossentropy.wgsl");
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
    fn bar(p: f64, t: f64, _: &[f64]) -> [f64; 2] {
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
    const WGSL: &'static str = include_str!("../../../shaders/loss/mean_squared_error.wgsl");
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
    fn bar(p: f64, t: f64, _: &[f64]) -> [f64; 2] {
        [4.0 * ulp((p - t) * (p - t)), 2.0 * ulp(2.0 * (p - t))]
    }
}

/// See [`MEAN_ABSOLUTE_ERROR`]. The slope is the sign of p − t, 0 at 0. Source: Keras' `mean_absolute_error`.
#[derive(Clone, Copy, Debug)]
pub struct MeanAbsoluteError;

impl LossRowDef for MeanAbsoluteError {
    const NAME: &'static str = "mean_absolute_error";
    const WGSL: &'static str = include_str!("../../../shaders/loss/mean_absolute_error.wgsl");
    const COUNTS: bool = false;
    const DOMAINS: [Domain; 2] = [Domain::Any, Domain::Any];
    const SAMPLES: &'static [[f64; 4]] = &[[1.0, 3.5, 2.5, -1.0], [0.5, 0.5, 0.0, 0.0], [-1.0, -1.25, 0.25, 1.0]];
    fn loss<F: Float>(p: F, t: F, _: &[F]) -> F {
        (p - t).abs()
    }
    fn slope<F: Float>(p: F, t: F, _: &[F]) -> F {
        sign(p - t)
    }
    fn hit<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn bar(p: f64, t: f64, _: &[f64]) -> [f64; 2] {
        // A difference below the normal numbers may be flushed to 0, where the slope is 0.
        let flushed = if p != t && (p - t).abs() < 2.0 * TINY { 1.0 } else { 0.0 };
        [ulp(p - t), flushed]
    }
}

/// See [`HUBER`]. Source: Keras' `huber`.
#[derive(Clone, Copy, Debug)]
pub struct Huber {
    /// The distance from which on the loss is a line.
    pub delta: f64,
}

impl LossRowDef for Huber {
    const NAME: &'static str = "huber";
    const WGSL: &'static str = include_str!("../../../shaders/loss/huber.wgsl");
    const PARAMS: &'static [(&'static str, f64)] = &[("delta", 1.0)];
    const COUNTS: bool = false;
    const DOMAINS: [Domain; 2] = [Domain::Any, Domain::Any];
    const SAMPLES: &'static [[f64; 4]] =
        &[[1.0, 1.5, 0.125, -0.5], [0.5, 0.5, 0.0, 0.0], [2.0, 1.0, 0.5, 1.0], [-2.0, 1.5, 3.0, -1.0]];
    fn loss<F: Float>(p: F, t: F, params: &[F]) -> F {
        let (a, delta, half) = ((p - t).abs(), params[0], F::of(0.5));
        if a > delta { delta * (a - half * delta) } else { half * a * a }
    }
    fn slope<F: Float>(p: F, t: F, params: &[F]) -> F {
        let (d, delta) = (p - t, params[0]);
        if d.abs() > delta { delta * sign(d) } else { d }
    }
    fn hit<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn bar(p: f64, t: f64, params: &[f64]) -> [f64; 2] {
        // p − t is rounded, and so is delta.
        let moved = (ulp(p - t) + ulp(params[0])) * (p - t).abs().min(params[0]);
        [4.0 * ulp(Self::loss(p, t, params)) + moved, ulp(p - t).min(ulp(params[0])) + ulp(params[0])]
    }
    fn params(&self) -> Vec<f64> {
        vec![self.delta]
    }
}

/// See [`OWN_LOSS`].
#[derive(Clone, Copy, Debug)]
pub struct OwnLoss;

impl LossRowDef for OwnLoss {
    const NAME: &'static str = "own_loss";
    const WGSL: &'static str = include_str!("../../../shaders/loss/own_loss.wgsl");
    const COUNTS: bool = false;
    const DOMAINS: [Domain; 2] = [Domain::Any, Domain::Any];
    const SAMPLES: &'static [[f64; 4]] = &[[1.0, 3.0, 1.0, 1.0], [0.0, 0.5, 0.0, 1.0], [-2.0, 1.5, -2.0, 1.0]];
    fn loss<F: Float>(p: F, _: F, _: &[F]) -> F {
        p
    }
    fn slope<F: Float>(p: F, _: F, _: &[F]) -> F {
        if p.is_nan() { p } else { F::ONE }
    }
    fn hit<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn bar(p: f64, _: f64, _: &[f64]) -> [f64; 2] {
        [ulp(p), 0.0]
    }
}

/// 1 with the sign of x; 0 at 0, and NaN for NaN.
fn sign<F: Float>(x: F) -> F {
    if x > F::ZERO {
        F::ONE
    } else if x < F::ZERO {
        -F::ONE
    } else {
        x
    }
}

/// See [`BINARY_ACCURACY`]. Source: Keras' `BinaryAccuracy`.
#[derive(Clone, Copy, Debug)]
pub struct BinaryAccuracy {
    /// What a prediction of the class 1 is above; not negative.
    pub threshold: f64,
}

impl LossRowDef for BinaryAccuracy {
    const NAME: &'static str = "binary_accuracy";
    const WGSL: &'static str = include_str!("../../../shaders/loss/binary_accuracy.wgsl");
    const COUNTS: bool = true;
    const DOMAINS: [Domain; 2] = [Domain::Probability, Domain::Label];
    const PARAMS: &'static [(&'static str, f64)] = &[("threshold", 0.5)];
    const HAS_LOSS: bool = false;
    const SAMPLES: &'static [[f64; 4]] = &[[0.5, 1.0, 0.0, 0.0], [0.9, 1.0, 0.0, 0.0], [0.1, 1.0, 0.0, 0.0]];
    fn loss<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn slope<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ZERO
    }
    fn hit<F: Float>(p: F, y: F, params: &[F]) -> F {
        is_hit(p > params[0], y)
    }
    fn bar(_: f64, _: f64, _: &[f64]) -> [f64; 2] {
        [0.0, 0.0]
    }
    fn params(&self) -> Vec<f64> {
        vec![self.threshold]
    }
}
