// Tests on the bits of an f32; any input, no clamps, exact on both drivers. A comparison of floats may be
// dropped (a driver may assume that no NaN and no infinity occurs); these use integers alone.
fn magnitude_bits(x: f32) -> u32 {
    return bitcast<u32>(x) & 0x7fffffffu;
}

fn is_nan(x: f32) -> bool {
    return magnitude_bits(x) > 0x7f800000u;
}

fn finite(x: f32) -> bool {
    return magnitude_bits(x) < 0x7f800000u;
}

// NaN, infinite, or from 2^63 on, where the square passes the largest f32.
fn too_large(x: f32) -> bool {
    return magnitude_bits(x) >= 0x5f000000u;
}

// x > limit for a limit from 0 on; false for NaN.
fn above(x: f32, limit: f32) -> bool {
    let bits = bitcast<u32>(x);
    return bits > bitcast<u32>(limit) && bits <= 0x7f800000u;
}

// max(x, 0) that passes NaN on.
fn positive_part(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    return bitcast<f32>(select(bits, 0u, bits - 0x80000000u <= 0x7f800000u));
}

// x itself, behind a min that changes nothing: what stands on either side is not simplified together.
fn kept(x: f32) -> f32 {
    return bitcast<f32>(min(bitcast<u32>(x), 0xfffffffeu));
}

// The value, or NaN.
fn nan_if(broken: bool, value: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(value), 0x7fc00000u, broken));
}

// x - top for x up to top. The sign bit is set in integers, so that what is added to it later is not added to top
// first: WGSL allows that, and drivers do it.
fn below_top(x: f32, top: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x - top) | 0x80000000u);
}

// 1 with the sign of x; 0 and NaN pass through.
fn sign_of(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    return bitcast<f32>(select((bits & 0x80000000u) | 0x3f800000u, bits, magnitude_bits(x) == 0u || is_nan(x)));
}
