// uses: lib/grid.wgsl, lib/step.wgsl
// formula: y[i, j] = byte j of the row permutation[step * batch + i] of data
// shapes: data [data_rows, words] of u32, four bytes each, the lowest first; y [batch, cols] of f32, or of u32 if INTEGERS
// dispatch: an element an invocation
// numerics: exact; a row that does not count is 0; an index out of range flags, and its row is 0
@group(0) @binding(0) var<storage, read> data: array<u32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    batch: u32,
    cols: u32,
    data: u32,
    data_rows: u32,
    permutation: u32,
    step_width: u32,
    words: u32,
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
        let i = at / params.cols;
        let j = at % params.cols;
        var byte = 0u;
        if (i < step_rows(params.step_width)) {
            let row = data[params.permutation + step_offset(params.batch) + i];
            if (row < params.data_rows) {
                let word = data[params.data + row * params.words + j / 4u];
                byte = (word >> (8u * (j % 4u))) & 0xffu;
            } else {
                atomicOr(&flag[0], FLAG_BAD_INDEX);
            }
        }
        y[at] = select(bitcast<u32>(f32(byte)), byte, INTEGERS);
    }
}
