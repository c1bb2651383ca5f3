// uses: lib/grid.wgsl, lib/sqrt.wgsl
// formula: y = (x - mean) / sqrt(variance + epsilon) gamma + beta
// shapes: x, y of `len` elements in rows of `cols`, the others [cols]
// dispatch: an element an invocation
// numerics: those of the parts
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

struct Params {
    len: u32,
    cols: u32,
    epsilon: f32,
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
        let j = i % params.cols;
        var out = (x[i] - mean[j]) * own_rsqrt(variance[j] + params.epsilon);
        if (SCALE) {
            out *= gamma[j];
        }
        if (CENTER) {
            out += beta[j];
        }
        y[i] = out;
    }
}
