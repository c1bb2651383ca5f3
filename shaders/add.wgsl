// uses: lib/grid.wgsl
// formula: c = a + b, elementwise
// shapes: all of the same, `len` elements
// dispatch: an element an invocation
// numerics: one rounding
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

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
        c[i] = a[i] + b[i];
    }
}
