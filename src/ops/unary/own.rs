//! Elementwise functions of a program's own, each as two expressions.

use crate::graph::Float;
use crate::ops::unary::{Needs, UnaryDef};

/// An elementwise function of a program's own: `y = f(x)` as one WGSL expression, its derivative as another, and both in
/// Rust. [`Custom`] makes it an activation.
///
/// `compile` holds the derivative to finite differences and every device to the Rust, for numbers from -10 to 10.
///
/// ```
/// use wgrad::graph::Float;
/// use wgrad::layers::Activation;
/// use wgrad::ops::{Custom, Elementwise};
///
/// /// `x / √(1 + x²)`.
/// struct Isru;
///
/// impl Elementwise for Isru {
///     const NAME: &'static str = "isru";
///     const F: &'static str = "x * inverseSqrt(1.0 + x * x)";
///     const DF: &'static str = "inverseSqrt(1.0 + x * x) / (1.0 + x * x)";
///     fn f<F: Float>(x: F) -> F {
///         x / (F::ONE + x * x).sqrt()
///     }
///     fn df<F: Float>(x: F) -> F {
///         F::ONE / ((F::ONE + x * x).sqrt() * (F::ONE + x * x))
///     }
/// }
/// let layer = Activation::new(Custom(Isru));
/// ```
pub trait Elementwise: 'static {
    /// snake_case, and no name that WGSL knows.
    const NAME: &'static str;
    /// f as a WGSL expression of `x: f32`.
    const F: &'static str;
    /// f' as a WGSL expression of `x: f32`.
    const DF: &'static str;
    /// ULPs that f and f' in f32 may be off.
    const ULPS: [f64; 2] = [32.0, 32.0];
    /// What f and f' may be off where they pass through 0, besides.
    const FLOORS: [f64; 2] = [1e-6, 1e-6];
    /// The function.
    fn f<F: Float>(x: F) -> F;
    /// Its derivative.
    fn df<F: Float>(x: F) -> F;
}

/// An [`Elementwise`] function as an activation.
#[derive(Clone, Copy, Debug)]
pub struct Custom<E>(pub E);

impl<E: Elementwise> UnaryDef for Custom<E> {
    const NAME: &'static str = E::NAME;
    const WGSL: &'static str = "";
    const EXPRESSIONS: Option<[&'static str; 2]> = Some([E::F, E::DF]);
    const DF: Needs = Needs::Input;
    const SAMPLES: &'static [[f64; 3]] = &[];
    const ULPS: [f64; 2] = E::ULPS;
    const FLOORS: [f64; 2] = E::FLOORS;
    fn f<F: Float>(x: F, _: &[F]) -> F {
        E::f(x)
    }
    fn df<F: Float>(x: F, _: F, _: &[F]) -> F {
        E::df(x)
    }
}
