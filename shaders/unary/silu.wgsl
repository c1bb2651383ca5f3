// uses: lib/gate.wgsl, lib/exp.wgsl, lib/bits.wgsl
// f(x) = x s(x), s the sigmoid, f'(x) = s(x) (1 + x s(-x)); any x: 0 far below, -infinity included; NaN passes on.
// Max ULP: f 3.36, df 2.13 on lavapipe and on SwiftShader (CPU copy of f: fused 3.8, reassociated 5.5); df is off
// 4e-8 besides near -1.28, where it passes through 0.
fn silu_root(x: f32) -> f32 { // e^(-|x| / 2)
    return own_exp(-0.5 * bitcast<f32>(magnitude_bits(x)));
}

fn silu_f(x: f32) -> f32 {
    return gate(x, silu_root(x));
}

fn silu_df(x: f32, y: f32) -> f32 {
    return gate_slope(x, silu_root(x), 1.0);
}
