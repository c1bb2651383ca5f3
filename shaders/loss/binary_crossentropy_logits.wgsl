// uses: lib/bits.wgsl, lib/exp.wgsl, lib/log1p.wgsl, lib/sigmoid.wgsl
// Cross-entropy of a sigmoid, from its logits: max(p, 0) - p t + log(1 + exp(-|p|)); a hit is p > 0 where y is 1.
fn binary_crossentropy_logits_loss(p: f32, t: f32) -> f32 {
    return positive_part(p) - p * t + own_log1p(own_exp(-abs(p)));
}

fn binary_crossentropy_logits_slope_of(p: f32, t: f32) -> f32 {
    return own_sigmoid(p) - t;
}

fn binary_crossentropy_logits_hit(p: f32, y: f32) -> bool {
    return y == select(0.0, 1.0, above(p, 0.0));
}
