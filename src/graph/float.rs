//! The numbers that a kernel on the CPU is generic over: f32 on a device, f64 in the oracle.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A function of an argument and parameters.
pub type F1<F> = fn(F, &[F]) -> F;
/// A function of two arguments and parameters.
pub type F2<F> = fn(F, F, &[F]) -> F;

/// A floating point number: f32 or f64.
pub trait Float:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest value.
    fn of(x: f64) -> Self;
    /// The same value in f64.
    fn to_f64(self) -> f64;
    /// `e^x`.
    fn exp(self) -> Self;
    /// `ln(x)`.
    fn ln(self) -> Self;
    /// `ln(1 + x)`.
    fn ln_1p(self) -> Self;
    /// `√x`.
    fn sqrt(self) -> Self;
    /// `|x|`.
    fn abs(self) -> Self;
    /// The largest whole number that is not above `x`.
    fn floor(self) -> Self;
    /// `tanh(x)`.
    fn tanh(self) -> Self;
    /// `e^x - 1`.
    fn exp_m1(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// `1 - erf(x)`.
    fn erfc(self) -> Self;
    /// `self^y`.
    fn powf(self, y: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// NaN.
    fn is_nan(self) -> bool;
    /// The one of two functions, of an argument and parameters, that is of this type.
    fn unary(f32: F1<f32>, f64: F1<f64>) -> F1<Self>;
    /// The one of two functions, of two arguments and parameters, that is of this type.
    fn binary(f32: F2<f32>, f64: F2<f64>) -> F2<Self>;
    /// The larger one; NaN if either is, unlike `f32::max`.
    fn max_or_nan(self, other: Self) -> Self {
        if self.is_nan() || self > other { self } else { other }
    }
    /// The smaller one; NaN if either is.
    fn min_or_nan(self, other: Self) -> Self {
        if self.is_nan() || self < other { self } else { other }
    }
}

macro_rules! float {
    ($f:ident, $pick32:ident, $pick64:ident => $own:ident, $erf:path, $erfc:path) => {
        impl Float for $f {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            fn of(x: f64) -> Self {
                x as $f
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn unary($pick32: F1<f32>, $pick64: F1<f64>) -> F1<Self> {
                $own
            }
            fn binary($pick32: F2<f32>, $pick64: F2<f64>) -> F2<Self> {
                $own
            }
            fn exp(self) -> Self {
                $f::exp(self)
            }
            fn ln(self) -> Self {
                $f::ln(self)
            }
            fn ln_1p(self) -> Self {
                $f::ln_1p(self)
            }
            fn sqrt(self) -> Self {
                $f::sqrt(self)
            }
            fn abs(self) -> Self {
                $f::abs(self)
            }
            fn floor(self) -> Self {
                $f::floor(self)
            }
            fn tanh(self) -> Self {
                $f::tanh(self)
            }
            fn exp_m1(self) -> Self {
                $f::exp_m1(self)
            }
            fn erf(self) -> Self {
                $erf(self)
            }
            fn erfc(self) -> Self {
                $erfc(self)
            }
            fn powf(self, y: Self) -> Self {
                $f::powf(self, y)
            }
            fn is_finite(self) -> bool {
                $f::is_finite(self)
            }
            fn is_nan(self) -> bool {
                $f::is_nan(self)
            }
        }
    };
}

float!(f32, own, _other => own, libm::erff, libm::erfcf);
float!(f64, _other, own => own, libm::erf, libm::erfc);
