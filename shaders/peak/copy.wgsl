// uses: lib/grid.wgsl
// formula: y = x, in `passes` strides of as many vectors as there are invocations; past the end it begins again
// shapes: x and y of the same number of vectors of four words, a power of two
// dispatch: a vector of each stride an invocation
// numerics: exact
@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;

struct Params {
    stride: u32,
    passes: u32,
    mask: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.stride) {
        for (var pass_of = 0u; pass_of < params.passes; pass_of++) {
            let at = (i + pass_of * params.stride) & params.mask;
            y[at] = x[at];
        }
    }
}
