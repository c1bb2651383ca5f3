// uses: lib/erf.wgsl, lib/normal.wgsl, lib/bits.wgsl
// f(x) = erf x, f'(x) = 2 / sqrt pi e^(-x^2); any x, no clamps; f and df pass NaN on.
// Max ULP: f as own_erf; df lavapipe 2.2, SwiftShader 2.2.
fn erf_f(x: f32) -> f32 {
    return own_erf(x);
}

fn erf_df(x: f32, y: f32) -> f32 {
    let slope = 1.12837922 * bell(bitcast<f32>(min(magnitude_bits(x), 0x41200000u)), 1.0);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
