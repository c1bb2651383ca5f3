// uses: lib/bits.wgsl
// Numbers taken apart and put together by their bits; exact but for the rounding of a denormal result.
struct SplitFloat {
    m: f32, // from 1 on, below 2
    e: i32,
}

// |x| = m 2^e for a finite x that is not 0; a denormal counts wherever its bits arrive.
fn split_float(x: f32) -> SplitFloat {
    let magnitude = magnitude_bits(x);
    let denormal = magnitude < 0x800000u;
    let bits = select(magnitude, bitcast<u32>(f32(magnitude)), denormal);
    let e = i32(bits >> 23u) - select(127, 276, denormal); // 276 = 127 + 149
    return SplitFloat(bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u), e);
}

// The bits of y 2^n for those of a positive y near 1, |n| < 2^20: infinity where that is too large; a denormal is
// rounded in integers, and 0 where it is too small.
fn scale_bits(y: u32, n: i32) -> u32 {
    let exponent = i32(y >> 23u) + n;
    let shift = u32(clamp(1 - exponent, 1, 25));
    let denormal = (((y & 0x7fffffu) | 0x800000u) + (1u << (shift - 1u))) >> shift;
    let out = select(y + (bitcast<u32>(n) << 23u), denormal, exponent < 1);
    return select(out, 0x7f800000u, exponent > 254);
}
