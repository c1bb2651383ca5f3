// uses: lib/bits.wgsl, lib/grid.wgsl, lib/step.wgsl
// formula: db[j] = sum over i of dy[i, j], for begin <= i < end; adds to db unless begin is 0
// shapes: dy [rows, cols], db [cols]; of a batch, the rows that count
// dispatch: a column an invocation
// numerics: sums of at most 256 terms, which are then summed; flags what is not finite, and 2^63 and more
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> db: array<f32>;
@group(0) @binding(3) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    rows: u32,
    cols: u32,
    begin: u32,
    end: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let j = linear_group(group, grid) * 64u + lane;
    if (j < params.cols) {
        var end = params.end;
        if (BATCHED) {
            end = min(end, step_rows(params.step_width));
        }
        var total = 0.0;
        if (params.begin > 0u) {
            total = db[j];
        }
        var i = params.begin;
        while (i < end) {
            let stop = min(i + 256u, end);
            var part = 0.0;
            while (i < stop) {
                part += dy[i * params.cols + j];
                i++;
            }
            total += part;
        }
        db[j] = total;
        if (params.end >= params.rows && too_large(total)) {
            atomicOr(&flag[0], FLAG_NOT_FINITE);
        }
    }
}
