// uses: lib/exp.wgsl, lib/sigmoid.wgsl, lib/bits.wgsl
// tanh x = 1 - 2 e / (1 + e), e = e^-2|x|, from 0.5625 on; below it x + x^3 P(x^2), own minimax polynomial.
// Any x, never over 1 in magnitude; |x| < 2^-13 gives x; NaN passes on.
// Max ULP: lavapipe 1.33, SwiftShader 1.33 (CPU copy: all fused 1.4, sums reassociated 1.8).
fn own_tanh(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let t = bitcast<f32>(magnitude_bits(x));
    let z = t * t;
    var p = -6.16467185e-3;
    p = p * z + 2.09973827e-2;
    p = p * z - 5.38352057e-2;
    p = p * z + 1.3332434e-1;
    p = p * z - 3.33333135e-1;
    let near = t + t * (z * p);
    let e = own_exp(-2.0 * t);
    let far = 1.0 - 2.0 * (e * reciprocal_of_one_plus(e));
    let y = select(bitcast<u32>(far), bitcast<u32>(near), magnitude_bits(x) < 0x3f100000u);
    return bitcast<f32>(select(y | (bits & 0x80000000u), bits, is_nan(x)));
}
