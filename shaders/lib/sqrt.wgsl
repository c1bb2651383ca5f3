// uses: lib/bits.wgsl
// sqrt x = 2^k m r and 1 / sqrt x = 2^-k r, x = 4^k m, 1 <= m < 4, r = 1 / sqrt m by bits and Newton; no division.
// sqrt +-0 = +-0, rsqrt +-0 = +-infinity; below 0 NaN; of +infinity +infinity and 0; NaN passes on; denormals count.
// Max ULP: sqrt 0.75, rsqrt 1.16 on lavapipe and on SwiftShader (CPU copy: fused 0.5, 1.0, reassociated 0.75, 1.1).
struct Root {
    k: i32,
    m: f32,
    r: f32,
}

fn root(x: f32) -> Root {
    let magnitude = magnitude_bits(x);
    let small = magnitude < 0x800000u;
    let bits = select(magnitude, bitcast<u32>(f32(magnitude)), small);
    let exponent = i32(bits >> 23u) - select(127, 276, small); // 276 = 127 + 149
    let odd = bitcast<u32>(exponent) & 1u;
    let mantissa = (bits & 0x7fffffu) | ((127u + odd) << 23u);
    let m = bitcast<f32>(mantissa);
    var r = bitcast<f32>(0x5f3759dfu - (mantissa >> 1u));
    r = r + r * (0.5 - 0.5 * m * r * r);
    r = r + r * (0.5 - 0.5 * m * r * r);
    r = r + r * (0.5 - 0.5 * m * r * r);
    return Root((exponent - i32(odd)) / 2, m, r);
}

// The rules for special arguments: `result` if x is a positive finite number, NaN below 0.
fn root_special(x: f32, result: u32, of_zero: u32, of_infinity: u32) -> f32 {
    let bits = bitcast<u32>(x);
    var out = select(result, of_infinity, bits == 0x7f800000u);
    out = select(out, 0x7fc00000u, bits >= 0x80000000u);
    out = select(out, of_zero | bits, magnitude_bits(x) == 0u);
    return bitcast<f32>(select(out, bits, is_nan(x)));
}

fn own_sqrt(x: f32) -> f32 {
    let parts = root(x);
    let y = parts.m * parts.r;
    let near = y + 0.5 * parts.r * (parts.m - y * y);
    return root_special(x, bitcast<u32>(near) + (bitcast<u32>(parts.k) << 23u), 0u, 0x7f800000u);
}

fn own_rsqrt(x: f32) -> f32 {
    let parts = root(x);
    return root_special(x, bitcast<u32>(parts.r) - (bitcast<u32>(parts.k) << 23u), 0x7f800000u, 0u);
}
