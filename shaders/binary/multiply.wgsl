// f(a, b) = a b, whose gradients are dy b and dy a; any a and b, no clamps, one rounding; NaN passes on.
fn multiply_f(a: f32, b: f32) -> f32 {
    return a * b;
}

fn multiply_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    return vec2<f32>(dy * b, dy * a);
}
