// uses: lib/step.wgsl
// formula: y[0] = the column of the step table in this step
// shapes: y [1]
// dispatch: one workgroup, of which one invocation writes
// numerics: exact
@group(0) @binding(0) var<storage, read> step_words: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

struct Params {
    column: u32,
    step_width: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
    if (group.x == 0u && group.y == 0u) {
        y[0] = bitcast<u32>(step_column(params.step_width, params.column));
    }
}
