//! Sums, products, quotients, powers, and the larger and the smaller of two.

use crate::error::Result;
use crate::graph::{Builder, Float, Value};
use crate::ops::binary::{Binary, BinaryDef, Slope, binary, binary_row};
use crate::ops::case::Domain;

/// The rows of this file.
pub(super) static ROWS: &[Binary] = &[
    binary_row::<Add>(),
    binary_row::<Subtract>(),
    binary_row::<Multiply>(),
    binary_row::<Divide>(),
    binary_row::<Maximum>(),
    binary_row::<Minimum>(),
    binary_row::<Power>(),
];

/// `f(a, b) = a + b`: also how gradients of a value that is used twice add up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Add;

/// `a + b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn add(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Add, a, b)
}

impl BinaryDef for Add {
    const NAME: &'static str = "add";
    const WGSL: &'static str = include_str!("../../../shaders/binary/add.wgsl");
    const SLOPES: [Slope; 2] = [Slope::One; 2];
    const SAMPLES: &'static [[f64; 5]] =
        &[[1.5, -4.0, -2.5, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0, 1.0], [-2.0, 0.25, -1.75, 1.0, 1.0]];
    const ULPS: [f64; 2] = [1.0, 0.0];
    fn f<F: Float>(a: F, b: F) -> F {
        a + b
    }
}

/// `f(a, b) = a - b`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subtract;

/// `a - b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn subtract(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Subtract, a, b)
}

impl BinaryDef for Subtract {
    const NAME: &'static str = "subtract";
    const WGSL: &'static str = include_str!("../../../shaders/binary/subtract.wgsl");
    const SLOPES: [Slope; 2] = [Slope::One, Slope::Own];
    const SAMPLES: &'static [[f64; 5]] =
        &[[1.5, -4.0, 5.5, 1.0, -1.0], [0.0, 0.0, 0.0, 1.0, -1.0], [-2.0, 0.25, -2.25, 1.0, -1.0]];
    const ULPS: [f64; 2] = [1.0, 0.0];
    fn f<F: Float>(a: F, b: F) -> F {
        a - b
    }
    fn df<F: Float>(dy: F, _: F, _: F) -> [F; 2] {
        [dy, -dy]
    }
}

/// `f(a, b) = a b`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Multiply;

/// `a b`, elementwise; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn multiply(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Multiply, a, b)
}

impl BinaryDef for Multiply {
    const NAME: &'static str = "multiply";
    const WGSL: &'static str = include_str!("../../../shaders/binary/multiply.wgsl");
    const SLOPES: [Slope; 2] = [Slope::Own; 2];
    const SAMPLES: &'static [[f64; 5]] =
        &[[1.5, -4.0, -6.0, -4.0, 1.5], [0.0, 3.0, 0.0, 3.0, 0.0], [-2.0, 0.25, -0.5, 0.25, -2.0]];
    const ULPS: [f64; 2] = [1.0, 1.0];
    fn f<F: Float>(a: F, b: F) -> F {
        a * b
    }
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        [dy * b, dy * a]
    }
}

/// `f(a, b) = a / b`, by IEEE 754: infinite for b = 0, NaN for 0 / 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Divide;

/// `a / b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn divide(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Divide, a, b)
}

impl BinaryDef for Divide {
    const NAME: &'static str = "divide";
    const WGSL: &'static str = include_str!("../../../shaders/binary/divide.wgsl");
    const SLOPES: [Slope; 2] = [Slope::Own; 2];
    const SAMPLES: &'static [[f64; 5]] = &[
        [1.0, 3.0, 0.3333333333333333, 0.3333333333333333, -0.1111111111111111],
        [5.0, -1.5, -3.3333333333333335, -0.6666666666666666, -2.2222222222222223],
        [0.0, 4.0, 0.0, 0.25, 0.0],
        [3.0, 0.0, f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY],
    ];
    const ULPS: [f64; 2] = [1.0, 3.0];
    fn f<F: Float>(a: F, b: F) -> F {
        a / b
    }
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        let slope = dy / b;
        [slope, -slope * (a / b)]
    }
}

/// `f(a, b)` is the larger of a and b; NaN where either is, and 0 is above -0. The gradient goes to the larger one, half
/// to each where they are equal. Source: JAX' `maximum`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Maximum;

/// The larger of `a` and `b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn maximum(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Maximum, a, b)
}

impl BinaryDef for Maximum {
    const NAME: &'static str = "maximum";
    const WGSL: &'static str = include_str!("../../../shaders/binary/maximum.wgsl");
    const SLOPES: [Slope; 2] = [Slope::Own; 2];
    const SAMPLES: &'static [[f64; 5]] =
        &[[1.5, -4.0, 1.5, 1.0, 0.0], [0.5, 0.5, 0.5, 0.5, 0.5], [-2.0, 0.25, 0.25, 0.0, 1.0]];
    const ULPS: [f64; 2] = [0.0, 1.0];
    fn f<F: Float>(a: F, b: F) -> F {
        match a == b {
            true if a == F::ZERO => a + b,
            _ => a.max_or_nan(b),
        }
    }
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        share(dy, a, b, a > b)
    }
}

/// `f(a, b)` is the smaller of a and b; NaN where either is, and -0 is below 0. The gradient goes to the smaller one,
/// half to each where they are equal. Source: JAX' `minimum`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Minimum;

/// The smaller of `a` and `b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn minimum(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Minimum, a, b)
}

impl BinaryDef for Minimum {
    const NAME: &'static str = "minimum";
    const WGSL: &'static str = include_str!("../../../shaders/binary/minimum.wgsl");
    const SLOPES: [Slope; 2] = [Slope::Own; 2];
    const SAMPLES: &'static [[f64; 5]] =
        &[[1.5, -4.0, -4.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5, 0.5], [-2.0, 0.25, -2.0, 1.0, 0.0]];
    const ULPS: [f64; 2] = [0.0, 1.0];
    fn f<F: Float>(a: F, b: F) -> F {
        -Maximum::f(-a, -b)
    }
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        share(dy, a, b, a < b)
    }
}

/// `dy` to the one of a and b that was chosen, half to each where they are equal.
fn share<F: Float>(dy: F, a: F, b: F, chosen: bool) -> [F; 2] {
    if a.is_nan() || b.is_nan() {
        return [a + b; 2];
    }
    let to_a = match (a == b, chosen) {
        (true, _) => F::of(0.5),
        (_, true) => F::ONE,
        (_, false) => F::ZERO,
    };
    [dy * to_a, dy * (F::ONE - to_a)]
}

/// `f(a, b) = a^b`, by the rules of C's `pow` for 0, infinities and negative bases (NaN unless b is a whole number), with
/// `a^0 = 1`; but a NaN always passes on. Too large is infinite.
///
/// Its gradients are `dy b a^(b-1)`, 0 for b = 0, and `dy a^b ln a`, 0 for a = 0 and NaN below. Source: JAX' `power`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Power;

/// `a^b`; the shapes may stretch.
///
/// # Errors
/// Those of [`binary`].
pub fn power(g: &Builder, a: Value, b: Value) -> Result<Value> {
    binary(g, Power, a, b)
}

impl BinaryDef for Power {
    const NAME: &'static str = "power";
    const WGSL: &'static str = include_str!("../../../shaders/binary/power.wgsl");
    const SLOPES: [Slope; 2] = [Slope::Own; 2];
    const SAMPLES: &'static [[f64; 5]] = &[
        [3.0, 0.5, 1.7320508075688772, 0.28867513459481287, 1.902852301792692],
        [0.5, -3.0, 8.0, -48.0, -5.545177444479562],
        [1.5, 2.25, 2.4900343193257237, 3.7350514789885856, 1.0096220344784441],
        [-2.0, 3.0, -8.0, 12.0, f64::NAN],
        [0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 1.0, 0.0],
    ];
    const ULPS: [f64; 2] = [8.0, 12.0];
    const STEEPEST: f64 = 128.0;
    const DOMAINS: [Domain; 2] = [Domain::NotNegative, Domain::Any];
    fn f<F: Float>(a: F, b: F) -> F {
        if a.is_nan() || b.is_nan() { a + b } else { a.powf(b) }
    }
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        // In f64 for f32 too: b - 1 must not be rounded, for a^(b-1) takes that up many times.
        let [dy, a, b] = [dy, a, b].map(F::to_f64);
        let y = Self::f(a, b);
        if dy.is_nan() || y.is_nan() {
            return [F::of(f64::NAN); 2];
        }
        // Of an even b, a^(b-1) has the sign of a; the sign is taken from b, as from 2^53 on b - 1 is rounded to b.
        let sign = if (0.5 * b).fract() == 0.0 { 1f64.copysign(a) } else { 1.0 };
        let da = if b == 0.0 { 0.0 } else { dy * (b * sign * a.abs().powf(b - 1.0)) };
        let db = if a == 0.0 { 0.0 } else { dy * (y * a.ln()) };
        [F::of(da), F::of(db)]
    }
}
