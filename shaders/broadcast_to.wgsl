// uses: lib/grid.wgsl, lib/axes.wgsl
// formula: y = x, stretched
// shapes: y of `len` elements; x stretches to it
// dispatch: an element an invocation
// numerics: bits are moved
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

struct Params {
    len: u32,
    rank: u32,
    padding0: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
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
        y[i] = x[offsets(i).x];
    }
}
