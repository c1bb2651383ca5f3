// uses: lib/pow.wgsl, lib/log.wgsl, lib/bits.wgsl
// f(a, b) = a^b, whose gradients are dy b a^(b-1), 0 for b = 0, and dy a^b ln a, 0 for a = 0 and NaN below; see own_pow.
// Max ULP: f as own_pow; df lavapipe 5.7, SwiftShader 5.7. Overflow and underflow only where the gradient itself does.
fn power_f(a: f32, b: f32) -> f32 {
    return own_pow(a, b);
}

fn power_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    let whole = is_whole(b);
    let negative = bitcast<u32>(a) > 0x80000000u;
    let odd = whole.x && !whole.y && magnitude_bits(b) < 0x7f800000u; // b - 1, of an even b
    var da = power_product(dy, b, power(a, b, exponent_less_one(b), odd));
    var db = power_product(dy, own_log(a), power(a, b, exponent_fixed(b), whole.y));
    if (magnitude_bits(b) == 0u) {
        da = 0.0;
    }
    if (magnitude_bits(a) == 0u) {
        db = 0.0;
    }
    let undefined = negative && bitcast<u32>(a) < 0xff800000u && !whole.x && magnitude_bits(b) < 0x7f800000u;
    let nan = is_nan(dy) || is_nan(a) || is_nan(b);
    let bits = select(vec2<u32>(bitcast<u32>(da), bitcast<u32>(db)), vec2<u32>(0x7fc00000u),
        vec2<bool>(undefined || nan, negative || nan));
    return bitcast<vec2<f32>>(bits);
}
