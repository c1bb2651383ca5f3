// uses: lib/expm1.wgsl, lib/exp.wgsl
// f(x) = e^x - 1, f'(x) = e^x; any x: see own_expm1 and own_exp for clamps and errors; f and df pass NaN on.
fn expm1_f(x: f32) -> f32 {
    return own_expm1(x);
}

fn expm1_df(x: f32, y: f32) -> f32 {
    return own_exp(x);
}
