// One result of the LANES lanes that share a row, given to all of them: 1 lane, or the 64 of a workgroup. The kernel
// says how many; for uniform control flow, as there are barriers.
// numerics: eight lanes' values at a time, then the eight results: the same on every device
// Two barriers: a next call writes values, which nobody reads any more, and only behind its own barrier the results.
var<workgroup> group_totals: array<f32, 72>;
var<workgroup> group_keys: array<u32, 72>;
var<workgroup> group_sums: array<vec4<f32>, 72>;
var<workgroup> group_pairs: array<vec4<u32>, 72>;

fn group_total(lane: u32, value: f32) -> f32 {
    if (LANES == 1u) {
        return value;
    }
    group_totals[lane] = value;
    workgroupBarrier();
    if (lane < 8u) {
        var part = 0.0;
        for (var i = lane * 8u; i < lane * 8u + 8u; i++) {
            part += group_totals[i];
        }
        group_totals[64u + lane] = part;
    }
    workgroupBarrier();
    var total = 0.0;
    for (var i = 64u; i < 72u; i++) {
        total += group_totals[i];
    }
    return total;
}

fn group_key(lane: u32, key: u32) -> u32 {
    if (LANES == 1u) {
        return key;
    }
    group_keys[lane] = key;
    workgroupBarrier();
    if (lane < 8u) {
        var part = 0u;
        for (var i = lane * 8u; i < lane * 8u + 8u; i++) {
            part = max(part, group_keys[i]);
        }
        group_keys[64u + lane] = part;
    }
    workgroupBarrier();
    var most = 0u;
    for (var i = 64u; i < 72u; i++) {
        most = max(most, group_keys[i]);
    }
    return most;
}

fn group_sum(lane: u32, values: vec4<f32>) -> vec4<f32> {
    if (LANES == 1u) {
        return values;
    }
    group_sums[lane] = values;
    workgroupBarrier();
    if (lane < 8u) {
        var part = vec4<f32>();
        for (var i = lane * 8u; i < lane * 8u + 8u; i++) {
            part += group_sums[i];
        }
        group_sums[64u + lane] = part;
    }
    workgroupBarrier();
    var sums = vec4<f32>();
    for (var i = 64u; i < 72u; i++) {
        sums += group_sums[i];
    }
    return sums;
}

// Two pairs (key, place), each that with the largest key; of equal keys, that with the smallest place.
fn group_max(lane: u32, pairs: vec4<u32>) -> vec4<u32> {
    if (LANES == 1u) {
        return pairs;
    }
    group_pairs[lane] = pairs;
    workgroupBarrier();
    if (lane < 8u) {
        var part = group_pairs[lane * 8u];
        for (var i = lane * 8u + 1u; i < lane * 8u + 8u; i++) {
            part = larger(part, group_pairs[i]);
        }
        group_pairs[64u + lane] = part;
    }
    workgroupBarrier();
    var most = group_pairs[64];
    for (var i = 65u; i < 72u; i++) {
        most = larger(most, group_pairs[i]);
    }
    return most;
}

fn larger(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    let first = b.x > a.x || (b.x == a.x && b.y < a.y);
    let second = b.z > a.z || (b.z == a.z && b.w < a.w);
    return vec4<u32>(select(a.xy, b.xy, first), select(a.zw, b.zw, second));
}
