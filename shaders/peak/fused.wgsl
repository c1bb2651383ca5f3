// uses: lib/grid.wgsl
// formula: y[i] = the sum of 16 (WIDE) or 8 numbers, `steps` times eight times over x[k] = fma(x[k], x[k + 4], shift)
// shapes: y of `len` elements
// dispatch: an element an invocation; 256 (WIDE) or 128 floating point operations of each a step, in registers alone
// numerics: exact for one 1 and shift 0, where all numbers stay 1
@group(0) @binding(0) var<storage, read_write> y: array<f32>;

struct Params {
    len: u32,
    steps: u32,
    one: f32,
    shift: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    let shift = vec4<f32>(params.shift);
    // A compiler that knew them to be equal would keep one of them; each needs another one in every round, or llvmpipe
    // would run one number's whole chain after the other, and wait for each operation.
    var a = params.one + shift * (vec4<f32>(0.0, 1.0, 2.0, 3.0) + f32(i));
    var b = params.one + shift * (vec4<f32>(4.0, 5.0, 6.0, 7.0) + f32(i));
    var c = params.one + shift * (vec4<f32>(8.0, 9.0, 10.0, 11.0) + f32(i));
    var d = params.one + shift * (vec4<f32>(12.0, 13.0, 14.0, 15.0) + f32(i));
    for (var step = 0u; step < params.steps; step++) {
        if (WIDE) {
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
            a = fma(a, b, shift);
            b = fma(b, c, shift);
            c = fma(c, d, shift);
            d = fma(d, a, shift);
        } else {
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
            a = fma(a, b, shift);
            b = fma(b, a, shift);
        }
    }
    var sums = a + b;
    if (WIDE) {
        sums += c + d;
    }
    if (i < params.len) {
        y[i] = sums.x + sums.y + sums.z + sums.w;
    }
}
