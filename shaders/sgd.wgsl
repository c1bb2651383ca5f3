// uses: lib/grid.wgsl, lib/step.wgsl
// formula: with decay p -= decay p; p -= rate g
// shapes: p, g [len]; parameters lie at the same distances in both
// dispatch: an element an invocation; nothing changes in a step that is flagged or halted
// source: Keras' SGD; rate and decay are columns of the step table
@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read> step_words: array<u32>;
@group(0) @binding(3) var<storage, read> flag: array<u32>;

struct Params {
    len: u32,
    column: u32,
    decay: u32,
    step_width: u32,
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
        if (DECAY) {
            p[i] -= p[i] * step_column(params.step_width, params.decay);
        }
        p[i] -= step_column(params.step_width, params.column) * g[i];
    }
}
