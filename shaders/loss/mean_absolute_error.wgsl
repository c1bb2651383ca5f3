// uses: lib/bits.wgsl
// Absolute error; its slope is the sign of p - t, 0 at 0, and passes NaN on; no hits.
fn mean_absolute_error_loss(p: f32, t: f32) -> f32 {
    return abs(p - t);
}

fn mean_absolute_error_slope_of(p: f32, t: f32) -> f32 {
    return sign_of(p - t);
}

fn mean_absolute_error_hit(p: f32, y: f32) -> bool {
    return false;
}
