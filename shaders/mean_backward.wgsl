// uses: lib/grid.wgsl, lib/axes.wgsl, lib/step.wgsl, lib/divide.wgsl
// formula: dx = dy / n, stretched; n is the number of terms of the mean: over a batch, those of the rows that count
// shapes: dx of `len` elements; dy stretches to it
// dispatch: an element an invocation
// numerics: one division
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

struct Params {
    len: u32,
    rank: u32,
    padding0: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
    terms: u32,
    per_row: u32,
    step_width: u32,
    padding2: u32,
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
        var terms = params.terms;
        if (BATCHED) {
            terms = min(terms, step_rows(params.step_width) * params.per_row);
        }
        dx[i] = own_divide(dy[offsets(i).x], f32(max(terms, 1u)));
    }
}
