// uses: lib/bits.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/order.wgsl, lib/step.wgsl
// formula: of each column the sums of w times h y, h (1 - y), (1 - h) y, (1 - h) (1 - y), where h is 1 for p > threshold;
//          MOMENTS: times 1, y, y y, (p - y)^2; HISTOGRAM: times y, 1 - y of all p whose bucket is the column
// shapes: p, y [batch, width], w [batch]; each of the four sums, or of the two, [columns]; gathered: y and w by permutation
// dispatch: a column a workgroup, every 64th term a lane
// numerics: sums of at most 256 terms, which are then summed; NaN is not above, and in the first bucket; flags an index
//           out of range
@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    batch: u32,
    width: u32,
    columns: u32,
    y: u32,
    y_permutation: u32,
    w: u32,
    data_rows: u32,
    first: u32,
    second: u32,
    third: u32,
    fourth: u32,
    threshold: f32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

const CHUNK: u32 = 64u * 256u;

// ceil(x columns) - 1 for x from 0 to 1, to which others are clipped. By the 24 bits of x, for a product of floats may
// be rounded to the other side of a whole number.
fn bucket(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    let clipped = select(min(bits, 0x3f800000u), 0u, bits > 0x7f800000u);
    let shift = 150u - (clipped >> 23u);
    let product = ((clipped & 0x7fffffu) | 0x800000u) * params.columns;
    return select((product - 1u) >> min(shift, 31u), 0u, shift > 31u);
}

fn values(x: f32, t: f32) -> vec4<f32> {
    if (HISTOGRAM) {
        return vec4<f32>(t, 1.0 - t, 0.0, 0.0);
    }
    if (MOMENTS) {
        let off = x - t;
        return vec4<f32>(1.0, t, t * t, off * off);
    }
    return select(vec4<f32>(0.0, 0.0, t, 1.0 - t), vec4<f32>(t, 1.0 - t, 0.0, 0.0), is_less(params.threshold, x));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = linear_group(group, grid);
    let inside = column < params.columns;
    let rows = select(0u, step_rows(params.step_width), inside);
    let terms = rows * select(1u, params.width, HISTOGRAM);
    var sums = vec4<f32>();
    var bits = 0u;
    var i = lane;
    while (i < terms) {
        let stop = min(i + CHUNK, terms);
        var part = vec4<f32>();
        while (i < stop) {
            let at = select(i * params.width + column, i, HISTOGRAM);
            var row = at / params.width;
            if (GATHERED) {
                row = y[params.y_permutation + step_offset(params.batch) + row];
            }
            if (GATHERED && row >= params.data_rows) {
                bits |= FLAG_BAD_INDEX;
            } else if (!HISTOGRAM || bucket(p[at]) == column) {
                let target_value = bitcast<f32>(y[params.y + row * params.width + at % params.width]);
                part += bitcast<f32>(w[params.w + row]) * values(p[at], target_value);
            }
            i += 64u;
        }
        sums += part;
    }
    sums = group_sum(lane, sums);
    if (bits != 0u) {
        atomicOr(&flag[0], bits);
    }
    if (lane == 0u && inside) {
        partials[params.first + column] = sums.x;
        partials[params.second + column] = sums.y;
        if (!HISTOGRAM) {
            partials[params.third + column] = sums.z;
            partials[params.fourth + column] = sums.w;
        }
    }
}
