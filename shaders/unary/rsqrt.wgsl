// uses: lib/sqrt.wgsl, lib/bits.wgsl
// f(x) = 1 / sqrt x, f'(x) = -y^3 / 2 from y = f(x); infinite at 0, NaN below; any x, no clamps; f and df pass NaN on.
// Max ULP: f as own_rsqrt; df three roundings.
fn rsqrt_f(x: f32) -> f32 {
    return own_rsqrt(x);
}

fn rsqrt_df(x: f32, y: f32) -> f32 {
    let slope = bitcast<u32>(y * y * (-0.5 * y));
    return bitcast<f32>(select(slope, bitcast<u32>(y), is_nan(y)));
}
