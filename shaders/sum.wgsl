// uses: lib/divide.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/reduce.wgsl
// formula: y = sum of x over axes, for terms begin <= r < end; added to y unless begin is 0; MEAN: then divided by n
// shapes: see lib/reduce.wgsl; y of `len` elements; n the number of terms, of a batch those of the rows that count
// dispatch: a result an invocation (LANES 1) or a workgroup (LANES 64)
// numerics: sums of at most 256 terms, which are then summed
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = linear_group(group, grid);
    let j = select(number * 64u + lane, number, LANES == 64u);
    let first = select(0u, lane, LANES == 64u);
    var total = 0.0;
    if (j < params.len) {
        let base = first_term(j);
        let end = counting(params.end);
        var r = params.begin + first;
        while (r < end) {
            let stop = min(r + 256u * LANES, end);
            var part = 0.0;
            while (r < stop) {
                part += x[base + term_offset(r)];
                r += LANES;
            }
            total += part;
        }
    }
    total = group_total(lane, total);
    if (j < params.len && first == 0u) {
        if (params.begin > 0u) {
            total += y[j];
        }
        if (MEAN && params.end == params.terms) {
            total = own_divide(total, f32(max(counting(params.terms), 1u)));
        }
        y[j] = total;
    }
}
