// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = (x + 3) / 6 held to 0 and 1, f'(x) = 1/6 between -3 and 3, else 0 (0 at both); any x.
// Two roundings; chosen by integers: f and df pass NaN on.
fn hard_sigmoid_f(x: f32) -> f32 {
    let y = min(bitcast<u32>((x + 3.0) * 0.166666672), 0x3f800000u);
    let held = select(select(y, 0u, ordered(x) <= ordered(-3.0)), 0x3f800000u, above(x, 3.0));
    return bitcast<f32>(select(held, bitcast<u32>(x), is_nan(x)));
}

fn hard_sigmoid_df(x: f32, y: f32) -> f32 {
    let slope = select(0.0, 0.166666672, magnitude_bits(x) < 0x40400000u);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
