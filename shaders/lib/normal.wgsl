// uses: lib/exp.wgsl, lib/reciprocal.wgsl, lib/bits.wgsl
// The normal distribution's tail Phi(-t) = bell(t, 1/2) * tail_ratio(t), 0 <= t <= 15: accurate however small it is.
// bell: the square is taken in two parts, as its rounding alone would be off by t^2 / 4 ULP.
// Max ULP: see erf and gelu, which are made of it.
// tail_ratio: q P(q), q = 1 / (1 + t / 4), own minimax polynomial; center_ratio: one in x^2.
fn bell(t: f32, scale: f32) -> f32 { // e^(-scale t^2), scale 1 or 1/2
    let high = bitcast<f32>(bitcast<u32>(t) & 0xfffff000u); // 12 bits, so its square is exact
    return exp_of_power(power_of_sum(-scale * (high * high), -scale * ((t - high) * (t + high))));
}

fn tail_ratio(t: f32) -> f32 {
    let d = own_reciprocal(1.0 + 0.25 * t);
    let q = d + d * (kept(1.0 - d) - 0.25 * t * d); // the rounding of 1 + t / 4 would count three times
    var p = 1.7177131e-2;
    p = p * q - 6.61189035e-2;
    p = p * q + 5.9692394e-2;
    p = p * q + 1.73857138e-2;
    p = p * q + 2.22122539e-2;
    p = p * q + 8.13679248e-2;
    p = p * q + 7.3902525e-2;
    p = p * q + 9.50896367e-2;
    p = p * q + 9.95463431e-2;
    p = p * q + 9.97449905e-2;
    return q * p;
}

fn center_ratio(x: f32) -> f32 { // (Phi(x) - 1/2) / x, |x| < 0.75
    let z = x * x;
    var p = 9.83313075e-5;
    p = p * z - 1.17542245e-3;
    p = p * z + 9.96985286e-3;
    p = p * z - 6.64898977e-2;
    return p * z + 3.98942262e-1;
}
