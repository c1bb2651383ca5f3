// uses: lib/bits.wgsl
// f(x) = x above 0, else 0; f'(x) = 1 above 0, else 0 (0 at 0); any x, no clamps, exact on both drivers.
// Chosen by integers, as max(NaN, 0) may be 0: f and df pass NaN on; -0 gives 0.
fn relu_f(x: f32) -> f32 {
    return positive_part(x);
}

fn relu_df(x: f32, y: f32) -> f32 {
    let bits = bitcast<u32>(y);
    let slope = select(0u, 0x3f800000u, bits != 0u && bits < 0x80000000u);
    return bitcast<f32>(select(slope, bits, is_nan(y)));
}
