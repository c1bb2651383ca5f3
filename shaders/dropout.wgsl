// uses: lib/grid.wgsl, lib/philox.wgsl, lib/step.wgsl
// formula: y[e] = scale x[e] where word e of the stream is above `last_dropped`, else 0
// shapes: x, y of `len` elements
// dispatch: four elements an invocation: the words that one counter gives
// numerics: one rounding; the same elements on every device
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

struct Params {
    len: u32,
    seed_low: u32,
    seed_high: u32,
    layer: u32,
    purpose: u32,
    last_dropped: u32,
    scale: f32,
    step_low: u32,
    step_high: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = linear_group(group, grid) * 64u + lane;
    let low = u32(step_column(params.step_width, params.step_low));
    let step = low | (u32(step_column(params.step_width, params.step_high)) << 24u);
    let key = vec2<u32>(params.seed_low, params.seed_high);
    let words = philox(vec4<u32>(block, step, params.layer, params.purpose), key);
    for (var i = 0u; i < 4u; i++) {
        let e = 4u * block + i;
        if (e < params.len) {
            var kept = 0.0;
            if (words[i] > params.last_dropped) {
                kept = params.scale * x[e];
            }
            y[e] = kept;
        }
    }
}
