// uses: lib/step.wgsl
// formula: unless only to count: results[step] = the sum of each column of partial results; then the words: latch the flag, count, go on
// shapes: partials of a column [groups], at column.x + i for i < column.y; sums [steps, sums], counts [steps, counts]
// dispatch: one workgroup, the last launch of a step
// numerics: sums of at most 256 terms, which are then summed; nothing is written while halted but the sequence word
@group(0) @binding(0) var<storage, read_write> step_words: array<u32>;
@group(0) @binding(1) var<storage, read_write> flag: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> partials: array<u32>;
@group(0) @binding(3) var<storage, read_write> results: array<u32>;

struct Params {
    sum_columns: u32,
    count_columns: u32,
    sums: u32,
    counts: u32,
    count_only: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
    columns: array<vec4<u32>, 16>,
}
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> part_sums: array<f32, 64>;
var<workgroup> part_counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    // The first lane alone writes what lasts.
    var halted = 1u;
    if (lane == 0u) {
        halted = step_words[1] | atomicLoad(&flag[0]) | params.count_only;
    }
    for (var c = 0u; c < params.sum_columns + params.count_columns; c++) {
        let column = params.columns[c];
        let is_sum = c < params.sum_columns;
        var sum = 0.0;
        var count = 0u;
        var i = lane;
        while (i < column.y) {
            let stop = min(i + 64u * 256u, column.y);
            var part = 0.0;
            while (i < stop) {
                let word = partials[column.x + i];
                if (is_sum) {
                    part += bitcast<f32>(word);
                } else {
                    count += word;
                }
                i += 64u;
            }
            sum += part;
        }
        part_sums[lane] = sum;
        part_counts[lane] = count;
        workgroupBarrier();
        for (var half = 32u; half > 0u; half /= 2u) {
            if (lane < half) {
                part_sums[lane] += part_sums[lane + half];
                part_counts[lane] += part_counts[lane + half];
            }
            workgroupBarrier();
        }
        if (lane == 0u && halted == 0u) {
            if (is_sum) {
                results[params.sums + step_words[0] * params.sum_columns + c] = bitcast<u32>(part_sums[0]);
            } else {
                let at = params.counts + step_words[0] * params.count_columns + c - params.sum_columns;
                results[at] = part_counts[0];
            }
        }
        workgroupBarrier();
    }
    if (lane == 0u) {
        step_words[2] += 1u;
        if (params.count_only == 0u) {
            let bits = atomicExchange(&flag[0], 0u);
            step_words[1] |= bits;
            step_words[3] |= bits & FLAG_BAD_INDEX;
            if (halted == 0u) {
                step_words[0] += 1u;
            }
        }
    }
}
