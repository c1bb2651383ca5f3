// uses: lib/bits.wgsl, lib/scale.wgsl
// a / b for all floats, the nearest one: x / 0, 0 / 0, infinities and NaN as in IEEE 754; denormals count and come out.
// Max ULP: lavapipe 0.50, SwiftShader 0.50, denormal results 0.75; no result depends on a rounding of the driver's.
// The quotient of the significands in integers: a guess by Newton's steps, put right by its remainder.

// 1 / m for 1 <= m <= 2, within 2^-22.
fn reciprocal_guess(m: f32) -> f32 {
    let r = 2.12121212 - m * (1.45454545 - m * 0.323232323);
    let s = r * (2.0 - m * r);
    return s * (2.0 - m * s);
}

// The bits of the quotient of two significands, 1 <= a, b < 2.
fn divide_significands(a: f32, b: f32) -> u32 {
    let divisor = (bitcast<u32>(b) & 0x7fffffu) | 0x800000u;
    let whole = (bitcast<u32>(a) & 0x7fffffu) | 0x800000u;
    let below = u32(whole < divisor); // the quotient is below 1: one bit more
    let guess = u32(a * reciprocal_guess(b) * select(16777216.0, 33554432.0, below == 1u));
    // The remainder is far below 2^31 in magnitude, so 32 bits of both products tell it; 8 makes it positive.
    let rest = (whole << (24u + below)) - guess * divisor + 8u * divisor;
    let quotient = guess + rest / divisor - 8u; // 25 bits: the last one, and what remains, say how to round
    let up = quotient & u32((quotient & 2u) != 0u || rest % divisor != 0u);
    return ((126u - below) << 23u) + (quotient >> 1u) + up;
}

fn own_divide(a: f32, b: f32) -> f32 {
    let sign = (bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u;
    let above = magnitude_bits(a);
    let under = magnitude_bits(b);
    let x = split_float(a);
    let y = split_float(b);
    var out = scale_bits(divide_significands(x.m, y.m), x.e - y.e);
    out = select(out, 0u, above == 0u || under == 0x7f800000u);
    out = select(out, 0x7f800000u, under == 0u || above == 0x7f800000u);
    let undefined = above == under && (above == 0u || above == 0x7f800000u);
    return bitcast<f32>(select(sign | out, 0x7fc00000u, undefined || above > 0x7f800000u || under > 0x7f800000u));
}
