// uses: lib/grid.wgsl
// formula: sums[step / 256] = x, in all but the first of 256 steps added to what is there
// shapes: x of a column [len] at column.x + i for i < column.y, in the sums from column.z on; sums [rows, len]
// dispatch: an element of a row an invocation; nothing is written in a step that is flagged or halted
// numerics: 1 ULP a step
@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read> flag: array<u32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

struct Params {
    len: u32,
    count: u32,
    padding0: u32,
    padding1: u32,
    columns: array<vec4<u32>, 16>,
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
        var x = 0.0;
        for (var c = 0u; c < params.count; c++) {
            let column = params.columns[c];
            if (i >= column.z && i - column.z < column.y) {
                x = partials[column.x + i - column.z];
            }
        }
        let step = step_words[0];
        let at = step / 256u * params.len + i;
        if (step % 256u == 0u) {
            sums[at] = x;
        } else {
            sums[at] += x;
        }
    }
}
