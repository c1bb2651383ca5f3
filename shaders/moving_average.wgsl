// uses: lib/grid.wgsl
// formula: average = momentum average + (1 - momentum) value; ASSIGN: average = value
// shapes: average, value [len]; the variables lie at the same distances in each
// dispatch: an element an invocation; nothing changes in a step that is flagged or halted
// source: the moving averages of Keras' BatchNormalization
@group(0) @binding(0) var<storage, read_write> average: array<f32>;
@group(0) @binding(1) var<storage, read> value: array<f32>;
@group(0) @binding(2) var<storage, read> step_words: array<u32>;
@group(0) @binding(3) var<storage, read> flag: array<u32>;

struct Params {
    len: u32,
    momentum: f32,
    rest: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len && (flag[0] | step_words[1]) == 0u) {
        if (ASSIGN) {
            average[i] = value[i];
        } else {
            average[i] = params.momentum * average[i] + params.rest * value[i];
        }
    }
}
