// uses: lib/bits.wgsl
// The order of floats by integers: any input, no clamps, exact on both drivers, denormals as they arrive.
// A comparison of floats may be made as if no NaN occurred, with denormals as 0; these use integers alone.
const KEY_OF_INFINITY: u32 = 0xff800000u;
const KEY_OF_LOWEST: u32 = 0x00800000u; // of the lowest finite f32

// A number's place among all: larger for a larger one, -0 below 0. NaN is beyond one of the ends, by its sign.
fn raw_key(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// The number of a key.
fn key_number(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

// The same with NaN above all numbers, and with NaN below all.
fn key_nan_last(x: f32) -> u32 {
    return select(raw_key(x), 0xffffffffu, is_nan(x));
}

fn key_nan_first(x: f32) -> u32 {
    return select(raw_key(x), 0u, is_nan(x));
}

// -0 as 0.
fn one_zero(x: f32) -> f32 {
    return bitcast<f32>(select(bitcast<u32>(x), 0u, magnitude_bits(x) == 0u));
}

// The place of what argmax compares: -0 and 0 have one, NaN is above all numbers.
fn order_key(x: f32) -> u32 {
    return key_nan_last(one_zero(x));
}

// A whole number that orders as x does, denormals included; the same for 0 and -0.
fn ordered(x: f32) -> i32 {
    let magnitude = i32(magnitude_bits(x));
    return select(magnitude, -magnitude, bitcast<u32>(x) >= 0x80000000u);
}

// a < b; false for NaN.
fn is_less(a: f32, b: f32) -> bool {
    return !is_nan(a) && !is_nan(b) && ordered(a) < ordered(b);
}

// a = b; false for NaN.
fn is_equal(a: f32, b: f32) -> bool {
    return !is_nan(a) && ordered(a) == ordered(b);
}
