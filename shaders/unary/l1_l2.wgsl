// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = l1 |x| + l2 x^2, f'(x) = l1 sign(x) + 2 l2 x, f'(0) = 0; any x, no clamps: infinite where a part is.
// Sums of two parts of one sign; a factor of 0 leaves out its part; f and df pass NaN on.
fn l1_l2_f(x: f32, l1: f32, l2: f32) -> f32 {
    let magnitude = bitcast<f32>(magnitude_bits(x));
    let linear = select(0.0, l1 * magnitude, l1 != 0.0);
    let quadratic = select(0.0, l2 * magnitude * magnitude, l2 != 0.0);
    return bitcast<f32>(select(bitcast<u32>(linear + quadratic), bitcast<u32>(x), is_nan(x)));
}

fn l1_l2_df(x: f32, y: f32, l1: f32, l2: f32) -> f32 {
    let side = ordered(x);
    let sign = select(select(0.0, 1.0, side > 0), -1.0, side < 0);
    let linear = select(0.0, l1 * sign, l1 != 0.0);
    let quadratic = select(0.0, 2.0 * l2 * x, l2 != 0.0);
    return bitcast<f32>(select(bitcast<u32>(linear + quadratic), bitcast<u32>(x), is_nan(x)));
}
