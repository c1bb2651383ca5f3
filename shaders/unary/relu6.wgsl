// uses: lib/bits.wgsl
// f(x) = min(max(x, 0), 6), f'(x) = 1 between 0 and 6, else 0 (0 at both); any x, exact on both drivers.
// Chosen by integers, as max(NaN, 0) may be 0: f and df pass NaN on; -0 gives 0.
fn relu6_f(x: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(positive_part(x)), 0x40c00000u, above(x, 6.0)));
}

fn relu6_df(x: f32, y: f32) -> f32 {
    let bits = bitcast<u32>(y);
    let slope = select(0u, 0x3f800000u, bits != 0u && bits < 0x40c00000u);
    return bitcast<f32>(select(slope, bits, is_nan(y)));
}
