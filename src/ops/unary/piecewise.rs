//! Activations made of straight pieces, and of parabolas: no exponential.

use crate::graph::Float;
use crate::ops::unary::{LARGEST, Needs, Params, Unary, UnaryDef, filled, row, wgsl};

/// The rows of this file.
pub(super) static ROWS: &[Unary] = &[
    row::<Linear>(),
    row::<Relu>(),
    row::<Relu6>(),
    row::<LeakyRelu>(),
    row::<ThresholdedRelu>(),
    row::<HardSigmoid>(),
    row::<HardSilu>(),
];

/// `f(x) = x`. Source: Keras' `linear`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linear;

impl UnaryDef for Linear {
    const NAME: &'static str = "linear";
    const WGSL: &'static str = wgsl!("linear");
    const DF: Needs = Needs::Nothing;
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, -2.0, 1.0], [0.0, 0.0, 1.0], [3.5, 3.5, 1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x
    }
    fn df<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ONE
    }
}

/// `f(x) = max(x, 0)`, `f'(0) = 0`. Source: Keras' `relu`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu;

impl UnaryDef for Relu {
    const NAME: &'static str = "relu";
    const WGSL: &'static str = wgsl!("relu");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[[-1.5, 0.0, 0.0], [0.0, 0.0, 0.0], [2.5, 2.5, 1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        if x <= F::ZERO { F::ZERO } else { x }
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        inside(y, F::ZERO, None)
    }
}

/// `f(x) = min(max(x, 0), 6)`, `f'(0) = f'(6) = 0`. Source: Keras' `relu6`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu6;

impl UnaryDef for Relu6 {
    const NAME: &'static str = "relu6";
    const WGSL: &'static str = wgsl!("relu6");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] =
        &[[-1.5, 0.0, 0.0], [0.0, 0.0, 0.0], [2.5, 2.5, 1.0], [6.0, 6.0, 0.0], [7.0, 6.0, 0.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let six = F::of(6.0);
        if x > six { six } else { Relu::f(x, &[]) }
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        inside(y, F::ZERO, Some(F::of(6.0)))
    }
}

/// `f(x) = x` from 0 on, `negative_slope x` below; `f'(0) = 1`, as JAX has it. Source: Keras' `leaky_relu`.
///
/// # Defaults
/// `negative_slope` 0.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The slope below 0.
    pub negative_slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        Self { negative_slope: 0.2 }
    }
}

impl UnaryDef for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const WGSL: &'static str = wgsl!("leaky_relu");
    const PARAMS: &'static [(&'static str, f64)] = &[("negative_slope", 0.2)];
    const TRIED: &'static [&'static [f64]] = &[&[0.01], &[-0.5]];
    const DF: Needs = Needs::Input; // the sign of the output is that of the slope, which may be any
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, -0.4, 0.2], [0.0, 0.0, 1.0], [1.5, 1.5, 1.0]];
    const ULPS: [f64; 2] = [1.0, 0.0];
    fn f<F: Float>(x: F, p: &[F]) -> F {
        if x < F::ZERO { p[0] * x } else { x }
    }
    fn df<F: Float>(x: F, _: F, p: &[F]) -> F {
        if x.is_nan() {
            x
        } else if x < F::ZERO {
            p[0]
        } else {
            F::ONE
        }
    }
    fn params(&self) -> Params<f64> {
        filled([self.negative_slope])
    }
}

/// `f(x) = min(x, max_value)` above `threshold`, `negative_slope (x - threshold)` up to it.
///
/// `f'(threshold) = negative_slope`, `f'(max_value) = 0`. Source: Keras' layer `ReLU` and its `relu` with options.
///
/// # Defaults
/// `threshold` 0, `negative_slope` 0, `max_value` the largest f32, which says that there is no maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdedRelu {
    /// Where the function begins to pass its argument.
    pub threshold: f64,
    /// The slope below the threshold.
    pub negative_slope: f64,
    /// The largest value of the function; `f32::MAX` for none.
    pub max_value: f64,
}

impl Default for ThresholdedRelu {
    fn default() -> Self {
        Self { threshold: 0.0, negative_slope: 0.0, max_value: LARGEST }
    }
}

impl ThresholdedRelu {
    /// Whether `x` is held at the maximum.
    fn is_over<F: Float>(x: F, max_value: F) -> bool {
        x >= max_value && max_value < F::of(LARGEST)
    }
}

impl UnaryDef for ThresholdedRelu {
    const NAME: &'static str = "thresholded_relu";
    const WGSL: &'static str = wgsl!("thresholded_relu");
    const PARAMS: &'static [(&'static str, f64)] =
        &[("threshold", 0.0), ("negative_slope", 0.0), ("max_value", LARGEST)];
    const TRIED: &'static [&'static [f64]] = &[&[0.5, 0.25, 4.0], &[-1.0, -0.125, LARGEST], &[0.0, 0.0, 2.0]];
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[[-1.5, 0.0, 0.0], [0.0, 0.0, 0.0], [2.5, 2.5, 1.0]];
    const ULPS: [f64; 2] = [2.0, 0.0];
    fn f<F: Float>(x: F, p: &[F]) -> F {
        if x > p[0] {
            if Self::is_over(x, p[2]) { p[2] } else { x }
        } else if p[1] == F::ZERO && x <= p[0] {
            F::ZERO // of -infinity too
        } else {
            p[1] * (x - p[0])
        }
    }
    fn df<F: Float>(x: F, _: F, p: &[F]) -> F {
        if x.is_nan() {
            x
        } else if x <= p[0] {
            p[1]
        } else if Self::is_over(x, p[2]) {
            F::ZERO
        } else {
            F::ONE
        }
    }
    fn params(&self) -> Params<f64> {
        filled([self.threshold, self.negative_slope, self.max_value])
    }
}

/// `f(x) = x / 6 + 1/2`, held to 0 and 1; `f'(-3) = f'(3) = 0`. Source: Keras' `hard_sigmoid`.
#[derive(Clone, Copy, Debug, Default)]
pub struct HardSigmoid;

impl UnaryDef for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";
    const WGSL: &'static str = wgsl!("hard_sigmoid");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-4.0, 0.0, 0.0],
        [-3.0, 0.0, 0.0],
        [-1.0, 0.3333333333333333, 0.16666666666666666],
        [0.5, 0.5833333333333334, 0.16666666666666666],
        [3.0, 1.0, 0.0],
        [5.0, 1.0, 0.0],
    ];
    const ULPS: [f64; 2] = [2.0, 1.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let three = F::of(3.0);
        if x <= -three {
            F::ZERO
        } else if x >= three {
            F::ONE
        } else {
            F::ONE.min_or_nan((x + three) / F::of(6.0))
        }
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        if x.is_nan() {
            x
        } else if x.abs() < F::of(3.0) {
            F::of(1.0 / 6.0)
        } else {
            F::ZERO
        }
    }
}

/// `f(x) = x hard_sigmoid(x)`; `f'(-3) = 0`, `f'(3) = 1`. Source: Keras' `hard_silu`.
#[derive(Clone, Copy, Debug, Default)]
pub struct HardSilu;

impl UnaryDef for HardSilu {
    const NAME: &'static str = "hard_silu";
    const ALIASES: &'static [&'static str] = &["hard_swish"];
    const WGSL: &'static str = wgsl!("hard_silu");
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-4.0, 0.0, 0.0],
        [-3.0, 0.0, 0.0],
        [-1.0, -0.3333333333333333, 0.16666666666666666],
        [0.5, 0.2916666666666667, 0.6666666666666666],
        [3.0, 3.0, 1.0],
        [5.0, 5.0, 1.0],
    ];
    const ULPS: [f64; 2] = [4.0, 2.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let three = F::of(3.0);
        if x <= -three {
            F::ZERO
        } else if x >= three {
            x
        } else {
            x * ((x + three) / F::of(6.0))
        }
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        let three = F::of(3.0);
        if x <= -three {
            F::ZERO
        } else if x >= three {
            F::ONE
        } else {
            (x + F::of(1.5)) / three
        }
    }
}

/// The slope of a function that gives its argument between two values, and one of them elsewhere: 0 at both.
pub(super) fn inside<F: Float>(y: F, low: F, high: Option<F>) -> F {
    if y.is_nan() {
        y
    } else if y > low && high.is_none_or(|high| y < high) {
        F::ONE
    } else {
        F::ZERO
    }
}
