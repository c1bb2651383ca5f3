// uses: lib/bits.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/step.wgsl
// formula: t = scale y + shift; sums of w loss(p, t) and counts of hit(p, y) of 256 elements each;
//          gradient = column w loss'(p, t) / (rows cols)
// shapes: p, y, gradient [batch, cols], w [batch]; partial sums and counts [groups]; gathered: y and w by permutation
// dispatch: 256 elements a workgroup, 4 an invocation
// numerics: those of the row in ops/loss.rs; flags what is not finite, a gradient from 2^63, an index out of range
@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<u32>;
@group(0) @binding(6) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    batch: u32,
    cols: u32,
    y: u32,
    y_permutation: u32,
    w: u32,
    data_rows: u32,
    sums: u32,
    counts: u32,
    column: u32,
    scale: f32,
    shift: f32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = linear_group(group, grid);
    let len = params.batch * params.cols;
    let rows = step_rows(params.step_width);
    var weight = 0.0;
    if (TRAINING) {
        weight = step_column(params.step_width, params.column) / (f32(rows) * f32(params.cols));
    }
    var sum = 0.0;
    var count = 0u;
    var bits = 0u;
    for (var j = 0u; j < 4u; j++) {
        let at = number * 256u + j * 64u + lane;
        if (at < len) {
            var slope = 0.0;
            let i = at / params.cols;
            var row = i;
            if (GATHERED && i < rows) {
                row = y[params.y_permutation + step_offset(params.batch) + i];
                if (row >= params.data_rows) {
                    bits |= FLAG_BAD_INDEX;
                }
            }
            if (i < rows && (!GATHERED || row < params.data_rows)) {
                let target_value = bitcast<f32>(y[params.y + row * params.cols + at % params.cols]);
                let row_weight = bitcast<f32>(w[params.w + row]);
                let smoothed = target_value * params.scale + params.shift;
                let is_hit = hit(p[at], target_value);
                var value = select(0.0, row_weight, is_hit);
                if (HAS_LOSS) {
                    value = row_weight * loss(p[at], smoothed);
                }
                sum += value;
                count += select(0u, 1u, is_hit);
                if (TRAINING) {
                    slope = weight * row_weight * slope_of(p[at], smoothed);
                    if (!finite(value) || too_large(slope)) {
                        bits |= FLAG_NOT_FINITE;
                    }
                }
            }
            if (WRITE_GRADIENT) {
                gradient[at] = slope;
            }
        }
    }
    if (bits != 0u) {
        atomicOr(&flag[0], bits);
    }
    sum = group_total(lane, sum);
    let hits = u32(group_total(lane, f32(count)));
    if (lane == 0u && number * 256u < len) {
        partials[params.sums + number] = bitcast<u32>(sum);
        partials[params.counts + number] = hits;
    }
}
