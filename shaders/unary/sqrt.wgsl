// uses: lib/sqrt.wgsl, lib/reciprocal.wgsl
// f(x) = sqrt x, f'(x) = 1 / (2 y) from y = f(x), infinite at 0; NaN below 0; any x, no clamps; f and df pass NaN on.
// Max ULP: f as own_sqrt, df as own_reciprocal.
fn sqrt_f(x: f32) -> f32 {
    return own_sqrt(x);
}

fn sqrt_df(x: f32, y: f32) -> f32 {
    return 0.5 * own_reciprocal(y);
}
