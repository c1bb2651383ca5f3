// uses: lib/grid.wgsl, lib/axes.wgsl
// formula: dx = dy where condition is not 0 (OF_B: where it is 0), else 0; elementwise
// shapes: dy and dx of `len` elements; condition stretches to it
// dispatch: an element an invocation
// numerics: bits are moved
@group(0) @binding(0) var<storage, read> condition: array<u32>;
@group(0) @binding(1) var<storage, read> dy: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<u32>;

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
        let holds = (condition[offsets(i).x] & 0x7fffffffu) != 0u;
        dx[i] = select(0u, dy[i], holds != OF_B);
    }
}
