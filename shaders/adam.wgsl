// uses: lib/grid.wgsl, lib/step.wgsl
// formula: with DECAY p -= decay p; m += (g - m)(1 - beta1); v += (g g - v)(1 - beta2); p -= alpha m / (sqrt(v) + epsilon)
// shapes: p, g [len], the moments m then v; parameters lie at the same distances in each
// dispatch: an element an invocation; nothing changes in a step that is flagged or halted
// source: Kingma and Ba 2015, section 2 (epsilon hat), Loshchilov and Hutter 2019, as in Keras; alpha and decay are columns of the step table
@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read> flag: array<u32>;

struct Params {
    len: u32,
    v: u32,
    one_minus_beta1: f32,
    one_minus_beta2: f32,
    epsilon: f32,
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
        let m = moments[i] + (g[i] - moments[i]) * params.one_minus_beta1;
        let v = moments[params.v + i] + (g[i] * g[i] - moments[params.v + i]) * params.one_minus_beta2;
        moments[i] = m;
        moments[params.v + i] = v;
        if (DECAY) {
            p[i] -= p[i] * step_column(params.step_width, params.decay);
        }
        p[i] -= step_column(params.step_width, params.column) * m / (sqrt(v) + params.epsilon);
    }
}
