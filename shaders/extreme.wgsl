// uses: lib/grid.wgsl, lib/group.wgsl, lib/order.wgsl, lib/reduce.wgsl
// formula: y = the largest (SMALLEST: smallest) x over axes, for terms begin <= r < end, and of y unless begin is 0
// shapes: see lib/reduce.wgsl; y of `len` elements
// dispatch: a result an invocation (LANES 1) or a workgroup (LANES 64)
// numerics: exact; NaN wins, 0 is above -0; without a row that counts, the lowest (highest) finite number
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// The larger the more extreme, never 0.
fn rank_of(x: f32) -> u32 {
    if (SMALLEST) {
        return ~key_nan_first(x);
    }
    return key_nan_last(x);
}

fn number_of(rank: u32) -> f32 {
    return key_number(select(rank, ~rank, SMALLEST));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = linear_group(group, grid);
    let j = select(number * 64u + lane, number, LANES == 64u);
    let first = select(0u, lane, LANES == 64u);
    var best = 0u;
    if (j < params.len) {
        let base = first_term(j);
        let end = counting(params.end);
        for (var r = params.begin + first; r < end; r += LANES) {
            best = max(best, rank_of(x[base + term_offset(r)]));
        }
    }
    best = group_key(lane, best);
    if (j < params.len && first == 0u) {
        if (params.begin > 0u) {
            best = max(best, rank_of(y[j]));
        }
        y[j] = number_of(select(best, 0x00800000u, best == 0u)); // of no term: next to the infinity of the other end
    }
}
