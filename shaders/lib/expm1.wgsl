// uses: lib/exp.wgsl, lib/bits.wgsl
// e^x - 1 = 2^n p + (2^n - 1) with n and p as in exp: p is e^r - 1 itself, so nothing cancels near 0.
// From 17 on the 1 is no longer seen and e^x is taken, over 88.72284: +infinity; far below -1; NaN passes on.
// Max ULP, near 0 too: lavapipe 1.27, SwiftShader 1.27 (CPU copy: all fused 1.4, sums reassociated 1.4).
fn own_expm1(x: f32) -> f32 {
    let power = power_of_sum(x, 0.0);
    let scale = bitcast<f32>(bitcast<u32>(clamp(power.n, -30, 30) + 127) << 23u);
    let near = power.p * scale + kept(scale - 1.0);
    let y = select(bitcast<u32>(near), bitcast<u32>(exp_of_power(power)), above(x, 17.0));
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}
