// uses: lib/tanh.wgsl, lib/bits.wgsl
// f(x) = tanh x, f'(x) = (1 - y) (1 + y) from y = f(x); any x, no clamps; f and df pass NaN on.
// Max ULP: f as own_tanh; df lavapipe 1.5, SwiftShader 1.5 (against (1 - y) (1 + y) of the f32 y).
fn tanh_f(x: f32) -> f32 {
    return own_tanh(x);
}

fn tanh_df(x: f32, y: f32) -> f32 {
    let slope = bitcast<u32>((1.0 - y) * (1.0 + y));
    return bitcast<f32>(select(slope, bitcast<u32>(y), is_nan(y)));
}
