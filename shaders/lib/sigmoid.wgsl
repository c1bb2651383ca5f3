// uses: lib/exp.wgsl, lib/bits.wgsl
// 1 / (1 + e^-x) from e = e^-|x| <= 1: 1 / (1 + e) for x >= 0, e / (1 + e) below; any x, never over 1.
// Far below -87 the result is a denormal, 0 where the driver flushes it; NaN passes on.
// Max ULP, normal results: lavapipe 1.96, SwiftShader 1.96 (CPU copy: all fused 2.0, reassociated 3.4).
// Reciprocal: own minimax start 1 - e g(e), exact at e = 0, and two Newton steps; no division.
fn reciprocal_of_one_plus(e: f32) -> f32 { // 0 <= e <= 1
    var r = 1.0 - e * (0.956498146 + e * (e * 0.237088948 - 0.692505419));
    r = r + r * ((1.0 - r) - e * r);
    return r + r * ((1.0 - r) - e * r);
}

fn own_sigmoid(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let e = own_exp(bitcast<f32>(bits | 0x80000000u));
    let r = reciprocal_of_one_plus(e);
    let y = select(bitcast<u32>(r), bitcast<u32>(e * r), bits >= 0x80000000u);
    return bitcast<f32>(select(min(y, 0x3f800000u), bits, is_nan(x)));
}
