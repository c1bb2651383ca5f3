// uses: lib/bits.wgsl, lib/scale.wgsl
// e^x = 2^n * e^r, n = round(x / ln 2), |r| <= ln 2 / 2; any x, taken as +-105 beyond that (on the bits).
// Over 88.72284: +infinity. Below -87.33655: denormals, rounded in integers, then 0. NaN passes on.
// Max ULP: lavapipe 0.97, SwiftShader 0.97 (copied to the CPU: all fused 0.99, sums reassociated 1.3).
// Two-constant range reduction (355/512 * n is exact: an integer product), own minimax polynomial for
// (e^r - 1 - r) / r^2, 2^n added to the exponent bits.
struct PowerOfTwo { // e^x = 2^n (1 + p), p in [-0.30, 0.42]
    n: i32,
    p: f32,
}

// Of the sum x + low, |low| < 0.2, without rounding it: squares and products have exponents longer than an f32.
fn power_of_sum(x: f32, low: f32) -> PowerOfTwo {
    let bits = bitcast<u32>(x);
    let clamped = bitcast<f32>((bits & 0x80000000u) | min(magnitude_bits(x), 0x42d20000u));
    let n = i32(floor((clamped + low) * 1.442695041 + 0.5));
    let near = bitcast<u32>(clamped - f32(n * 355) * 0.001953125); // |near| < 1, so the min changes nothing:
    let r = bitcast<f32>(min(near, 0xbfffffffu)) + (f32(n) * 2.12194440e-4 + low); // it keeps the sums apart
    var p = 1.97900619e-4;
    p = p * r + 1.3944942e-3;
    p = p * r + 8.33349861e-3;
    p = p * r + 4.16662917e-2;
    p = p * r + 1.66666657e-1;
    p = p * r + 0.5;
    return PowerOfTwo(n, r + r * r * p);
}

fn exp_of_power(power: PowerOfTwo) -> f32 {
    return bitcast<f32>(scale_bits(bitcast<u32>(1.0 + power.p), power.n)); // in [0.70, 1.42]
}

fn own_exp(x: f32) -> f32 {
    let y = exp_of_power(power_of_sum(x, 0.0));
    return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), is_nan(x)));
}
