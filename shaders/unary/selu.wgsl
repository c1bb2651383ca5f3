// uses: lib/expm1.wgsl, lib/exp.wgsl, lib/bits.wgsl
// f(x) = s x above 0, else s a (e^x - 1); f'(x) = s above 0, else s a e^x; s = 1.05070099, s a = 1.75809934.
// Any x, no clamps; f and df pass NaN on.
// Max ULP: f 1.57, df 1.55 on lavapipe and on SwiftShader (CPU copy: fused 1.7, 1.8, reassociated 1.7, 2.4).
fn selu_f(x: f32) -> f32 {
    let y = select(1.75809934 * own_expm1(x), 1.05070099 * x, above(x, 0.0));
    return bitcast<f32>(select(bitcast<u32>(y), bitcast<u32>(x), is_nan(x)));
}

fn selu_df(x: f32, y: f32) -> f32 {
    let slope = select(1.75809934 * own_exp(x), 1.05070099, above(x, 0.0));
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
