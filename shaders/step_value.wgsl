// uses: lib/grid.wgsl, lib/step.wgsl
// formula: y[i] = the column of the step table in this step
// shapes: y [len]
// dispatch: an element an invocation
// numerics: exact
@group(0) @binding(0) var<storage, read> step_words: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

struct Params {
    len: u32,
    column: u32,
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
    if (at < params.len) {
        y[at] = bitcast<u32>(step_column(params.step_width, params.column));
    }
}
