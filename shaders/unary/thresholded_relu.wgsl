// uses: lib/order.wgsl, lib/bits.wgsl
// f(x) = min(x, max_value) above threshold, else negative_slope (x - threshold); no maximum if it is the largest f32.
// f'(x) = 1 between threshold and max_value, 0 from max_value on, else negative_slope. Any x, no clamps.
// One difference and one product below, exact above; chosen by integers: f and df pass NaN on.
fn thresholded_relu_is_over(x: f32, max_value: f32) -> bool {
    return ordered(x) >= ordered(max_value) && ordered(max_value) < 0x7f7fffff;
}

fn thresholded_relu_f(x: f32, threshold: f32, negative_slope: f32, max_value: f32) -> f32 {
    let largest = thresholded_relu_is_over(x, max_value);
    let above = select(bitcast<u32>(x), bitcast<u32>(max_value), largest);
    let below = bitcast<u32>(negative_slope * (x - threshold));
    let y = select(below, above, ordered(x) > ordered(threshold));
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}

fn thresholded_relu_df(x: f32, y: f32, threshold: f32, negative_slope: f32, max_value: f32) -> f32 {
    let above = select(1.0, 0.0, thresholded_relu_is_over(x, max_value));
    let slope = select(negative_slope, above, ordered(x) > ordered(threshold));
    return bitcast<f32>(select(bitcast<u32>(slope), bitcast<u32>(x), is_nan(x)));
}
