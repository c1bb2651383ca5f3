// uses: lib/divide.wgsl
// f(a, b) = a / b, whose gradients are dy / b and -(dy / b) (a / b); any a and b, no clamps; NaN passes on.
// Max ULP: f 0.5 as own_divide; df lavapipe 1.93, SwiftShader 1.93, unless a / b overflows.
fn divide_f(a: f32, b: f32) -> f32 {
    return own_divide(a, b);
}

fn divide_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    let slope = own_divide(dy, b);
    return vec2<f32>(slope, -slope * own_divide(a, b));
}
