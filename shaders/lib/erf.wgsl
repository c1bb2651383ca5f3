// uses: lib/normal.wgsl, lib/bits.wgsl
// erf x = x + x P(x^2) below 1, own minimax polynomial; from there on 1 - 2 Phi(-sqrt 2 |x|), with the tail of normal.
// Any x, never over 1 in magnitude; NaN passes on.
// Max ULP, near 0 too: lavapipe 1.07, SwiftShader 1.07 (CPU copy: all fused 1.2, sums reassociated 2.4).
fn own_erf(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let t = bitcast<f32>(min(magnitude_bits(x), 0x41200000u)); // 10
    let z = t * t;
    var p = 7.80690316e-5;
    p = p * z - 7.9978531e-4;
    p = p * z + 5.1871622e-3;
    p = p * z - 2.68533472e-2;
    p = p * z + 1.12835787e-1;
    p = p * z - 3.7612626e-1;
    p = p * z + 1.28379166e-1;
    let near = t + t * p;
    let far = 1.0 - 2.0 * (bell(t, 1.0) * tail_ratio(1.41421354 * t));
    let y = select(bitcast<u32>(far), bitcast<u32>(near), magnitude_bits(x) < 0x3f800000u);
    return bitcast<f32>(select(y | (bits & 0x80000000u), bits, is_nan(x)));
}
