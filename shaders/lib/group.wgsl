// One result of the LANES lanes that share a row, given to all of them: 1 lane, or the 64 of a workgroup. The kernel
// says how many; for uniform control flow, as there are barriers.
// numerics: a tree, the same on every device
var<workgroup> group_floats: array<vec4<f32>, 64>;
var<workgroup> group_words: array<vec4<u32>, 64>;

fn group_sum(lane: u32, values: vec4<f32>) -> vec4<f32> {
    if (LANES == 1u) {
        return values;
    }
    group_floats[lane] = values;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if (lane < half) {
            group_floats[lane] += group_floats[lane + half];
        }
        workgroupBarrier();
    }
    let sums = group_floats[0];
    workgroupBarrier();
    return sums;
}

// Two pairs (key, place), each that with the largest key; of equal keys, that with the smallest place.
fn group_max(lane: u32, pairs: vec4<u32>) -> vec4<u32> {
    if (LANES == 1u) {
        return pairs;
    }
    group_words[lane] = pairs;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if (lane < half) {
            group_words[lane] = larger(group_words[lane], group_words[lane + half]);
        }
        workgroupBarrier();
    }
    let most = group_words[0];
    workgroupBarrier();
    return most;
}

fn larger(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    let first = b.x > a.x || (b.x == a.x && b.y < a.y);
    let second = b.z > a.z || (b.z == a.z && b.w < a.w);
    return vec4<u32>(select(a.xy, b.xy, first), select(a.zw, b.zw, second));
}
