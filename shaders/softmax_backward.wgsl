// uses: lib/exp.wgsl, lib/grid.wgsl, lib/group.wgsl
// formula: dx = y (dy - sum of dy y), or of the logarithm dx = dy - e^y sum of dy
// shapes: dy, y and dx [rows, cols]
// dispatch: a row a workgroup, every 64th column a lane; of few columns a row an invocation (LANES is 1)
// numerics: sums of at most 256 terms, which are then summed
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

struct Params {
    rows: u32,
    cols: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = linear_group(group, grid) * (64u / LANES) + lane / LANES;
    let first = lane % LANES;
    let base = row * params.cols;
    let cols = select(0u, params.cols, row < params.rows);
    var sum = 0.0;
    var j = first;
    while (j < cols) {
        let stop = min(j + LANES * 256u, cols);
        var part = 0.0;
        while (j < stop) {
            if (LOG) {
                part += dy[base + j];
            } else {
                part += dy[base + j] * y[base + j];
            }
            j += LANES;
        }
        sum += part;
    }
    sum = group_total(lane, sum);
    for (var j = first; j < cols; j += LANES) {
        let at = base + j;
        if (LOG) {
            dx[at] = dy[at] - own_exp(y[at]) * sum;
        } else {
            dx[at] = y[at] * (dy[at] - sum);
        }
    }
}
