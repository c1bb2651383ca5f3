// uses: lib/bits.wgsl, lib/grid.wgsl
// formula: y = x; sets the flag where x is not finite, or from 2^63 on in magnitude
// shapes: x and y of `len` elements
// dispatch: an element an invocation
// numerics: bits are moved
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    len: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len) {
        y[i] = x[i];
        if (too_large(bitcast<f32>(x[i]))) {
            atomicOr(&flag[0], 1u);
        }
    }
}
