// uses: lib/rows.wgsl
// What an invocation has of a column: one alone (LANES 1), or a workgroup of 64 together, every 64th row each.
struct Share {
    column: u32,
    first: u32,
    stop: u32, // below params.end, or 0 past the last column
    end: u32, // the same of the rows that count
    inside: bool,
    writes: bool, // one of those that share the column
}

fn share_of(number: u32, lane: u32) -> Share {
    let column = select(number * 64u + lane, number, LANES == 64u);
    let place = select(0u, lane, LANES == 64u);
    let inside = column < params.cols;
    let stop = select(0u, params.end, inside);
    return Share(column, params.begin + place, stop, min(stop, counting()), inside, inside && place == 0u);
}
