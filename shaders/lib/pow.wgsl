// uses: lib/divide.wgsl, lib/exp.wgsl, lib/scale.wgsl, lib/bits.wgsl
// a^b for all floats, by C's rules for 0, infinities, negative bases and a^0 = 1, but NaN always passes on.
// Overflow gives infinity; denormals count and come out, what is smaller is 0.
// Max ULP: lavapipe 4.6, SwiftShader 4.6 (largest for a near 1 and huge b; 1.1 for both within 20); only e^x of the last step depends on how the driver rounds.
// |a|^b = 2^(b log2 |a|) with log2 |a| and its product with b in integers of 32 and 64 bits: in floats, b would
// multiply the error of the logarithm. log2 m = 2/ln 2 atanh((m - 1) / (m + 1)), own minimax polynomial.

// high 2^32 + low
struct Wide {
    high: u32,
    low: u32,
}

// mantissa 2^(exponent - 31), from 2^31 on, or 0
struct Fixed {
    mantissa: u32,
    exponent: i32,
    negative: bool,
}

fn wide_product(a: u32, b: u32) -> Wide {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
    return Wide((a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u), a * b);
}

fn high_product(a: u32, b: u32) -> u32 {
    return wide_product(a, b).high;
}

// x 2^(exponent - 63), of which at least one bit of the upper 33 is set, or none at all.
fn normalized(x: Wide, exponent: i32, negative: bool) -> Fixed {
    let shift = countLeadingZeros(x.high);
    let mantissa = (x.high << (shift & 31u)) | ((x.low >> 1u) >> ((31u - shift) & 31u));
    return Fixed(select(mantissa, x.low, shift == 32u), exponent - i32(shift), negative);
}

// (m - 1) / (m + 1) = n / d for a significand m in [sqrt 1/2, sqrt 2], then its logarithm.
fn log2_significand(n: u32, d: u32, negative: bool) -> Fixed {
    let shift = countLeadingZeros(n);
    let guess = u32(reciprocal_guess(f32(d) * 5.9604644775390625e-8) * 2147483648.0);
    let off = wide_product(guess, d << 7u); // 2^62 but for the error of the guess: a Newton step takes that away
    let error = bitcast<i32>((off.high << 16u) | (off.low >> 16u));
    let correction = high_product(guess, u32(abs(error))) >> 14u;
    let s = high_product(n << (shift & 31u), select(guess + correction, guess - correction, error > 0));
    let z = high_product(s, s) >> min(2u * shift - 18u, 31u);
    var p = 0x147957cau + high_product(z, 0x121af102u);
    p = 0x1a61a2dbu + high_product(z, p);
    p = 0x24eed853u + high_product(z, p);
    p = 0x3d8e13b9u + high_product(z, p);
    p = 0xb8aa3b29u + high_product(z, p);
    return normalized(wide_product(s, p), 10 - i32(shift), negative);
}

// log2 |a|, a finite and not 0, within 2^-30 of itself.
fn log2_fixed(a: f32) -> Fixed {
    let x = split_float(a);
    let m = (bitcast<u32>(x.m) & 0x7fffffu) | 0x800000u;
    let upper = m > 0xb504f3u;
    let whole = select(0x800000u, 0x1000000u, upper);
    let k = x.e + i32(upper);
    let part = log2_significand(select(m - whole, whole - m, upper), m + whole, upper);
    if (k == 0) {
        return part;
    }
    // At most 1/2 of either sign is added to k.
    let fraction = part.mantissa >> u32(clamp(-1 - part.exponent, 0, 31));
    let magnitude = u32(abs(k));
    let less = part.negative != (k < 0) && fraction != 0u;
    let sum = Wide(magnitude - u32(less), select(fraction, 0u - fraction, less));
    return normalized(sum, 31, k < 0);
}

fn exponent_fixed(b: f32) -> Fixed {
    let x = split_float(b);
    return Fixed(select(bitcast<u32>(x.m) << 8u, 0u, magnitude_bits(b) == 0u), x.e, bitcast<i32>(b) < 0);
}

// b - 1, rounded to 32 bits.
fn exponent_less_one(b: f32) -> Fixed {
    let x = exponent_fixed(b);
    let scale = max(x.exponent, 0);
    // Both in units of 2^(scale - 30), so that a sum fits.
    let one = (0x80000000u >> 1u) >> u32(min(scale, 31));
    let own = (x.mantissa >> 1u) >> u32(min(scale - x.exponent, 31));
    let apart = select(select(one - own, own - one, own > one), one + own, x.negative);
    return normalized(Wide(apart, 0u), scale + 1, x.negative || own < one);
}

// y 2^n, with the sign of the result; special: y is the result's magnitude but for the sign.
struct Power {
    y: f32,
    n: i32,
    sign: u32,
    special: bool,
}

// Whether b is a whole number, and an odd one; floats from 2^24 on are even.
fn is_whole(b: f32) -> vec2<bool> {
    let e = split_float(b).e;
    let m = (magnitude_bits(b) & 0x7fffffu) | 0x800000u;
    let point = u32(clamp(23 - e, 0, 31)); // bits behind the point
    let whole = e >= 0 && (m & ((1u << point) - 1u)) == 0u;
    return vec2<bool>(whole || magnitude_bits(b) == 0u, whole && e < 24 && ((m >> point) & 1u) == 1u);
}

// |a|^x with the sign of a^x; x is b, or b - 1.
fn power(a: f32, b: f32, x: Fixed, odd: bool) -> Power {
    let base = magnitude_bits(a);
    let sign = select(0u, 0x80000000u, bitcast<i32>(a) < 0 && odd);
    if (base == 0u || base == 0x7f800000u || magnitude_bits(b) == 0x7f800000u) {
        let large = select(base == 0x7f800000u, base > 0x3f800000u, magnitude_bits(b) == 0x7f800000u);
        let one = (x.mantissa == 0u) || base == 0x3f800000u;
        let y = select(0u, 0x7f800000u, large != x.negative);
        return Power(bitcast<f32>(select(y, 0x3f800000u, one)), 0, sign, true);
    }
    let log2 = log2_fixed(a);
    let product = wide_product(log2.mantissa, x.mantissa);
    let exponent = log2.exponent + x.exponent;
    let shift = u32(clamp(30 - exponent, 23, 63));
    let small = shift > 31u;
    let whole = select(product.high >> (shift & 31u), 0u, small);
    let joined = (product.high << ((32u - shift) & 31u)) | (product.low >> (shift & 31u));
    let fraction = select(joined, product.high >> (shift & 31u), small);
    var n = i32(select(whole + (fraction >> 31u), 1024u, exponent > 7 && product.high > 0u));
    var r = f32(bitcast<i32>(fraction)) * 1.61385904e-10; // ln 2 / 2^32
    if (log2.negative != x.negative) {
        n = -n;
        r = -r;
    }
    return Power(own_exp(r), n, sign, false);
}

fn own_pow(a: f32, b: f32) -> f32 {
    let whole = is_whole(b);
    let p = power(a, b, exponent_fixed(b), whole.y);
    var out = p.sign | select(scale_bits(bitcast<u32>(p.y), p.n), bitcast<u32>(p.y), p.special);
    let finite_base = bitcast<u32>(a) > 0x80000000u && bitcast<u32>(a) < 0xff800000u;
    let undefined = finite_base && !whole.x && magnitude_bits(b) < 0x7f800000u;
    return bitcast<f32>(select(out, 0x7fc00000u, undefined || is_nan(a) || is_nan(b)));
}

// v w |a|^x with the sign of a^x, where no part of it overflows or vanishes before the whole does.
fn power_product(v: f32, w: f32, p: Power) -> f32 {
    let x = split_float(v);
    let y = split_float(w);
    let product = scale_bits(bitcast<u32>(x.m * y.m * p.y), x.e + y.e + p.n);
    let sign = bitcast<u32>(v) ^ bitcast<u32>(w);
    let plain = p.special || magnitude_bits(v) - 1u >= 0x7f7fffffu || magnitude_bits(w) - 1u >= 0x7f7fffffu;
    let out = select((sign & 0x80000000u) | product, bitcast<u32>((w * p.y) * v), plain);
    return bitcast<f32>(out ^ p.sign);
}
