// uses: lib/log.wgsl, lib/reciprocal.wgsl
// f(x) = log x, f'(x) = 1 / x; -infinity at 0, NaN below, where f' is 1 / x all the same; f and df pass NaN on.
// Max ULP: f as own_log, df as own_reciprocal.
fn log_f(x: f32) -> f32 {
    return own_log(x);
}

fn log_df(x: f32, y: f32) -> f32 {
    return own_reciprocal(x);
}
