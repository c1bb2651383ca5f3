// uses: lib/bits.wgsl
// Maxima by integers: a larger number has a larger key, +-0 have one key, NaN has the largest of all. Exact; a maximum
// of floats may drop NaN, and a driver may assume that floats are finite.
const KEY_OF_INFINITY: u32 = 0xff800000u;
const KEY_OF_LOWEST: u32 = 0x00800000u; // of the lowest finite f32

fn order_key(x: f32) -> u32 {
    let bits = select(bitcast<u32>(x), 0u, magnitude_bits(x) == 0u);
    let key = bits ^ select(0x80000000u, 0xffffffffu, bits >= 0x80000000u);
    return select(key, 0xffffffffu, is_nan(x));
}

// The number of a key.
fn of_key(key: u32) -> f32 {
    return bitcast<f32>(key ^ select(0xffffffffu, 0x80000000u, key >= 0x80000000u));
}

// x - top for x up to top. The sign bit is set in integers, so that what is added to it later is not added to top
// first: WGSL allows that, and drivers do it.
fn below_top(x: f32, top: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x - top) | 0x80000000u);
}

// The value, or NaN.
fn nan_if(broken: bool, value: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(value), 0x7fc00000u, broken));
}
