// f(x) = x, f'(x) = 1; any x, no clamps, exact: bits pass through, NaN too (df is 1 there).
fn linear_f(x: f32) -> f32 {
    return x;
}

fn linear_df(x: f32, y: f32) -> f32 {
    return 1.0;
}
