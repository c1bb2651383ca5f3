// uses: lib/sigmoid.wgsl, lib/bits.wgsl
// f(x) = 1 / (1 + e^-x), f'(x) = y (1 - y) from y = f(x); any x, no clamps; f and df pass NaN on.
// Max ULP: f as own_sigmoid; df lavapipe 1.5, SwiftShader 1.5 (against y (1 - y) of the f32 y).
fn sigmoid_f(x: f32) -> f32 {
    return own_sigmoid(x);
}

fn sigmoid_df(x: f32, y: f32) -> f32 {
    let slope = bitcast<u32>(y * (1.0 - y));
    return bitcast<f32>(select(slope, bitcast<u32>(y), is_nan(y)));
}
