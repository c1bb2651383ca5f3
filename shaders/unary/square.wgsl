// uses: lib/bits.wgsl
// f(x) = x^2, f'(x) = 2 x; any x, no clamps: infinite from 2^64 on, 0 or a denormal below 2^-63; f and df pass NaN on.
// One rounding; df is exact.
fn square_f(x: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(x * x), bitcast<u32>(x), is_nan(x)));
}

fn square_df(x: f32, y: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(2.0 * x), bitcast<u32>(x), is_nan(x)));
}
