// uses: lib/normal.wgsl, lib/bits.wgsl
// f(x) = x Phi(x), Phi of the normal distribution, (1 + erf(x / sqrt 2)) / 2; f'(x) = Phi(x) + x phi(x).
// Any x: 0 far below -13, -infinity included; the tail is not taken from 1 + erf, so it stays accurate; NaN passes on.
// Max ULP: f 4.69, df 1.39 on lavapipe and on SwiftShader (CPU copy of f: fused 5.0, reassociated 6.7); df is off
// 1.1e-7 besides near -0.75, where it passes through 0.
fn gelu_f(x: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x41700000u)); // 15
    let height = bell(t, 0.5);
    let ratio = tail_ratio(t);
    let tail = -kept(t * ratio) * height; // not ratio * height, which is no normal number where f(x) is one
    let side = select(x * (1.0 - height * ratio), tail, bitcast<u32>(x) >= 0x80000000u);
    let y = select(side, x * (0.5 + x * center_ratio(x)), t < 0.75);
    return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), is_nan(x)));
}

fn gelu_df(x: f32, y: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x41700000u));
    let height = bell(t, 0.5);
    let left = height * (tail_ratio(t) - 0.398942292 * t);
    let side = select(1.0 - left, left, bitcast<u32>(x) >= 0x80000000u);
    let slope = select(side, 0.5 + x * (center_ratio(x) + 0.398942292 * height), t < 0.75);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
