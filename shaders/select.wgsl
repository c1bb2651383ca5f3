// uses: lib/grid.wgsl, lib/axes.wgsl
// formula: y = a where condition is not 0 (NaN is not), else b; elementwise
// shapes: y of `len` elements; condition, a and b stretch to it
// dispatch: an element an invocation
// numerics: bits are moved; -0 is 0, a denormal is not
@group(0) @binding(0) var<storage, read> condition: array<u32>;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

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
        let at = offsets(i);
        y[i] = select(b[at.z], a[at.y], (condition[at.x] & 0x7fffffffu) != 0u);
    }
}
