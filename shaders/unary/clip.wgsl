// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = min(max(x, low), high), f'(x) = 1 between low and high, else 0 (0 at both); any x, exact.
// Chosen by integers, as clamp(NaN, -1, 1) may be -1: f and df pass NaN on.
fn clip_f(x: f32, low: f32, high: f32) -> f32 {
    var y = select(bitcast<u32>(x), bitcast<u32>(low), ordered(x) < ordered(low));
    y = select(y, bitcast<u32>(high), ordered(x) > ordered(high));
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}

fn clip_df(x: f32, y: f32, low: f32, high: f32) -> f32 {
    let inside = ordered(y) > ordered(low) && ordered(y) < ordered(high);
    return bitcast<f32>(select(select(0u, 0x3f800000u, inside), bitcast<u32>(y), is_nan(y)));
}
