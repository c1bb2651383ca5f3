//! Smooth activations: those made of exponentials and of the normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::graph::Float;
use crate::ops::unary::{DENORMAL, Needs, Params, Unary, UnaryDef, filled, row, wgsl, wide, within};

/// The rows of this file.
pub(super) static ROWS: &[Unary] = &[
    row::<Sigmoid>(),
    row::<Tanh>(),
    row::<Softplus>(),
    row::<LogSigmoid>(),
    row::<Softsign>(),
    row::<Elu>(),
    row::<Selu>(),
    row::<Silu>(),
    row::<Gelu>(),
    row::<GeluTanh>(),
    row::<Mish>(),
];

/// What a slope that passes through 0 may be off there, where its terms cancel.
const NEAR_ZERO: f64 = 2.384185791015625e-7; // 2^-22

/// `f(x) = 1 / (1 + e⁻ˣ)`. Source: Keras' `sigmoid`; samples from scipy's `expit`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl UnaryDef for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const WGSL: &'static str = wgsl!("sigmoid");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-3.0, 0.04742587317756678, 0.04517665973091213],
        [0.0, 0.5, 0.25],
        [0.5, 0.6224593312018546, 0.2350037122015945],
        [20.0, 0.9999999979388463, 2.061153618190204e-9],
    ];
    const ULPS: [f64; 2] = [4.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let e = (-x.abs()).exp();
        if x < F::ZERO { e / (F::ONE + e) } else { F::ONE / (F::ONE + e) }
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        y * (F::ONE - y)
    }
}

/// `f(x) = tanh(x)`, `f' = (1 - y) (1 + y)`. Source: Keras' `tanh`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

impl UnaryDef for Tanh {
    const NAME: &'static str = "tanh";
    const WGSL: &'static str = wgsl!("tanh");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, -0.9640275800758169, 0.07065082485316447],
        [0.0, 0.0, 1.0],
        [0.5, 0.46211715726000974, 0.7864477329659274],
        [3.0, 0.9950547536867305, 0.00986603716544019],
    ];
    const ULPS: [f64; 2] = [4.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x.tanh()
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        (F::ONE - y) * (F::ONE + y)
    }
}

/// `f(x) = log(1 + eˣ)`, as `max(x, 0) + log(1 + e^-|x|)`; `f' = 1 - e⁻ʸ`. Source: Keras' `softplus`; samples from
/// mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

impl UnaryDef for Softplus {
    const NAME: &'static str = "softplus";
    const WGSL: &'static str = wgsl!("softplus");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-20.0, 2.061153620314381e-9, 2.0611536181902037e-9],
        [-1.0, 0.3132616875182228, 0.2689414213699951],
        [0.5, 0.9740769841801067, 0.6224593312018546],
        [30.0, 30.000000000000092, 0.9999999999999064],
    ];
    const ULPS: [f64; 2] = [8.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        F::ZERO.max_or_nan(x) + (-x.abs()).exp().ln_1p()
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        -(-y).exp_m1()
    }
}

/// `f(x) = log(1 / (1 + e⁻ˣ))`, as `min(x, 0) - log(1 + e^-|x|)`; `f' = 1 - eʸ`. Source: Keras' `log_sigmoid`; samples
/// from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSigmoid;

impl UnaryDef for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";
    const WGSL: &'static str = wgsl!("log_sigmoid");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-30.0, -30.000000000000092, 0.9999999999999064],
        [-1.0, -1.3132616875182228, 0.7310585786300049],
        [0.5, -0.4740769841801067, 0.37754066879814546],
        [20.0, -2.061153620314381e-9, 2.0611536181902037e-9],
    ];
    const ULPS: [f64; 2] = [8.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        -Softplus::f(-x, &[])
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        -y.exp_m1()
    }
}

/// `f(x) = x / (1 + |x|)`, `f' = 1 / (1 + |x|)²`. Source: Keras' `softsign`; samples by hand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softsign;

impl UnaryDef for Softsign {
    const NAME: &'static str = "softsign";
    const WGSL: &'static str = wgsl!("softsign");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] =
        &[[-3.0, -0.75, 0.0625], [0.0, 0.0, 1.0], [0.5, 0.3333333333333333, 0.4444444444444444], [4.0, 0.8, 0.04]];
    const ULPS: [f64; 2] = [4.0, 8.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let x = within(x, 1e20);
        x / (F::ONE + x.abs())
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        let r = F::ONE / (F::ONE + x.abs());
        r * r
    }
}

/// `f(x) = x` above 0, else `alpha (eˣ - 1)`; `f'(0) = alpha`, as JAX has it. Source: Keras' `elu`; samples from mpmath.
///
/// # Defaults
/// `alpha` 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// What the function falls to, negated.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl UnaryDef for Elu {
    const NAME: &'static str = "elu";
    const WGSL: &'static str = wgsl!("elu");
    const PARAMS: &'static [(&'static str, f64)] = &[("alpha", 1.0)];
    const TRIED: &'static [&'static [f64]] = &[&[0.3], &[-2.0]];
    const DF: Needs = Needs::Input; // y + alpha loses its digits far below 0, and y its sign with that of alpha
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, -0.8646647167633873, 0.1353352832366127],
        [-0.001, -0.0009995001666250085, 0.999000499833375],
        [0.0, 0.0, 1.0],
        [1.5, 1.5, 1.0],
    ];
    const ULPS: [f64; 2] = [5.0, 5.0];
    const FLOORS: [f64; 2] = [DENORMAL, DENORMAL];
    fn f<F: Float>(x: F, p: &[F]) -> F {
        if x > F::ZERO { x } else { p[0] * x.exp_m1() }
    }
    fn df<F: Float>(x: F, _: F, p: &[F]) -> F {
        if x > F::ZERO { F::ONE } else { p[0] * x.exp() }
    }
    fn params(&self) -> Params<f64> {
        filled([self.alpha])
    }
}

/// `f(x) = s x` above 0, else `s a (eˣ - 1)`, with s = 1.05070…, a = 1.67326…; `f'(0) = s a`, as JAX has it.
///
/// Source: Klambauer and others 2017, Keras' `selu`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selu;

impl Selu {
    const SCALE: f64 = 1.0507009873554805;
    const SCALE_ALPHA: f64 = 1.7580993408473768;
}

impl UnaryDef for Selu {
    const NAME: &'static str = "selu";
    const WGSL: &'static str = wgsl!("selu");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-2.0, -1.520166468595695, 0.23793287225168183],
        [-0.001, -0.0017572205841202705, 1.7563421202632565],
        [0.0, 0.0, 1.7580993408473768],
        [1.5, 1.5760514810332207, 1.0507009873554805],
    ];
    const ULPS: [f64; 2] = [5.0, 5.0];
    const FLOORS: [f64; 2] = [DENORMAL, DENORMAL];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        if x > F::ZERO { F::of(Self::SCALE) * x } else { F::of(Self::SCALE_ALPHA) * x.exp_m1() }
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        if x > F::ZERO { F::of(Self::SCALE) } else { F::of(Self::SCALE_ALPHA) * x.exp() }
    }
}

/// `f(x) = x / (1 + e⁻ˣ)`. Source: Keras' `silu`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silu;

impl UnaryDef for Silu {
    const NAME: &'static str = "silu";
    const ALIASES: &'static [&'static str] = &["swish"];
    const WGSL: &'static str = wgsl!("silu");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-30.0, -2.8072868906517896e-12, -2.713710660963134e-12],
        [-1.0, -0.2689414213699951, 0.07232948812851327],
        [0.0, 0.0, 0.5],
        [2.0, 1.7615941559557649, 1.0907842487848955],
    ];
    const ULPS: [f64; 2] = [8.0, 8.0];
    const FLOORS: [f64; 2] = [0.0, NEAR_ZERO];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let root = (F::of(-0.5) * x.abs()).exp(); // squared, it may be 0 where x times the square is not
        let r = F::ONE / (F::ONE + root * root);
        if x < F::ZERO { within(x, 1e3) * root * r * root } else { x * r }
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        let x = within(x, 1e3);
        Sigmoid::f(x, &[]) * (F::ONE + x * Sigmoid::f(-x, &[]))
    }
}

/// `f(x) = x Φ(x)`, Φ the normal distribution's, `(1 + erf(x / √2)) / 2`. Source: Keras' `gelu`, which is exact by
/// default; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gelu;

impl Gelu {
    /// `Φ(x)`
    fn below(x: f64) -> f64 {
        0.5 * Float::erfc(-x * FRAC_1_SQRT_2)
    }
}

impl UnaryDef for Gelu {
    const NAME: &'static str = "gelu";
    const WGSL: &'static str = wgsl!("gelu");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-9.0, -1.0157295653584566e-18, -9.138937373906639e-18],
        [-1.0, -0.15865525393145705, -0.0833154705876863],
        [-0.25, -0.10032341857926907, 0.30462664511636395],
        [0.0, 0.0, 0.5],
        [2.0, 1.9544997361036416, 1.085231801078197],
    ];
    const ULPS: [f64; 2] = [8.0, 8.0];
    const FLOORS: [f64; 2] = [0.0, NEAR_ZERO];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        wide(x, |x| x.max_or_nan(-40.0) * Self::below(x))
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        let density = |x: f64| 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * (-0.5 * x * x).exp();
        wide(within(x, 40.0), |x| Self::below(x) + x * density(x))
    }
}

/// `f(x) = x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`: near [`Gelu`], to 5e-4.
///
/// Source: Keras' `gelu` with `approximate=True`; samples from mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeluTanh;

impl GeluTanh {
    /// √(2/π)
    const ROOT: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;

    /// `w` and its slope: `f(x) = x sigmoid(w)`.
    fn inner(x: f64) -> (f64, f64) {
        let z = 0.044715 * x * x;
        (2.0 * Self::ROOT * x * (1.0 + z), 2.0 * Self::ROOT * (1.0 + 3.0 * z))
    }
}

impl UnaryDef for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const WGSL: &'static str = wgsl!("gelu_tanh");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-7.0, -2.315442262072549e-15, -2.765117350706602e-14],
        [-1.0, -0.1588080093917233, -0.08296408384578255],
        [-0.25, -0.100324649298315, 0.30464590484893955],
        [0.0, 0.0, 0.5],
        [2.0, 1.954597694087775, 1.0860992566236183],
    ];
    const ULPS: [f64; 2] = [8.0, 8.0];
    const FLOORS: [f64; 2] = [0.0, NEAR_ZERO];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        wide(x, |x| x.max_or_nan(-40.0) * Sigmoid::f(Self::inner(within(x, 40.0)).0, &[]))
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        wide(within(x, 40.0), |x| {
            let (w, slope) = Self::inner(x);
            Sigmoid::f(w, &[]) * (1.0 + x * Sigmoid::f(-w, &[]) * slope)
        })
    }
}

/// `f(x) = x tanh(log(1 + eˣ))`, as `x n / (n + 2)`, `n = eˣ (eˣ + 2)`. Source: Misra 2019, Keras' `mish`; samples from
/// mpmath.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mish;

impl UnaryDef for Mish {
    const NAME: &'static str = "mish";
    const WGSL: &'static str = wgsl!("mish");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-30.0, -2.807286890651921e-12, -2.713710660963392e-12],
        [-1.0, -0.3034014613741089, 0.05921675587739495],
        [0.0, 0.0, 0.6],
        [0.5, 0.37524521130489513, 0.8864243753577272],
        [2.0, 1.9439589595339946, 1.0693179342794896],
    ];
    const ULPS: [f64; 2] = [8.0, 8.0];
    const FLOORS: [f64; 2] = [0.0, NEAR_ZERO];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let (root, one, two) = ((F::of(-0.5) * x.abs()).exp(), F::ONE, F::of(2.0)); // as in silu
        let e = root * root;
        if x < F::ZERO {
            within(x, 1e3) * root * ((e + two) / (e * (e + two) + two)) * root
        } else {
            x * ((one + two * e) / (one + two * e * (one + e)))
        }
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        let x = within(x, 1e3);
        let (e, one, two, four) = ((-x.abs()).exp(), F::ONE, F::of(2.0), F::of(4.0));
        if x < F::ZERO {
            let d = e * (e + two) + two;
            e * ((e + two) * d + four * x * (one + e)) / (d * d)
        } else {
            let d = one + two * e * (one + e);
            ((one + two * e) * d + four * x * e * e * (one + e)) / (d * d)
        }
    }
}
