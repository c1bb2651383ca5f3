// uses: lib/grid.wgsl, lib/step.wgsl
// formula: y[step * batch + i, j] = x[i, j], for the rows that count
// shapes: x [batch, cols], y [rows, cols]
// dispatch: an element an invocation
// numerics: exact
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

struct Params {
    batch: u32,
    rows: u32,
    cols: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = linear_group(group, grid) * 64u + lane;
    if (at < params.batch * params.cols) {
        let row = step_offset(params.batch) + at / params.cols;
        if (at / params.cols < step_rows(params.step_width) && row < params.rows) {
            y[row * params.cols + at % params.cols] = x[at];
        }
    }
}
