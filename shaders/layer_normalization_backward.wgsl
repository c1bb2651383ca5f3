// uses: lib/bits.wgsl, lib/divide.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/rows.wgsl
// formula: g = gamma dy, z = (x - mean) r; dx = r (g - mean of g - z mean of g z), means over the row
// shapes: x, dy, dx [rows, cols], gamma [cols], mean, r [rows]; rows of a batch that do not count are 0 in dx
// dispatch: a row a workgroup, every 64th column a lane; of few columns a row an invocation (LANES is 1)
// numerics: sums of at most 256 terms, which are then summed; flags what is not finite
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> moments: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> step_words: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    rows: u32,
    cols: u32,
    per_row: u32,
    step_width: u32,
    mean: u32,
    scale: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

fn scaled(base: u32, j: u32) -> f32 {
    if (GAMMA) {
        return gamma[j] * dy[base + j];
    }
    return dy[base + j];
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = linear_group(group, grid) * (64u / LANES) + lane / LANES;
    let first = lane % LANES;
    let base = row * params.cols;
    let inside = row < params.rows;
    let cols = select(0u, params.cols, inside);
    var mean = 0.0;
    var r = 0.0;
    if (inside) {
        mean = moments[params.mean + row];
        r = moments[params.scale + row];
    }
    var sums = vec4<f32>();
    var j = first;
    while (j < cols) {
        let stop = min(j + LANES * 256u, cols);
        var part = vec4<f32>();
        while (j < stop) {
            let g = scaled(base, j);
            part += vec4<f32>(g, g * ((x[base + j] - mean) * r), 0.0, 0.0);
            j += LANES;
        }
        sums += part;
    }
    sums = group_sum(lane, sums);
    let share_of_all = own_divide(sums.x, f32(params.cols));
    let share_of_z = own_divide(sums.y, f32(params.cols));
    let counts = row < counting();
    var broken = false;
    for (var j = first; j < cols; j += LANES) {
        var out = 0.0;
        if (counts) {
            let z = (x[base + j] - mean) * r;
            out = r * (scaled(base, j) - share_of_all - z * share_of_z);
        }
        dx[base + j] = out;
        broken = broken || !finite(out);
    }
    if (broken) {
        atomicOr(&flag[0], FLAG_NOT_FINITE);
    }
}
