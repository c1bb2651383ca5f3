// uses: lib/axes.wgsl, lib/step.wgsl
// Which terms a reduction has, and where they stand. `axes` and `rank` are those of the results, `reduced` has extent
// and distance of each of GROUPS axes of terms; BATCHED says that the outermost of these is the batch.
struct Params {
    len: u32,
    rank: u32,
    padding0: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
    reduced: array<vec4<u32>, 3>,
    begin: u32,
    end: u32,
    terms: u32,
    per_row: u32,
    step_width: u32,
    padding2: u32,
    padding3: u32,
    padding4: u32,
}
@group(1) @binding(0) var<uniform> params: Params;

// Where the results' first terms stand.
fn first_term(j: u32) -> u32 {
    return offsets(j).x;
}

// How far term r is from the first.
fn term_offset(r: u32) -> u32 {
    var rest = r;
    var at = 0u;
    if (GROUPS > 2u) {
        let axis = params.reduced[2];
        at += rest % axis.x * axis.y;
        rest /= axis.x;
    }
    if (GROUPS > 1u) {
        let axis = params.reduced[1];
        at += rest % axis.x * axis.y;
        rest /= axis.x;
    }
    return at + rest * params.reduced[0].y;
}

// Of a batch, the rows that count.
fn counting(terms: u32) -> u32 {
    if (BATCHED) {
        return min(terms, step_rows(params.step_width) * params.per_row);
    }
    return terms;
}
