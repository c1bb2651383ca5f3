//! exp, ln and their like, without branches, so that loops over them become loops over vectors.
//!
//! Coefficients are those of Cephes' single precision functions (Moshier, 1989). NaN passes on. Largest errors over all
//! f32, fused and not: see the tests beside.

// Constants are written as their sources have them, to more digits than f32 holds.
#![allow(clippy::excessive_precision)]

use crate::simd::lanes::Lanes;

/// 1.5 · 2²³: a number that is added to it is rounded to a whole one, which its low bits then hold.
const ROUND: f32 = 12_582_912.0;
const LN2_HIGH: f32 = 0.693_359_375;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `x = n ln 2 + r` with a whole n from -160 to 160 and r near ±0.35: (n, r). What is beyond is cut.
#[inline(always)]
fn reduced<V: Lanes>(x: f32) -> (i32, f32) {
    let x = if x > 110.0 { 110.0 } else { x };
    let x = if x < -110.0 { -110.0 } else { x };
    let shifted = V::fma(x, std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    (n, V::fma(-whole, LN2_LOW, V::fma(-whole, LN2_HIGH, x)))
}

/// `(eʳ - 1 - r) / r²` near 0.
#[inline(always)]
fn curve<V: Lanes>(r: f32) -> f32 {
    let p = V::fma(1.987_569_1e-4, r, 1.398_199_9e-3);
    let p = V::fma(p, r, 8.333_451_9e-3);
    let p = V::fma(p, r, 4.166_579_6e-2);
    let p = V::fma(p, r, 1.666_666_5e-1);
    V::fma(p, r, 0.5)
}

/// 2ⁿ for n from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// `x 2ⁿ` for n from -250 to 250, in two products, which may come to infinity, 0 or a denormal number.
#[inline(always)]
fn scaled(x: f32, n: i32) -> f32 {
    let half = n >> 1;
    x * power_of_two(half) * power_of_two(n - half)
}

/// `eˣ`.
#[inline(always)]
pub(super) fn exp<V: Lanes>(x: f32) -> f32 {
    let (n, r) = reduced::<V>(x);
    scaled(1.0 + V::fma(curve::<V>(r) * r, r, r), n)
}

/// `eˣ - 1`.
#[inline(always)]
pub(super) fn exp_m1<V: Lanes>(x: f32) -> f32 {
    let (n, r) = reduced::<V>(x);
    let below = V::fma(curve::<V>(r) * r, r, r); // eʳ - 1
    let large = scaled(1.0 + below, n);
    // Beyond this the 1 is no more than rounding above, and all of the result below.
    let n = if n > 30 { 30 } else { n };
    let n = if n < -30 { -30 } else { n };
    let power = power_of_two(n);
    let small = V::fma(power, below, power - 1.0);
    let y = if x > 20.0 { large } else { small };
    if x == 0.0 { x } else { y }
}

/// `ln x`: -∞ at 0, NaN below.
#[inline(always)]
pub(super) fn ln<V: Lanes>(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let bits = (if denormal { x * 8_388_608.0 } else { x }).to_bits();
    // x = m 2ⁿ with m from √½ to √2.
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let n = (shifted as i32 >> 23) as f32 - if denormal { 23.0 } else { 0.0 };
    let f = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let y = V::fma(n, LN2_HIGH, f + V::fma(f * f, V::fma(f, log_curve::<V>(f), -0.5), n * LN2_LOW));
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f32::NAN } else { y };
    if x < f32::INFINITY { y } else { x }
}

/// `(ln (1 + f) - f + f²/2) / f³` for 1 + f from √½ to √2.
#[inline(always)]
fn log_curve<V: Lanes>(f: f32) -> f32 {
    let p = V::fma(7.037_683_629_2e-2, f, -1.151_461_031_0e-1);
    let p = V::fma(p, f, 1.167_699_874_0e-1);
    let p = V::fma(p, f, -1.242_014_084_6e-1);
    let p = V::fma(p, f, 1.424_932_278_7e-1);
    let p = V::fma(p, f, -1.666_805_766_5e-1);
    let p = V::fma(p, f, 2.000_071_476_5e-1);
    let p = V::fma(p, f, -2.499_999_399_3e-1);
    V::fma(p, f, 3.333_333_117_4e-1)
}

/// `ln (1 + x)`: what rounding takes from 1 + x is given back.
#[inline(always)]
pub(super) fn ln_1p<V: Lanes>(x: f32) -> f32 {
    let u = 1.0 + x;
    let lost = if x > 1.0 { 1.0 - (u - x) } else { x - (u - 1.0) };
    let y = ln::<V>(u) + lost / u;
    let y = if u == 1.0 { x } else { y };
    let y = if x == -1.0 { f32::NEG_INFINITY } else { y };
    if x < f32::INFINITY { y } else { x }
}

/// `tanh x`.
#[inline(always)]
pub(super) fn tanh<V: Lanes>(x: f32) -> f32 {
    let z = x * x;
    let p = V::fma(-5.704_988_727_45e-3, z, 2.063_908_879_54e-2);
    let p = V::fma(p, z, -5.373_971_555_31e-2);
    let p = V::fma(p, z, 1.333_144_294_12e-1);
    let p = V::fma(p, z, -3.333_328_184_22e-1);
    let small = V::fma(p * z, x, x);
    let size = x.abs();
    let large = (1.0 - 2.0 / (exp::<V>(2.0 * size) + 1.0)).copysign(x);
    let small = if x == 0.0 { x } else { small };
    if size < 0.625 { small } else { large }
}
