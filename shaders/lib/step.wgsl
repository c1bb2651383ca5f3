// The step protocol as kernels read it, from the binding `step_words`: [step, halt, sequence, bad index], then a row
// of `width` words per step: [rows that count, column 0, column 1, ...].
const STEP_HEADER: u32 = 4u;
const FLAG_NOT_FINITE: u32 = 1u;
const FLAG_BAD_INDEX: u32 = 2u;

fn step_rows(width: u32) -> u32 {
    return step_words[STEP_HEADER + step_words[0] * width];
}

fn step_column(width: u32, column: u32) -> f32 {
    return bitcast<f32>(step_words[STEP_HEADER + step_words[0] * width + 1u + column]);
}

// Where this step's rows begin in a permutation.
fn step_offset(batch: u32) -> u32 {
    return step_words[0] * batch;
}
