// uses: lib/bits.wgsl, lib/grid.wgsl, lib/step.wgsl
// formula: table[r, j] = sum of dy[i, j] where indices[i] = r, for begin <= i < end; added to it unless begin is 0
// shapes: dy [count, cols], indices [count], table [rows, cols]; `per_row` indices to a row of a batch
// dispatch: 64 columns of a row of the table a workgroup; it looks for the row in 256 indices at a time
// numerics: sums of what 256 indices give, which are then summed; flags indices out of range, sums from 2^63 on
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> step_words: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<f32>;
@group(0) @binding(4) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    rows: u32,
    cols: u32,
    count: u32,
    per_row: u32,
    begin: u32,
    end: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

// A bit for each of 256 indices: whether it is that of the workgroup's row.
var<workgroup> hits: array<atomic<u32>, 8>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = (params.cols + 63u) / 64u;
    let block = linear_group(group, grid);
    let row = block / blocks;
    let column = block % blocks * 64u + lane;
    let is_inside = row < params.rows && column < params.cols;
    let at = row * params.cols + column;
    var end = params.end;
    if (BATCHED) {
        end = min(end, step_rows(params.step_width) * params.per_row);
    }
    var total = 0.0;
    if (is_inside && params.begin > 0u) {
        total = table[at];
    }
    for (var chunk = params.begin; chunk < end; chunk += 256u) {
        if (lane < 8u) {
            atomicStore(&hits[lane], 0u);
        }
        workgroupBarrier();
        for (var i = lane; i < 256u; i += 64u) {
            if (chunk + i < end) {
                let index = indices[chunk + i];
                if (index == row) {
                    atomicOr(&hits[i / 32u], 1u << (i % 32u));
                }
                if (index >= params.rows) {
                    atomicOr(&flag[0], FLAG_BAD_INDEX);
                }
            }
        }
        workgroupBarrier();
        var part = 0.0;
        if (is_inside) {
            for (var word = 0u; word < 8u; word++) {
                var left = atomicLoad(&hits[word]);
                while (left != 0u) {
                    let i = chunk + word * 32u + countTrailingZeros(left);
                    part += dy[i * params.cols + column];
                    left &= left - 1u;
                }
            }
        }
        total += part;
        workgroupBarrier();
    }
    if (is_inside) {
        table[at] = total;
        if (params.end >= params.count && too_large(total)) {
            atomicOr(&flag[0], FLAG_NOT_FINITE);
        }
    }
}
