// uses: lib/bits.wgsl
// loss(p, t) = p, slope 1: a loss that ops before it have computed; exact, NaN passes on.
fn own_loss_loss(p: f32, t: f32) -> f32 {
    return p;
}

fn own_loss_slope_of(p: f32, t: f32) -> f32 {
    return bitcast<f32>(select(0x3f800000u, bitcast<u32>(p), is_nan(p)));
}

fn own_loss_hit(p: f32, y: f32) -> bool {
    return false;
}
