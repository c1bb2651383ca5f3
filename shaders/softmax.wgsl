// uses: lib/bits.wgsl, lib/exp.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/log.wgsl, lib/order.wgsl
// formula: y = e^(x - max) / sum of e^(x - max) of the row, or its logarithm x - max - log(sum)
// shapes: x and y [rows, cols]
// dispatch: a row a workgroup, every 64th column a lane; of few columns a row an invocation (LANES is 1)
// numerics: sums of at most 256 terms, which are then summed; a row with NaN or +infinity, or of -infinity alone, is NaN
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

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
    var key = 0u;
    for (var j = first; j < cols; j += LANES) {
        key = max(key, order_key(x[base + j]));
    }
    let most = group_key(lane, key);
    let top = key_number(most);
    var sum = 0.0;
    var j = first;
    while (j < cols) {
        let stop = min(j + LANES * 256u, cols);
        var part = 0.0;
        while (j < stop) {
            part += own_exp(below_top(x[base + j], top));
            j += LANES;
        }
        sum += part;
    }
    sum = group_total(lane, sum);
    sum = nan_if(most >= KEY_OF_INFINITY || most < KEY_OF_LOWEST, sum);
    let log_sum = own_log(sum);
    for (var j = first; j < cols; j += LANES) {
        let d = below_top(x[base + j], top);
        if (LOG) {
            y[base + j] = nan_if(is_nan(sum), d - log_sum);
        } else {
            y[base + j] = nan_if(is_nan(sum), own_exp(d) / sum);
        }
    }
}
