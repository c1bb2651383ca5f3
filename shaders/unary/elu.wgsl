// uses: lib/expm1.wgsl, lib/exp.wgsl, lib/bits.wgsl
// f(x) = x above 0, else alpha (e^x - 1); f'(x) = 1 above 0, else alpha e^x; any x, no clamps; f and df pass NaN on.
// Max ULP: f 1.42, df 1.45 on lavapipe and on SwiftShader (CPU copy: fused 1.6, 1.6, reassociated 1.5, 2.1).
fn elu_f(x: f32, alpha: f32) -> f32 {
    let y = bitcast<u32>(alpha * own_expm1(x));
    return bitcast<f32>(select(y, bitcast<u32>(x), above(x, 0.0) || is_nan(x)));
}

fn elu_df(x: f32, y: f32, alpha: f32) -> f32 {
    let slope = select(bitcast<u32>(alpha * own_exp(x)), 0x3f800000u, above(x, 0.0));
    return bitcast<f32>(select(slope, bitcast<u32>(x), is_nan(x)));
}
