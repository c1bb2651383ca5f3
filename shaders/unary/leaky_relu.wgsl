// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = x from 0 on, else negative_slope x; f'(x) = 1 from 0 on, else negative_slope; any x, no clamps.
// One product, exact above 0; chosen by integers: f and df pass NaN on.
fn leaky_relu_f(x: f32, negative_slope: f32) -> f32 {
    let below = ordered(x) < 0 && !is_nan(x);
    return bitcast<f32>(select(bitcast<u32>(x), bitcast<u32>(negative_slope * x), below));
}

fn leaky_relu_df(x: f32, y: f32, negative_slope: f32) -> f32 {
    let slope = select(1.0, negative_slope, ordered(x) < 0);
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
