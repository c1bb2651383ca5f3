// uses: lib/bits.wgsl, lib/log.wgsl
// Cross-entropy of probabilities clipped to [1e-7, 1 - 1e-7]; outside the slope is 0; a hit is p > 0.5 where y is 1.
const LOWEST: f32 = 1e-7;
const HIGHEST: f32 = 1.0 - 1e-7;

fn binary_crossentropy_loss(p: f32, t: f32) -> f32 {
    let q = bitcast<f32>(select(bitcast<u32>(clamp(p, LOWEST, HIGHEST)), bitcast<u32>(p), is_nan(p)));
    return -(t * own_log(q) + (1.0 - t) * own_log(1.0 - q));
}

fn binary_crossentropy_slope_of(p: f32, t: f32) -> f32 {
    let q = clamp(p, LOWEST, HIGHEST);
    let slope = select((q - t) / (q * (1.0 - q)), 0.0, p < LOWEST || p > HIGHEST);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(p), is_nan(p)));
}

fn binary_crossentropy_hit(p: f32, y: f32) -> bool {
    return y == select(0.0, 1.0, above(p, 0.5));
}
