// uses: lib/order.wgsl, lib/bits.wgsl
// f(a, b) is the smaller one, whose gradient goes to the smaller one, half to each where they are equal; any a and b.
// Chosen by integers, exact on both drivers: a NaN in either is the result, and the gradient of both; -0 is below 0.
fn minimum_f(a: f32, b: f32) -> f32 {
    let bits = select(bitcast<u32>(b), bitcast<u32>(a), key_nan_first(a) < key_nan_first(b));
    return bitcast<f32>(bits);
}

fn minimum_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    var to_a = select(0.0, 1.0, is_less(a, b));
    if (is_equal(a, b)) {
        to_a = 0.5;
    }
    var gradients = vec2<f32>(dy * to_a, dy * (1.0 - to_a));
    if (is_nan(a) || is_nan(b)) {
        gradients = vec2<f32>(minimum_f(a, b));
    }
    return gradients;
}
