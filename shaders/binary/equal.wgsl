// uses: lib/order.wgsl
// f(a, b) = 1 where a = b, else 0; any a and b, exact on both drivers; 0 where either is NaN.
fn equal_f(a: f32, b: f32) -> f32 {
    return select(0.0, 1.0, is_equal(a, b));
}
