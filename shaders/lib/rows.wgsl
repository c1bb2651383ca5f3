// uses: lib/step.wgsl
// How many of `params.rows` rows count: where BATCHED, those of the batch, of which each has `params.per_row`.
fn counting() -> u32 {
    if (BATCHED) {
        return min(params.rows, step_rows(params.step_width) * params.per_row);
    }
    return params.rows;
}
