// uses: lib/reciprocal.wgsl, lib/bits.wgsl
// f(x) = 1 / x, f'(x) = -y^2 from y = f(x); any x: see own_reciprocal for 0, infinity and error; f and df pass NaN on.
fn reciprocal_f(x: f32) -> f32 {
    return own_reciprocal(x);
}

fn reciprocal_df(x: f32, y: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(-y * y), bitcast<u32>(y), is_nan(y)));
}
