// uses: lib/bits.wgsl, lib/columns.wgsl, lib/divide.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/sqrt.wgsl
// formula: z = (x - mean) r; dgamma = sum of dy z, dbeta = sum of dy over n rows; dx = gamma r (dy - (dbeta + z dgamma) / n)
// shapes: x, dy, dx [rows, cols], the others [cols]; BY_ROW: mean and r [rows]; GIVEN: dx = gamma r dy; of a batch, the rows that count
// dispatch: a column an invocation (LANES 1) or a workgroup (LANES 64); SUMS, DX: what a launch does of it
// numerics: sums of at most 256 terms, which are then summed; flags what is not finite, for dgamma and dbeta also 2^63 and more
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> step_words: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(7) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    rows: u32,
    cols: u32,
    begin: u32,
    end: u32,
    per_row: u32,
    step_width: u32,
    mean: u32,
    spread: u32,
    dgamma: u32,
    dbeta: u32,
    epsilon: f32,
}
@group(1) @binding(0) var<uniform> params: Params;

// Mean and r of a column, or of a row, which has r itself.
fn center_and_scale(at: u32) -> vec2<f32> {
    let spread = moments[params.spread + at];
    if (BY_ROW) {
        return vec2<f32>(moments[params.mean + at], spread);
    }
    return vec2<f32>(moments[params.mean + at], own_rsqrt(spread + params.epsilon));
}

// A lane's terms of dgamma and dbeta.
fn lane_sums(first: u32, end: u32, j: u32, of_column: vec2<f32>) -> vec4<f32> {
    var total = vec4<f32>();
    var i = first;
    while (i < end) {
        let stop = min(i + 256u * LANES, end);
        var part = vec4<f32>();
        while (i < stop) {
            let at = i * params.cols + j;
            var known = of_column;
            if (BY_ROW) {
                known = center_and_scale(i);
            }
            part += vec4<f32>(dy[at] * ((x[at] - known.x) * known.y), dy[at], 0.0, 0.0);
            i += LANES;
        }
        total += part;
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
    var known = vec2<f32>();
    if (share.inside && !BY_ROW) {
        known = center_and_scale(j);
    }
    var sums = vec2<f32>();
    if (SUMS) {
        sums = group_sum(lane, lane_sums(first, end, j, known)).xy;
        if (share.writes && params.begin > 0u) {
            sums += vec2<f32>(gradients[params.dgamma + j], gradients[params.dbeta + j]);
        }
        if (share.writes) {
            gradients[params.dgamma + j] = sums.x;
            gradients[params.dbeta + j] = sums.y;
            let large = (SCALE && too_large(sums.x)) || (CENTER && too_large(sums.y));
            if (large && params.end >= params.rows) {
                atomicOr(&flag[0], FLAG_NOT_FINITE);
            }
        }
    } else if (share.inside) {
        sums = vec2<f32>(gradients[params.dgamma + j], gradients[params.dbeta + j]);
    }
    if (DX && share.inside) {
        let n = f32(max(counting(), 1u));
        let share_of_z = own_divide(sums.x, n);
        let share_of_all = own_divide(sums.y, n);
        var scale = known.y;
        if (GAMMA) {
            scale *= gamma[j];
        }
        var broken = false;
        for (var i = first; i < share.stop; i += LANES) {
            let at = i * params.cols + j;
            var out = 0.0;
            if (i < end && GIVEN) {
                out = scale * dy[at];
            } else if (i < end) {
                let z = (x[at] - known.x) * known.y;
                out = scale * (dy[at] - share_of_all - z * share_of_z);
            }
            dx[at] = out;
            broken = broken || !finite(out);
        }
        if (broken) {
            atomicOr(&flag[0], FLAG_NOT_FINITE);
        }
    }
}
