// uses: lib/axes.wgsl, lib/step.wgsl
// Which terms a reduction has, and where they stand. Its kernel has `reduced` (extent and distance of each of GROUPS
// axes), `end`, `per_row` and `step_width` in its Params; BATCHED says that the outermost of these axes is the batch.

// Where the results' first terms stand: `axes` and `rank` are those of the results.
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
