// uses: lib/bits.wgsl
// log x = k ln 2 + log(1 + f), x = 2^k (1 + f), 1 + f in [sqrt 1/2, sqrt 2]; k and f from the bits, no clamps.
// log(+-0) = -infinity, below 0 NaN, +infinity and NaN pass on; a denormal counts wherever its bits arrive.
// Max ULP, near 1 too as f is exact: lavapipe 0.83, SwiftShader 0.83 (CPU copy: fused 0.82, reassociated 1.9).
// Own minimax polynomial for (log(1 + f) - f + f^2 / 2) / f^3, ln 2 in two constants, small terms first.
fn log_sum(f: f32, k: i32) -> f32 { // k ln 2 + log(1 + f), f in [-0.2930, 0.4143]
    let z = f * f;
    var p = 6.75209984e-2;
    p = p * f - 1.1684981e-1;
    p = p * f + 1.18908353e-1;
    p = p * f - 1.24043413e-1;
    p = p * f + 1.42190546e-1;
    p = p * f - 1.66680425e-1;
    p = p * f + 2.00021431e-1;
    p = p * f - 2.50000089e-1;
    p = p * f + 3.33333135e-1;
    let n = f32(k);
    return (f + ((p * f * z - n * 2.12194440e-4) - 0.5 * z)) + n * 0.693359375;
}

// The rules for special arguments: log of `bits` is `result` if they are a positive finite number.
fn log_special(bits: u32, result: f32) -> f32 {
    let magnitude = bits & 0x7fffffffu;
    var out = select(bitcast<u32>(result), bits, magnitude >= 0x7f800000u);
    out = select(out, 0x7fc00000u, bits - 0x80000001u < 0x7f800000u); // below 0
    return bitcast<f32>(select(out, 0xff800000u, magnitude == 0u));
}

fn own_log(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let denormal = magnitude_bits(x) < 0x800000u;
    let shifted = select(bits, bitcast<u32>(f32(bits)), denormal) + 0x4afb0du; // 1.0 - sqrt 1/2 in bits
    let k = i32(shifted >> 23u) - select(127, 276, denormal); // 276 = 127 + 149
    let m = bitcast<f32>((shifted & 0x7fffffu) + 0x3f3504f3u);
    return log_special(bits, log_sum(m - 1.0, k));
}
