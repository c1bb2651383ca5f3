// uses: lib/bits.wgsl
// No loss; a hit is p > threshold, which is not negative, where y is 1.
fn binary_accuracy_loss(p: f32, t: f32, threshold: f32) -> f32 {
    return 0.0;
}

fn binary_accuracy_slope_of(p: f32, t: f32, threshold: f32) -> f32 {
    return 0.0;
}

fn binary_accuracy_hit(p: f32, y: f32, threshold: f32) -> bool {
    return y == select(0.0, 1.0, above(p, threshold));
}
