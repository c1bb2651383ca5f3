// uses: lib/grid.wgsl, lib/step.wgsl
// formula: y[i, j] = 1 where indices[i] = j, else 0
// shapes: indices [len / classes], y [len / classes, classes]; `per_row` indices to a row of a batch
// dispatch: an element an invocation
// numerics: exact; a row that does not count is 0; an index out of range flags, and its row is 0
@group(0) @binding(0) var<storage, read> indices: array<u32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    len: u32,
    classes: u32,
    per_row: u32,
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
        let i = at / params.classes;
        var value = 0.0;
        if (!BATCHED || i < step_rows(params.step_width) * params.per_row) {
            let place = indices[i];
            if (place >= params.classes) {
                atomicOr(&flag[0], FLAG_BAD_INDEX);
            } else if (place == at % params.classes) {
                value = 1.0;
            }
        }
        y[at] = value;
    }
}
