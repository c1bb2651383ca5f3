// One result of the 64 lanes of a workgroup, given to all of them; for uniform control flow, as there are barriers.
// numerics: a tree, the same on every device
var<workgroup> group_floats: array<f32, 64>;
var<workgroup> group_words: array<vec2<u32>, 64>;

fn group_sum(lane: u32, value: f32) -> f32 {
    group_floats[lane] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if (lane < half) {
            group_floats[lane] += group_floats[lane + half];
        }
        workgroupBarrier();
    }
    let sum = group_floats[0];
    workgroupBarrier();
    return sum;
}

// The pair (key, place) with the largest key; of equal keys, that with the smallest place.
fn group_max(lane: u32, key: u32, place: u32) -> vec2<u32> {
    group_words[lane] = vec2<u32>(key, place);
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

fn larger(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y));
}
