// uses: lib/grid.wgsl, lib/group.wgsl, lib/order.wgsl, lib/reduce.wgsl
// formula: y = the first r at which x is largest over an axis, for begin <= r < end, and of y unless begin is 0
// shapes: see lib/reduce.wgsl; y of `len` elements
// dispatch: a result an invocation (LANES 1) or a workgroup (LANES 64)
// numerics: exact; NaN is larger than all, -0 equals 0; 0 without a row that counts
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

fn key_at(at: u32) -> u32 {
    return key_nan_last(one_zero(x[at]));
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
    var best = vec2<u32>(0u, params.begin);
    var base = 0u;
    if (j < params.len) {
        base = first_term(j);
        let end = counting(params.end);
        for (var r = params.begin + first; r < end; r += LANES) {
            let key = key_at(base + term_offset(r));
            if (key > best.x) {
                best = vec2<u32>(key, r);
            }
        }
    }
    best = group_max(lane, best.xyxy).xy;
    if (j < params.len && first == 0u) {
        if (params.begin > 0u && key_at(base + term_offset(y[j])) >= best.x) {
            best.y = y[j];
        }
        y[j] = best.y;
    }
}
