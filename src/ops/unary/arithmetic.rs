//! Elementwise arithmetic: powers, exponentials, logarithms, signs.

use std::f64::consts::FRAC_2_SQRT_PI;

use crate::graph::Float;
use crate::ops::unary::piecewise::inside;
use crate::ops::unary::{DENORMAL, LARGEST, Needs, Params, Unary, UnaryDef, filled, row, wgsl, wide};

/// The rows of this file.
pub(super) static ROWS: &[Unary] = &[
    row::<Neg>(),
    row::<Abs>(),
    row::<Sign>(),
    row::<Clip>(),
    row::<Square>(),
    row::<L1L2>(),
    row::<Sqrt>(),
    row::<Rsqrt>(),
    row::<Reciprocal>(),
    row::<Exp>(),
    row::<Expm1>(),
    row::<Log>(),
    row::<Log1p>(),
    row::<Erf>(),
];

/// `f(x) = -x`. Source: Keras' `negative`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neg;

impl UnaryDef for Neg {
    const NAME: &'static str = "neg";
    const ALIASES: &'static [&'static str] = &["negative"];
    const WGSL: &'static str = wgsl!("neg");
    const DF: Needs = Needs::Nothing;
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, 2.0, -1.0], [0.0, 0.0, -1.0], [3.5, -3.5, -1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        -x
    }
    fn df<F: Float>(_: F, _: F, _: &[F]) -> F {
        -F::ONE
    }
}

/// `f(x) = |x|`, `f'(0) = 0`, as TensorFlow and PyTorch have it (1 in JAX). Source: Keras' `absolute`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Abs;

impl UnaryDef for Abs {
    const NAME: &'static str = "abs";
    const ALIASES: &'static [&'static str] = &["absolute"];
    const WGSL: &'static str = wgsl!("abs");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, 2.0, -1.0], [0.0, 0.0, 0.0], [3.5, 3.5, 1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.abs()
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        Sign::f(x, &[])
    }
}

/// `f(x)` is 1 above 0, -1 below and 0 at 0; `f' = 0`. Source: Keras' `sign`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sign;

impl UnaryDef for Sign {
    const NAME: &'static str = "sign";
    const WGSL: &'static str = wgsl!("sign");
    const DF: Needs = Needs::Output; // a driver may fold a product with a constant 0, and lose a NaN
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, -1.0, 0.0], [0.0, 0.0, 0.0], [3.5, 1.0, 0.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        if x > F::ZERO {
            F::ONE
        } else if x < F::ZERO {
            -F::ONE
        } else if x.is_nan() {
            x
        } else {
            F::ZERO
        }
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        if y.is_nan() { y } else { F::ZERO }
    }
}

/// `f(x) = min(max(x, min), max)`, `f'(min) = f'(max) = 0`, as relu6 has it (1/2 in JAX). Source: Keras' `clip`.
///
/// # Defaults
/// From -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// The least value of the function.
    pub min: f64,
    /// The largest value of the function, at least `min`.
    pub max: f64,
}

impl Default for Clip {
    fn default() -> Self {
        Self { min: -1.0, max: 1.0 }
    }
}

impl UnaryDef for Clip {
    const NAME: &'static str = "clip";
    const WGSL: &'static str = wgsl!("clip");
    const PARAMS: &'static [(&'static str, f64)] = &[("min", -1.0), ("max", 1.0)];
    const TRIED: &'static [&'static [f64]] = &[&[0.0, 1.0], &[-2.0, 0.0], &[-0.5, 300.0], &[-LARGEST, LARGEST]];
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] =
        &[[-2.0, -1.0, 0.0], [-1.0, -1.0, 0.0], [0.5, 0.5, 1.0], [1.0, 1.0, 0.0], [3.0, 1.0, 0.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, p: &[F]) -> F {
        if x < p[0] {
            p[0]
        } else if x > p[1] {
            p[1]
        } else {
            x
        }
    }
    fn df<F: Float>(_: F, y: F, p: &[F]) -> F {
        inside(y, p[0], Some(p[1]))
    }
    fn params(&self) -> Params<f64> {
        filled([self.min, self.max])
    }
}

/// `f(x) = l1 │x│ + l2 x²`, `f'(0) = 0`: what a regularizer adds up. Source: Keras' `L1L2`.
///
/// # Defaults
/// 0.01 both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct L1L2 {
    /// The factor of `│x│`.
    pub l1: f64,
    /// The factor of `x²`.
    pub l2: f64,
}

impl Default for L1L2 {
    fn default() -> Self {
        Self { l1: 0.01, l2: 0.01 }
    }
}

impl UnaryDef for L1L2 {
    const NAME: &'static str = "l1_l2";
    const WGSL: &'static str = wgsl!("l1_l2");
    const PARAMS: &'static [(&'static str, f64)] = &[("l1", 0.01), ("l2", 0.01)];
    const TRIED: &'static [&'static [f64]] = &[&[0.25, 0.0], &[0.0, 3.0], &[0.0, 0.0]];
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[[2.0, 0.06, 0.05], [-3.0, 0.12, -0.07], [0.0, 0.0, 0.0]];
    const ULPS: [f64; 2] = [4.0, 4.0];
    const FLOORS: [f64; 2] = [0.0, DENORMAL];
    fn f<F: Float>(x: F, p: &[F]) -> F {
        // A factor of 0 leaves out its part, of an infinity too; a square may pass what its product with l2 does not.
        let [linear, quadratic] = [p[0] * x.abs(), p[1] * x * x];
        let part = |l: F, y: F| if l == F::ZERO { F::ZERO } else { y };
        if x.is_nan() { x } else { part(p[0], linear) + part(p[1], quadratic) }
    }
    fn df<F: Float>(x: F, _: F, p: &[F]) -> F {
        let part = |l: F, y: F| if l == F::ZERO { F::ZERO } else { l * y };
        if x.is_nan() { x } else { part(p[0], Sign::f(x, &[])) + part(F::of(2.0) * p[1], x) }
    }
    fn params(&self) -> Params<f64> {
        filled([self.l1, self.l2])
    }
}

/// `f(x) = x²`; infinite from 2⁶⁴ on. Source: Keras' `square`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Square;

impl UnaryDef for Square {
    const NAME: &'static str = "square";
    const WGSL: &'static str = wgsl!("square");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[[-1.5, 2.25, -3.0], [0.0, 0.0, 0.0], [3.0, 9.0, 6.0]];
    const ULPS: [f64; 2] = [1.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x * x
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        x + x
    }
}

/// `f(x) = √x`, `f' = 1 / 2y`, infinite at 0; NaN below 0. Source: Keras' `sqrt`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sqrt;

impl UnaryDef for Sqrt {
    const NAME: &'static str = "sqrt";
    const WGSL: &'static str = wgsl!("sqrt");
    const LEAST: f32 = 0.0;
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [0.1, 0.31622776601683794, 1.5811388300841895],
        [3.0, 1.7320508075688772, 0.28867513459481287],
        [50.0, 7.0710678118654755, 0.07071067811865475],
    ];
    const ULPS: [f64; 2] = [5.0, 3.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.sqrt()
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        F::ONE / (y + y)
    }
}

/// `f(x) = 1 / √x`, `f' = -y³ / 2`; infinite at 0, NaN below. Source: Keras' `rsqrt`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rsqrt;

impl UnaryDef for Rsqrt {
    const NAME: &'static str = "rsqrt";
    const WGSL: &'static str = wgsl!("rsqrt");
    const LEAST: f32 = 0.0;
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [0.1, 3.162277660168379, -15.811388300841895],
        [3.0, 0.5773502691896257, -0.09622504486493763],
        [50.0, 0.1414213562373095, -0.001414213562373095],
    ];
    const ULPS: [f64; 2] = [5.0, 3.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        F::ONE / x.sqrt()
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        y * y * (F::of(-0.5) * y)
    }
}

/// `f(x) = 1 / x`, `f' = -y²`; infinite at 0, with its sign. Source: Keras' `reciprocal`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reciprocal;

impl UnaryDef for Reciprocal {
    const NAME: &'static str = "reciprocal";
    const WGSL: &'static str = wgsl!("reciprocal");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] =
        &[[-4.0, -0.25, -0.0625], [0.3, 3.3333333333333335, -11.11111111111111], [50.0, 0.02, -0.0004]];
    const ULPS: [f64; 2] = [3.0, 1.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        F::ONE / x
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        -(y * y)
    }
}

/// `f(x) = eˣ`, `f' = y`; infinite from 88.72284 on. Source: Keras' `exp`, and `exponential` of its activations; samples
/// from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exp;

impl UnaryDef for Exp {
    const NAME: &'static str = "exp";
    const ALIASES: &'static [&'static str] = &["exponential"];
    const WGSL: &'static str = wgsl!("exp");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, 0.1353352832366127, 0.1353352832366127],
        [0.0, 1.0, 1.0],
        [0.5, 1.6487212707001282, 1.6487212707001282],
        [10.0, 22026.465794806718, 22026.465794806718],
    ];
    const ULPS: [f64; 2] = [4.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.exp()
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        y
    }
}

/// `f(x) = eˣ - 1`, accurate near 0; `f' = eˣ`; infinite from 88.72284 on. Source: Keras' `expm1`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expm1;

impl UnaryDef for Expm1 {
    const NAME: &'static str = "expm1";
    const WGSL: &'static str = wgsl!("expm1");
    const DF: Needs = Needs::Input; // y + 1 loses its digits far below 0
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, -0.8646647167633873, 0.1353352832366127],
        [1e-5, 1.0000050000166668e-5, 1.00001000005],
        [0.5, 0.6487212707001282, 1.6487212707001282],
        [10.0, 22025.465794806718, 22026.465794806718],
    ];
    const ULPS: [f64; 2] = [4.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.exp_m1()
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        x.exp()
    }
}

/// `f(x) = log x`, `f' = 1 / x`, below 0 too; -∞ at 0, NaN below. Source: Keras' `log`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

impl UnaryDef for Log {
    const NAME: &'static str = "log";
    const WGSL: &'static str = wgsl!("log");
    const LEAST: f32 = 0.0;
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [0.2, -1.6094379124341003, 5.0],
        [1.0, 0.0, 1.0],
        [1.001, 0.0009995003330834232, 0.9990009990009991],
        [50.0, 3.912023005428146, 0.02],
    ];
    const ULPS: [f64; 2] = [4.0, 3.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.ln()
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        F::ONE / x
    }
}

/// `f(x) = log(1 + x)`, accurate near 0; `f' = 1 / (1 + x)`; -∞ at -1, NaN below. Source: Keras' `log1p`; samples from
/// mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log1p;

impl UnaryDef for Log1p {
    const NAME: &'static str = "log1p";
    const WGSL: &'static str = wgsl!("log1p");
    const LEAST: f32 = -1.0;
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-0.75, -1.3862943611198906, 4.0],
        [1e-5, 9.999950000333332e-6, 0.999990000099999],
        [0.5, 0.4054651081081644, 0.6666666666666666],
        [50.0, 3.9318256327243257, 0.0196078431372549],
    ];
    const ULPS: [f64; 2] = [4.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.ln_1p()
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        F::ONE / (F::ONE + x)
    }
}

/// `f(x) = erf x = 2/√π ∫₀ˣ e^(-t²) dt`, `f' = 2/√π e^(-x²)`. Source: Keras' `erf`; samples from mpmath and scipy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Erf;

impl UnaryDef for Erf {
    const NAME: &'static str = "erf";
    const WGSL: &'static str = wgsl!("erf");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, -0.9953222650189527, 0.020666985354092053],
        [-0.001, -0.0011283787909692365, 1.1283780387169096],
        [0.5, 0.5204998778130465, 0.8787825789354448],
        [1.5, 0.9661051464753108, 0.11893028922362937],
    ];
    const ULPS: [f64; 2] = [8.0, 4.0];
    const FLOORS: [f64; 2] = [DENORMAL, DENORMAL];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.erf()
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        wide(x, |x| FRAC_2_SQRT_PI * (-x * x).exp())
    }
}
