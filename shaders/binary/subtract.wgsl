// f(a, b) = a - b, whose gradients are dy and -dy; any a and b, no clamps, one rounding; NaN passes on.
fn subtract_f(a: f32, b: f32) -> f32 {
    return a - b;
}

fn subtract_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    return vec2<f32>(dy, -dy);
}
