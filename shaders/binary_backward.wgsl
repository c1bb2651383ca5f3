// uses: lib/grid.wgsl, lib/axes.wgsl
// formula: (da, db) = df(dy, a, b), elementwise: dy times the derivatives of a row of ops/binary
// shapes: dy, da and db of `len` elements; a and b of the same, or stretched to it (BROADCAST)
// dispatch: an element an invocation
// numerics: those of df
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> da: array<f32>;
@group(0) @binding(4) var<storage, read_write> db: array<f32>;

struct Params {
    len: u32,
    rank: u32,
    padding0: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len) {
        var at = vec3<u32>(i);
        if (BROADCAST) {
            at = offsets(i);
        }
        let gradients = df(dy[i], a[at.x], b[at.y]);
        if (WRITE_A) {
            da[i] = gradients.x;
        }
        if (WRITE_B) {
            db[i] = gradients.y;
        }
    }
}
