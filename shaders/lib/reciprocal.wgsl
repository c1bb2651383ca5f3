// uses: lib/bits.wgsl, lib/scale.wgsl
// 1 / x = 2^-k / m, x = 2^k m, 1 <= m < 2; any x: 1 / +-0 = +-infinity, 1 / +-infinity = +-0, NaN passes on.
// Below 2^-128 the result is infinite, over 2^126 a denormal, rounded in integers; a denormal x counts.
// Max ULP: lavapipe 1.24, SwiftShader 1.24 (CPU copy: all fused 0.51, sums reassociated 1.9).
// Own minimax start for 1 / m and two Newton steps; no division, whose error WGSL leaves at 2.5 ULP.
fn own_reciprocal(x: f32) -> f32 {
    let magnitude = magnitude_bits(x);
    let split = split_float(x);
    let m = split.m;
    var r = 2.82842278 - m * (2.93934131 - m * (1.3310225 - m * 0.221837088));
    r = r + r * (1.0 - m * r);
    r = r + r * (1.0 - m * r);
    var out = scale_bits(bitcast<u32>(r), -split.e); // r in [0.5, 1]
    out = select(out, 0x7f800000u, magnitude == 0u);
    out = select(out, 0u, magnitude == 0x7f800000u) | (bitcast<u32>(x) & 0x80000000u);
    return bitcast<f32>(select(out, bitcast<u32>(x), is_nan(x)));
}
