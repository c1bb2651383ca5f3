// uses: lib/grid.wgsl
// formula: y = f(x), elementwise; f is a row of ops/unary
// shapes: x and y of the same, `len` elements
// dispatch: an element an invocation
// numerics: those of f
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

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
        y[i] = f(x[i]);
    }
}
