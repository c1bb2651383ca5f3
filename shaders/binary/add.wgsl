// f(a, b) = a + b; any a and b, no clamps, one rounding; NaN passes on.
fn add_f(a: f32, b: f32) -> f32 {
    return a + b;
}
