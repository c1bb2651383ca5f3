// Squared error; no hits.
fn mean_squared_error_loss(p: f32, t: f32) -> f32 {
    return (p - t) * (p - t);
}

fn mean_squared_error_slope_of(p: f32, t: f32) -> f32 {
    return 2.0 * (p - t);
}

fn mean_squared_error_hit(p: f32, y: f32) -> bool {
    return false;
}
