//! Numbers in f64 with how far f32 may be from them: a bar is the sum of its parts' bars, carried to the result.

use std::ops::{Add, Mul, Sub};

use crate::graph::{TINY, sum_bar, ulp};

/// A number, and how far f32 may be from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Near {
    /// The number.
    pub is: f64,
    /// How far.
    pub off: f64,
}

impl Near {
    /// A number that f32 has.
    pub fn exact(is: f64) -> Self {
        Self { is, off: 0.0 }
    }

    /// `Σ x`.
    pub fn sum(x: impl Iterator<Item = Self>) -> Self {
        let (mut is, mut off, mut magnitude, mut terms) = (0.0, 0.0, 0.0, 0);
        for x in x {
            is += x.is;
            off += x.off;
            magnitude += x.is.abs() + x.off;
            terms += 1;
        }
        Self { is, off: off + sum_bar(terms, magnitude) }
    }

    /// The n-th part, by a quotient.
    pub fn over(self, n: usize) -> Self {
        let (is, off) = (self.is / n.max(1) as f64, self.off / n.max(1) as f64);
        Self { is, off: off + ulp(is) + TINY }
    }

    /// Mean and biased variance of numbers that f32 has.
    pub fn moments(x: impl Iterator<Item = f64> + Clone) -> [Self; 2] {
        let n = x.clone().count();
        let mean = Self::sum(x.clone().map(Self::exact)).over(n);
        // An error of the mean moves the mean of the squares by its own square, since all differences add up to 0.
        let difference = |x: f64| Self { is: x - mean.is, off: ulp(x - mean.is) };
        let squares = Self::sum(x.map(|x| difference(x) * difference(x))).over(n);
        [mean, Self { off: squares.off + mean.off * mean.off, ..squares }]
    }

    /// `1 / √(variance + ε)`, of a variance that is not below 0 in f32 either.
    pub fn inverse_deviation(variance: Self, epsilon: f64) -> Self {
        let root = |variance: f64| 1.0 / (variance.max(0.0) + epsilon).sqrt();
        let sum = ulp(variance.is + epsilon) + variance.off + TINY;
        let (is, low, high) = (root(variance.is), root(variance.is + sum), root(variance.is - sum));
        Self { is, off: (high - is).max(is - low) + 2.0 * ulp(is) }
    }
}

impl Add for Near {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { is: self.is + other.is, off: self.off + other.off + ulp(self.is.abs() + other.is.abs()) }
    }
}

impl Sub for Near {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + Self { is: -other.is, ..other }
    }
}

impl Mul for Near {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let is = self.is * other.is;
        let off = self.is.abs() * other.off + self.off * (other.is.abs() + other.off);
        Self { is, off: off + ulp(is) + TINY }
    }
}
