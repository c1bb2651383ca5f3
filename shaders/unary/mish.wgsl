// uses: lib/exp.wgsl, lib/reciprocal.wgsl, lib/bits.wgsl
// f(x) = x tanh(log(1 + e^x)) = x n / (n + 2), n = e^x (e^x + 2), with e = e^-|x|, so that nothing overflows.
// f'(x) = (n (n + 2) + 4 x e^x (1 + e^x)) / (n + 2)^2. Any x: 0 far below, -infinity included; NaN passes on.
// Max ULP: f 4.31, df 3.79 on lavapipe and on SwiftShader (CPU copy of f: fused 4.8, reassociated 5.7); df is off
// 4e-8 besides near -1.19, where it passes through 0.
fn mish_f(x: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x43800000u)); // 256: there the tail is 0
    let root = own_exp(-0.5 * t);
    let e = root * root;
    let tail = -kept(t * (root * ((e + 2.0) * own_reciprocal(e * e + 2.0 * e + 2.0)))) * root;
    let head = x * ((1.0 + 2.0 * e) * own_reciprocal(1.0 + 2.0 * e + 2.0 * e * e));
    let y = select(bitcast<u32>(head), bitcast<u32>(tail), bitcast<u32>(x) >= 0x80000000u);
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}

fn mish_df(x: f32, y: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x43800000u));
    let e = own_exp(-t);
    let below = e * e + 2.0 * e + 2.0;
    let above = 1.0 + 2.0 * e + 2.0 * e * e;
    let r = own_reciprocal(select(above, below, bitcast<u32>(x) >= 0x80000000u));
    let left = e * ((e + 2.0) * below - 4.0 * t * (1.0 + e));
    let right = (1.0 + 2.0 * e) * above + 4.0 * t * (e * e * (1.0 + e));
    let slope = r * r * select(right, left, bitcast<u32>(x) >= 0x80000000u);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
