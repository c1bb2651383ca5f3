//! A number whose functions are made of a few products and bit operations, so that a loop over many of them becomes one
//! over vectors. What is generic over [`Float`] is fast with it, without being written again.

use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use crate::graph::{F1, F2, Float};
use crate::simd::functions;
use crate::simd::lanes::Lanes;

/// An f32 with the functions of `functions.rs`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Fast<V>(pub f32, PhantomData<V>);

impl<V> Fast<V> {
    /// The number.
    #[inline(always)]
    pub const fn new(x: f32) -> Self {
        Self(x, PhantomData)
    }
}

impl<V> Default for Fast<V> {
    #[inline(always)]
    fn default() -> Self {
        Self::new(0.0)
    }
}

impl<V> PartialEq for Fast<V> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V> PartialOrd for Fast<V> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.0.partial_cmp(&other.0)
    }
    #[inline(always)]
    fn lt(&self, other: &Self) -> bool {
        self.0 < other.0
    }
    #[inline(always)]
    fn le(&self, other: &Self) -> bool {
        self.0 <= other.0
    }
    #[inline(always)]
    fn gt(&self, other: &Self) -> bool {
        self.0 > other.0
    }
    #[inline(always)]
    fn ge(&self, other: &Self) -> bool {
        self.0 >= other.0
    }
}

macro_rules! operator {
    ($($operator:ident $call:ident),*) => {
        $(impl<V> $operator for Fast<V> {
            type Output = Self;
            #[inline(always)]
            fn $call(self, other: Self) -> Self {
                Self::new($operator::$call(self.0, other.0))
            }
        })*
    };
}

operator!(Add add, Sub sub, Mul mul, Div div);

impl<V> Neg for Fast<V> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.0)
    }
}

impl<V> AddAssign for Fast<V> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

macro_rules! functions {
    ($($name:ident = $of:expr),* $(,)?) => {
        $(#[inline(always)]
        fn $name(self) -> Self {
            Self::new($of(self.0))
        })*
    };
}

impl<V: Lanes> Float for Fast<V> {
    const ZERO: Self = Self::new(0.0);
    const ONE: Self = Self::new(1.0);
    #[inline(always)]
    fn of(x: f64) -> Self {
        Self::new(x as f32)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self.0)
    }
    functions! {
        exp = functions::exp::<V>,
        ln = functions::ln::<V>,
        ln_1p = functions::ln_1p::<V>,
        tanh = functions::tanh::<V>,
        exp_m1 = functions::exp_m1::<V>,
        sqrt = f32::sqrt,
        abs = f32::abs,
        floor = f32::floor,
        erf = libm::erff,
        erfc = libm::erfcf,
    }
    #[inline(always)]
    fn powf(self, y: Self) -> Self {
        Self::new(self.0.powf(y.0))
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.0.is_finite()
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.0.is_nan()
    }
    fn unary(f32: F1<f32>, _: F1<f64>) -> F1<Self> {
        // SAFETY: Self is an f32 in all but name (`repr(transparent)`), and so are arguments and results.
        unsafe { std::mem::transmute::<F1<f32>, F1<Self>>(f32) }
    }
    fn binary(f32: F2<f32>, _: F2<f64>) -> F2<Self> {
        // SAFETY: as in `unary`.
        unsafe { std::mem::transmute::<F2<f32>, F2<Self>>(f32) }
    }
}
