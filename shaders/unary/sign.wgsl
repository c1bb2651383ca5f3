// uses: lib/bits.wgsl
// f(x) = 1 above 0, -1 below, 0 at 0 and -0; f'(x) = 0; any x, no clamps, exact: by the bits; NaN passes on.
// df hangs on y, as SwiftShader takes a product with a constant 0 for 0, of NaN too.
fn sign_f(x: f32) -> f32 {
    let sign = select(0u, 0x3f800000u | (bitcast<u32>(x) & 0x80000000u), magnitude_bits(x) != 0u);
    return bitcast<f32>(select(sign, bitcast<u32>(x), is_nan(x)));
}

fn sign_df(x: f32, y: f32) -> f32 {
    return bitcast<f32>(select(0u, bitcast<u32>(y), is_nan(y)));
}
