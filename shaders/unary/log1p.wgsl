// uses: lib/log1p.wgsl, lib/reciprocal.wgsl, lib/bits.wgsl
// f(x) = log(1 + x), f'(x) = 1 / (1 + x); -infinity at -1, NaN below; no clamps; f and df pass NaN on.
// Max ULP: f as own_log1p; df lavapipe 1.9, SwiftShader 1.9.
fn log1p_f(x: f32) -> f32 {
    return own_log1p(x);
}

fn log1p_df(x: f32, y: f32) -> f32 {
    let slope = bitcast<u32>(own_reciprocal(1.0 + x));
    return bitcast<f32>(select(slope, bitcast<u32>(x), is_nan(x)));
}
