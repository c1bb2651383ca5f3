// uses: lib/divide.wgsl, lib/grid.wgsl, lib/reduce.wgsl
// formula: y = sum of x over axes, for terms begin <= r < end; added to y unless begin is 0; MEAN: then divided by n
// shapes: see lib/reduce.wgsl; y of `len` elements; n the number of terms, of a batch those of the rows that count
// dispatch: a result an invocation (LANES 1) or a workgroup (LANES 64)
// numerics: sums of at most 256 terms, which are then summed
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

struct Params {
    len: u32,
    rank: u32,
    padding0: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
    reduced: array<vec4<u32>, 3>,
    begin: u32,
    end: u32,
    terms: u32,
    per_row: u32,
    step_width: u32,
    padding2: u32,
    padding3: u32,
    padding4: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> parts: array<f32, 64>;

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
    if (LANES == 64u) {
        parts[lane] = total;
        workgroupBarrier();
        for (var half = 32u; half > 0u; half /= 2u) {
            if (lane < half) {
                parts[lane] += parts[lane + half];
            }
            workgroupBarrier();
        }
        total = parts[0];
    }
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
