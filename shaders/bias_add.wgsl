// uses: lib/grid.wgsl
// formula: y[i, j] = x[i, j] + b[j]
// shapes: x and y [rows, cols], b [cols]; len = rows * cols
// dispatch: an element an invocation
// numerics: one rounding
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

struct Params {
    len: u32,
    cols: u32,
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
        y[i] = x[i] + b[i % params.cols];
    }
}
