// uses: lib/grid.wgsl
// formula: y[y_begin + sum c target_stride] = x[x_begin + sum (c - before) source_stride]; `fill` where x is not inside
// shapes: the box has `len` elements along `count` axes, outermost first
// dispatch: an element of the box an invocation
// numerics: exact, whatever the bits are
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

struct Axis {
    extent: u32,
    source_stride: u32,
    target_stride: u32,
    before: u32,
    @size(16) inside: u32,
}

struct Params {
    len: u32,
    count: u32,
    x_begin: u32,
    y_begin: u32,
    fill: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
    axes: array<Axis, 6>,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = linear_group(group, grid) * 64u + lane;
    if (at < params.len) {
        var rest = at;
        var source = params.x_begin;
        var place = params.y_begin;
        var is_inside = true;
        for (var i = params.count; i > 0u; i--) {
            let axis = params.axes[i - 1u];
            let c = rest % axis.extent;
            rest /= axis.extent;
            let seen = c - axis.before; // wraps to a large number in front of the source
            is_inside = is_inside && seen < axis.inside;
            source += seen * axis.source_stride;
            place += c * axis.target_stride;
        }
        var bits = params.fill;
        if (is_inside) {
            bits = x[source];
        }
        y[place] = bits;
    }
}
