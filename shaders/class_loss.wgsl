// uses: lib/bits.wgsl, lib/exp.wgsl, lib/grid.wgsl, lib/group.wgsl, lib/log.wgsl, lib/order.wgsl, lib/step.wgsl
// formula: t = scale y + shift, or 1 at the class y; loss -sum of t log q, q the softmax of p, or p / sum of p clipped;
//          sums of w loss, hits where the largest p and the largest y are one class, or the largest y is one that fewer
//          than k of p are larger than; gradient = column w loss' / terms
// shapes: p, gradient [cells, classes], `per_row` cells a row of the batch; y [cells, classes] or [cells]; w [batch]
// dispatch: a cell a workgroup, every 64th class a lane; of few classes a cell an invocation (LANES is 1)
// numerics: sums of at most 256 terms, which are then summed; flags what is not finite, a gradient from 2^63, an index
//           out of range and a y that is no class
@group(0) @binding(0) var<storage, read> p: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<u32>;
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> step_words: array<u32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<u32>;
@group(0) @binding(6) var<storage, read_write> flag: array<atomic<u32>>;

struct Params {
    batch: u32,
    per_row: u32,
    classes: u32,
    y: u32,
    y_permutation: u32,
    w: u32,
    data_rows: u32,
    sums: u32,
    counts: u32,
    column: u32,
    scale: f32,
    shift: f32,
    k: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

const NO_CLASS: u32 = 0xffffffffu;
const CHUNK: u32 = LANES * 256u;
const LOWEST: f32 = 1e-7;
const HIGHEST: f32 = 1.0 - 1e-7;

// Where the targets of the cell begin, and of class numbers the class.
var<private> y_base: u32;
var<private> label: u32;

fn target_at(j: u32) -> f32 {
    if (SPARSE) {
        return select(0.0, 1.0, j == label);
    }
    return bitcast<f32>(y[y_base + j]) * params.scale + params.shift;
}

// The class of a whole number from 0 on and below `classes`.
fn class_of(bits: u32) -> u32 {
    let magnitude = select(bits, 0u, bits == 0x80000000u);
    let number = bitcast<f32>(min(magnitude, 0x4f000000u)); // at most 2^31
    let found = u32(number);
    return select(NO_CLASS, found, magnitude < 0x4f000000u && f32(found) == number && found < params.classes);
}

// Whether the clip leaves a probability as it is.
fn unclipped(q: f32) -> bool {
    return q >= LOWEST && q <= HIGHEST;
}

// A class' parts of the sums: the targets that have a slope, the loss (of logits without the logarithm of the sum), and
// of logits the exponentials.
fn terms(p: f32, t: f32, top: f32, mass: f32) -> vec4<f32> {
    let has_target = magnitude_bits(t) != 0u;
    if (LOGITS) {
        let d = below_top(p, top);
        return vec4<f32>(t, select(0.0, -t * d, has_target), own_exp(d), 0.0);
    }
    let q = p / mass;
    let loss = select(0.0, -t * own_log(clamp(q, LOWEST, HIGHEST)), has_target);
    return vec4<f32>(select(0.0, t, unclipped(q)), loss, 0.0, 0.0);
}

fn slope_of(p: f32, t: f32, top: f32, mass: f32, sums: vec4<f32>) -> f32 {
    if (LOGITS) {
        return own_exp(below_top(p, top)) / sums.z * sums.x - t;
    }
    let q = p / mass;
    return (sums.x - select(0.0, t / q, unclipped(q))) / mass;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let cell = linear_group(group, grid) * (64u / LANES) + lane / LANES;
    let first = lane % LANES;
    let inside = cell < params.batch * params.per_row;
    let i = cell / params.per_row;
    let rows = step_rows(params.step_width);
    var counts = inside && i < rows;
    var bits = 0u;
    var row = i;
    if (GATHERED && counts) {
        row = y[params.y_permutation + step_offset(params.batch) + i];
        counts = row < params.data_rows;
        bits = select(FLAG_BAD_INDEX, 0u, counts);
    }
    var row_weight = 0.0;
    if (counts) {
        row_weight = bitcast<f32>(w[params.w + row]);
        y_base = params.y + row * params.per_row + cell % params.per_row;
        if (SPARSE) {
            label = class_of(y[y_base]);
            counts = label != NO_CLASS;
            bits = select(FLAG_BAD_INDEX, 0u, counts);
        } else {
            y_base = params.y + (row * params.per_row + cell % params.per_row) * params.classes;
        }
    }
    let base = cell * params.classes;
    let classes = select(0u, params.classes, counts);

    // The largest p and the largest y; the sum of p.
    var best = vec4<u32>(0u, 0u, 0u, label);
    var mass = 0.0;
    var j = first;
    while (j < classes) {
        let stop = min(j + CHUNK, classes);
        var part = 0.0;
        while (j < stop) {
            var pairs = vec4<u32>(order_key(p[base + j]), j, 0u, label);
            if (!SPARSE) {
                pairs = vec4<u32>(pairs.xy, order_key(bitcast<f32>(y[y_base + j])), j);
            }
            best = larger(best, pairs);
            part += p[base + j];
            j += LANES;
        }
        mass += part;
    }
    best = group_max(lane, best);
    var hit = counts && best.y == best.w;
    if (TOP_K) {
        var key = 0u;
        if (counts) {
            key = order_key(p[base + best.w]);
        }
        var in_front = 0u;
        for (j = first; j < classes; j += LANES) {
            in_front += select(0u, 1u, order_key(p[base + j]) > key);
        }
        let all_in_front = u32(group_total(lane, f32(in_front)));
        hit = counts && all_in_front < params.k;
    }

    var value = 0.0;
    var slope_scale = 0.0;
    let top = key_number(best.x);
    var broken = best.x >= KEY_OF_INFINITY || best.x < KEY_OF_LOWEST;
    var sums = vec4<f32>();
    if (HAS_LOSS) {
        if (!LOGITS) {
            mass = group_total(lane, mass);
            broken = !finite(mass) || magnitude_bits(mass) == 0u;
        }
        j = first;
        while (j < classes) {
            let stop = min(j + CHUNK, classes);
            var part = vec4<f32>();
            while (j < stop) {
                part += terms(p[base + j], target_at(j), top, mass);
                j += LANES;
            }
            sums += part;
        }
        sums = group_sum(lane, sums);
        if (counts) {
            let loss = select(sums.y, sums.y + sums.x * own_log(sums.z), LOGITS);
            value = row_weight * nan_if(broken, loss);
        }
        if (TRAINING) {
            let weight = step_column(params.step_width, params.column) / (f32(rows) * f32(params.per_row));
            slope_scale = weight * row_weight;
            bits |= select(FLAG_NOT_FINITE, 0u, finite(value));
        }
    }
    if (WRITE_GRADIENT || TRAINING) {
        for (j = first; j < select(0u, params.classes, inside); j += LANES) {
            var slope = 0.0;
            if (TRAINING && counts) {
                slope = nan_if(broken, slope_scale * slope_of(p[base + j], target_at(j), top, mass, sums));
                bits |= select(0u, FLAG_NOT_FINITE, too_large(slope));
            }
            if (WRITE_GRADIENT) {
                gradient[base + j] = slope;
            }
        }
    }
    if (bits != 0u) {
        atomicOr(&flag[0], bits);
    }
    if (!HAS_LOSS && counts && hit) {
        value = row_weight;
    }
    if (first == 0u && inside) {
        partials[params.sums + cell] = bitcast<u32>(value);
        partials[params.counts + cell] = select(0u, 1u, hit);
    }
}
