// uses: lib/bits.wgsl
// Half the squared error up to delta, from there on a line: delta (|p - t| - delta / 2); no hits; NaN passes on.
fn huber_loss(p: f32, t: f32, delta: f32) -> f32 {
    let a = abs(p - t);
    return select(0.5 * a * a, delta * (a - 0.5 * delta), above(a, delta));
}

fn huber_slope_of(p: f32, t: f32, delta: f32) -> f32 {
    let d = p - t;
    return select(d, delta * sign_of(d), above(abs(d), delta));
}

fn huber_hit(p: f32, y: f32, delta: f32) -> bool {
    return false;
}
