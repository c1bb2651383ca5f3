// uses: lib/gate.wgsl, lib/exp.wgsl, lib/bits.wgsl
// f(x) = x (1 + tanh(w / 2)) / 2 = x s(w), w = 2 sqrt(2 / pi) (x + 0.044715 x^3), s the sigmoid;
// f'(x) = s(w) (1 + x s(-w) w').
// Any x: 0 far below -10, -infinity included; NaN passes on.
// Max ULP: f 3.23, df 2.01 on lavapipe and on SwiftShader (CPU copy of f: fused 3.7, reassociated 5.7); df is off
// 6e-8 besides near -0.75, where it passes through 0.
// w is taken in two parts, x (P1 + P2), P1 of 12 bits: its rounding alone would be off by |w| ULP.
fn gelu_tanh_root(x: f32) -> f32 { // e^(-|w| / 2)
    let t = bitcast<f32>(min(magnitude_bits(x), 0x41400000u)); // 12
    let high = bitcast<f32>(bitcast<u32>(t) & 0xfffff000u);
    let square = high * high;
    let square_high = bitcast<f32>(bitcast<u32>(square) & 0xfffff000u);
    let square_low = kept(square - square_high) + (t - high) * (t + high);
    // sqrt(2 / pi) = 0.796875 + 0.00100956080, 0.044715 sqrt(2 / pi) = 0.0356750488 + 2.3593e-6
    let p_high = bitcast<f32>(bitcast<u32>(0.797884561 + 0.0356774081 * square) & 0xfffff000u);
    let p_low = kept(0.0356750488 * square_high - kept(p_high - 0.796875))
        + (0.0010095608 + (0.0356774081 * square_low + 2.35930820e-6 * square_high));
    return exp_of_power(power_of_sum(-high * p_high, -((t - high) * p_high + t * p_low)));
}

fn gelu_tanh_f(x: f32) -> f32 {
    return gate(x, gelu_tanh_root(x));
}

fn gelu_tanh_df(x: f32, y: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x41400000u));
    return gate_slope(x, gelu_tanh_root(x), 1.59576912 + 0.214064449 * t * t);
}
