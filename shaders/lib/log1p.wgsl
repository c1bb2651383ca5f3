// uses: lib/log.wgsl, lib/bits.wgsl
// log(1 + x) for any x > -1; log1p(-1) = -infinity, below NaN, +infinity and NaN pass on, |x| < 2^-24 gives x.
// Max ULP: lavapipe 1.39, SwiftShader 1.39 (CPU copy: all fused 1.4, sums reassociated 3.5).
// 1 + x = 2^k (1 + f) as in log, but f = 2^-k x + (2^-k - 1) is rounded once, at its own size, where 1 + x would
// lose the low bits of x; for k = 0 it is x itself. From k = 24 on the 1 is no longer seen.
fn own_log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let shifted = bitcast<u32>(u) + 0x4afb0du;
    let k = i32(shifted >> 23u) - 127;
    let m = bitcast<f32>((shifted & 0x7fffffu) + 0x3f3504f3u);
    let scale = bitcast<f32>(u32(clamp(127 - k, 1, 254)) << 23u);
    let scaled = select(m - 1.0, x * scale + (scale - 1.0), k < 24);
    let f = select(scaled, x, k == 0);
    let tiny = magnitude_bits(x) < 0x33800000u;
    let y = log_special(bitcast<u32>(u), log_sum(f, k));
    return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), tiny || is_nan(x)));
}
