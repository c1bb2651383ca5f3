// f(x) = -x, f'(x) = -1; any x, no clamps, exact: the sign bit alone, NaN too (df is -1 there).
fn neg_f(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ 0x80000000u);
}

fn neg_df(x: f32, y: f32) -> f32 {
    return -1.0;
}
