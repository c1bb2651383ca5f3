// uses: lib/order.wgsl, lib/bits.wgsl
// f(a, b) is the larger one, whose gradient goes to the larger one, half to each where they are equal; any a and b.
// Chosen by integers, exact on both drivers: a NaN in either is the result, and the gradient of both; 0 is above -0.
fn maximum_f(a: f32, b: f32) -> f32 {
    let bits = select(bitcast<u32>(b), bitcast<u32>(a), key_nan_last(a) > key_nan_last(b));
    return bitcast<f32>(bits);
}

fn maximum_df(dy: f32, a: f32, b: f32) -> vec2<f32> {
    var to_a = select(0.0, 1.0, is_less(b, a));
    if (is_equal(a, b)) {
        to_a = 0.5;
    }
    var gradients = vec2<f32>(dy * to_a, dy * (1.0 - to_a));
    if (is_nan(a) || is_nan(b)) {
        gradients = vec2<f32>(maximum_f(a, b));
    }
    return gradients;
}
