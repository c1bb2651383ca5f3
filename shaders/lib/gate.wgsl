// uses: lib/sigmoid.wgsl, lib/bits.wgsl
// x s(w) and its derivative s(w) (1 + x s(-w) w'), s the sigmoid, w of the sign of x, from root = e^(-|w| / 2).
// In the tail x e^w is a normal number where e^w is one no more, so the root is multiplied twice.
// Max ULP: see silu and gelu_tanh, which are made of it.
fn gate(x: f32, root: f32) -> f32 {
    let r = reciprocal_of_one_plus(root * root);
    let t = bitcast<f32>(min(magnitude_bits(x), 0x43800000u)); // 256: there the tail is 0
    let tail = -kept(t * (root * r)) * root;
    let y = select(bitcast<u32>(x * r), bitcast<u32>(tail), bitcast<u32>(x) >= 0x80000000u);
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}

fn gate_slope(x: f32, root: f32, w_slope: f32) -> f32 {
    let e = root * root;
    let r = reciprocal_of_one_plus(e);
    let t = bitcast<f32>(min(magnitude_bits(x), 0x43800000u));
    let right = r * (1.0 + t * (e * r) * w_slope);
    let left = e * r * (1.0 - t * r * w_slope);
    let y = select(bitcast<u32>(right), bitcast<u32>(left), bitcast<u32>(x) >= 0x80000000u);
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}
