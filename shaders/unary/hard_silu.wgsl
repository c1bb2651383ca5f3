// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = x (x + 3) / 6 between -3 and 3, 0 below, x above; f'(x) = (x + 1.5) / 3, 0 below (0 at -3), 1 above (1 at 3).
// Any x; three roundings; chosen by integers: f and df pass NaN on.
fn hard_silu_f(x: f32) -> f32 {
    let y = select(bitcast<u32>(x * ((x + 3.0) * 0.166666672)), 0u, ordered(x) <= ordered(-3.0));
    return bitcast<f32>(select(y, bitcast<u32>(x), ordered(x) >= ordered(3.0) || is_nan(x)));
}

fn hard_silu_df(x: f32, y: f32) -> f32 {
    let inside = select((x + 1.5) * 0.333333343, 0.0, ordered(x) <= ordered(-3.0));
    let slope = select(inside, 1.0, ordered(x) >= ordered(3.0));
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
