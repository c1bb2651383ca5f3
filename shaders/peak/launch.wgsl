// formula: y[0] = y[0] + by
// shapes: y of one word or more
// dispatch: one workgroup: next to no work, so that a launch takes what a launch takes
// numerics: exact
// source: a chain of them waits for one another, as the launches of a step do
@group(0) @binding(0) var<storage, read_write> y: array<u32>;

struct Params {
    by: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
    if (lane == 0u) {
        y[0] = y[0] + params.by;
    }
}
