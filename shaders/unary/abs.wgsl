// uses: lib/bits.wgsl
// f(x) = |x|, f'(x) = 1 above 0, -1 below, 0 at 0; any x, no clamps, exact: by the bits; f and df pass NaN on.
fn abs_f(x: f32) -> f32 {
    return bitcast<f32>(magnitude_bits(x));
}

fn abs_df(x: f32, y: f32) -> f32 {
    let slope = select(0u, 0x3f800000u | (bitcast<u32>(x) & 0x80000000u), magnitude_bits(x) != 0u);
    return bitcast<f32>(select(slope, bitcast<u32>(x), is_nan(x)));
}
