// uses: lib/grid.wgsl
// formula: dx = dy f'(x), elementwise; the derivative is of `seen`, the input or the output of f
// shapes: all of the same, `len` elements
// dispatch: an element an invocation
// numerics: one product after those of f'
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> seen: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

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
        dx[i] = dy[i] * df(seen[i], seen[i]);
    }
}
