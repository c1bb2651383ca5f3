// uses: lib/divide.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/moments.wgsl, lib/sqrt.wgsl
// formula: of each row mean, r = 1 / sqrt(variance + epsilon) and y = (x - mean) r gamma + beta
// shapes: x, y [rows, cols], gamma, beta [cols], mean, r [rows]
// dispatch: a row a workgroup, every 64th column a lane; of few columns a row an invocation (LANES is 1)
// numerics: mean first, then squares of differences; sums of at most 256 terms, which are then summed
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<f32>;

struct Params {
    rows: u32,
    cols: u32,
    mean: u32,
    scale: u32,
    epsilon: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = linear_group(group, grid) * (64u / LANES) + lane / LANES;
    let first = lane % LANES;
    let base = row * params.cols;
    let inside = row < params.rows;
    let cols = select(0u, params.cols, inside);
    let n = f32(params.cols);
    let mean = own_divide(group_total(lane, lane_sum(base, 1u, first, cols, false, 0.0)), n);
    let variance = own_divide(group_total(lane, lane_sum(base, 1u, first, cols, true, mean)), n);
    let r = own_rsqrt(variance + params.epsilon);
    if (inside && first == 0u) {
        moments[params.mean + row] = mean;
        moments[params.scale + row] = r;
    }
    if (WRITE_Y) {
        for (var j = first; j < cols; j += LANES) {
            var out = (x[base + j] - mean) * r;
            if (SCALE) {
                out *= gamma[j];
            }
            if (CENTER) {
                out += beta[j];
            }
            y[base + j] = out;
        }
    }
}
