// uses: lib/columns.wgsl, lib/divide.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/moments.wgsl, lib/sqrt.wgsl
// formula: mean and variance of each column, then y = (x - mean) / sqrt(variance + epsilon) gamma + beta
// shapes: x, y [rows, cols], the others [cols]; of a batch, the rows that count: the others of y are 0
// dispatch: a column an invocation (LANES 1) or a workgroup (LANES 64); MEAN, VARIANCE, NORMALIZE: what a launch does of it
// numerics: mean first, then squares of differences; sums of at most 256 terms, then summed; added to unless begin is 0
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> moments: array<f32>;

struct Params {
    rows: u32,
    cols: u32,
    begin: u32,
    end: u32,
    per_row: u32,
    step_width: u32,
    mean: u32,
    variance: u32,
    epsilon: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

// The sum of all lanes goes to a place in `moments`, divided by the number of terms once all are there.
fn moment(at: u32, lane: u32, sum: f32, writes: bool) -> f32 {
    var total = group_total(lane, sum);
    if (writes && params.begin > 0u) {
        total += moments[at];
    }
    if (params.end >= params.rows) {
        total = own_divide(total, f32(max(counting(), 1u)));
    }
    if (writes) {
        moments[at] = total;
    }
    return total;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let share = share_of(linear_group(group, grid), lane);
    let j = share.column;
    let first = share.first;
    let end = share.end;
    var mean = 0.0;
    if (MEAN) {
        mean = moment(params.mean + j, lane, lane_sum(j, params.cols, first, end, false, 0.0), share.writes);
    } else if (share.inside) {
        mean = moments[params.mean + j];
    }
    var variance = 0.0;
    if (VARIANCE) {
        variance = moment(params.variance + j, lane, lane_sum(j, params.cols, first, end, true, mean), share.writes);
    } else if (share.inside) {
        variance = moments[params.variance + j];
    }
    if (NORMALIZE) {
        let r = own_rsqrt(variance + params.epsilon);
        for (var i = first; i < share.stop; i += LANES) {
            let at = i * params.cols + j;
            var out = 0.0;
            if (i < end) {
                out = (x[at] - mean) * r;
                if (SCALE) {
                    out *= gamma[j];
                }
                if (CENTER) {
                    out += beta[j];
                }
            }
            y[at] = out;
        }
    }
}
