// uses: lib/grid.wgsl, lib/step.wgsl
// formula: v = rho v + share d d, d = g, centred d = g - a, a += d (1 - rho); s = rate g / sqrt(v + epsilon); p -= s, or m = momentum m + s
// shapes: p, g [len], the moments v, then a where centred, then m with momentum; parameters lie at the same distances in each
// dispatch: an element an invocation; nothing changes in a step that is flagged or halted
// source: Keras' RMSprop; v of the centred one is the variance itself, a sum of squares; the rate is a column of the step table
@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read> flag: array<u32>;

struct Params {
    len: u32,
    a: u32,
    m: u32,
    rho: f32,
    one_minus_rho: f32,
    share: f32,
    epsilon: f32,
    momentum: f32,
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
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len && (flag[0] | step_words[1]) == 0u) {
        var d = g[i];
        if (CENTERED) {
            d -= moments[params.a + i];
            moments[params.a + i] += d * params.one_minus_rho;
        }
        let v = params.rho * moments[i] + params.share * d * d;
        moments[i] = v;
        var step = step_column(params.step_width, params.column) * g[i] / sqrt(v + params.epsilon);
        if (MOMENTUM) {
            step += params.momentum * moments[params.m + i];
            moments[params.m + i] = step;
        }
        p[i] -= step;
    }
}
