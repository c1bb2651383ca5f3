// uses: lib/exp.wgsl
// f(x) = e^x, f'(x) = y, y = f(x); any x: see own_exp for its clamps and its error; f and df pass NaN on.
fn exp_f(x: f32) -> f32 {
    return own_exp(x);
}

fn exp_df(x: f32, y: f32) -> f32 {
    return y;
}
