// uses: lib/reciprocal.wgsl, lib/bits.wgsl
// f(x) = x / (1 + |x|), f'(x) = 1 / (1 + |x|)^2; any x: +-1 at +-infinity; f and df pass NaN on.
// Max ULP: f 2.78, df 3.88 on lavapipe and on SwiftShader (CPU copy: fused 2.0, 3.5, reassociated 3.3, 5.8).
fn softsign_f(x: f32) -> f32 {
    let t = bitcast<f32>(min(magnitude_bits(x), 0x4c800000u)); // 2^26: from there on f is +-1
    let y = bitcast<u32>(t * own_reciprocal(1.0 + t)) | (bitcast<u32>(x) & 0x80000000u);
    return bitcast<f32>(select(y, bitcast<u32>(x), is_nan(x)));
}

fn softsign_df(x: f32, y: f32) -> f32 {
    let r = own_reciprocal(1.0 + bitcast<f32>(magnitude_bits(x)));
    return bitcast<f32>(select(bitcast<u32>(r * r), bitcast<u32>(x), is_nan(x)));
}
