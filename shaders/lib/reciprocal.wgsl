// uses: lib/bits.wgsl
// 1 / x = 2^-k / m, x = 2^k m, 1 <= m < 2; any x: 1 / +-0 = +-infinity, 1 / +-infinity = +-0, NaN passes on.
// Below 2^-128 the result is infinite, over 2^126 a denormal, rounded in integers; a denormal x counts.
// Max ULP: @
// Own minimax start for 1 / m and two Newton steps; no division, whose error WGSL leaves at 2.5 ULP.
fn own_reciprocal(x: f32) -> f32 {
    let magnitude = magnitude_bits(x);
    let small = magnitude < 0x800000u;
    let bits = select(magnitude, bitcast<u32>(f32(magnitude)), small);
    let k = i32(bits >> 23u) - select(127, 276, small); // 276 = 127 + 149
    let m = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
    var r = 2.82842278 - m * (2.93934131 - m * (1.3310225 - m * 0.221837088));
    r = r + r * (1.0 - m * r);
    r = r + r * (1.0 - m * r);
    let y = bitcast<u32>(r); // in [0.5, 1]
    let exponent = i32(y >> 23u) - k;
    let shift = u32(clamp(1 - exponent, 1, 25));
    let denormal = (((y & 0x7fffffu) | 0x800000u) + (1u << (shift - 1u))) >> shift;
    var out = select(y - (bitcast<u32>(k) << 23u), denormal, exponent < 1);
    out = select(out, 0x7f800000u, exponent > 254 || magnitude == 0u);
    out = select(out, 0u, magnitude == 0x7f800000u) | (bitcast<u32>(x) & 0x80000000u);
    return bitcast<f32>(select(out, bitcast<u32>(x), is_nan(x)));
}
