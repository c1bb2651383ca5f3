//! Launches that go over the rows of each column.

use std::ops::Range;

use crate::graph::{CHUNK, Constant, Launch, MOST_TRIPS, Param, Source, term_ranges};
use crate::shape::Type;

/// Invocations that share a column.
const LANES: usize = 64;
/// Rows up to which an invocation has a column of its own.
const FEW: usize = 32;

/// The launches of a kernel in several passes over the rows: one for all of `passes`, or one or several a pass where an
/// invocation would run too long. `extend` is given the passes that a launch does.
pub(super) fn column_launches(
    source: &Source,
    [rows, cols]: [usize; 2],
    passes: Range<usize>,
    extend: impl Fn(Launch, Range<usize>) -> Launch,
) -> Vec<Launch> {
    let lanes = if rows <= FEW { 1 } else { LANES };
    let share = rows.div_ceil(lanes);
    let trips = |share: usize| (share + share.div_ceil(CHUNK) + 16) as u64; // with chunks, and what lanes share
    let parts = if passes.len() as u64 * trips(share) <= MOST_TRIPS {
        vec![(passes, 0..share)]
    } else {
        passes.flat_map(|pass| term_ranges(share).into_iter().map(move |range| (pass..pass + 1, range))).collect()
    };
    let groups = if lanes == 1 { cols.div_ceil(LANES) } else { cols } as u64;
    let launch = |(passes, range): (Range<usize>, Range<usize>)| {
        let (begin, end) = (range.start * lanes, (range.end * lanes).min(rows));
        let count = passes.len() as u64;
        let launch = Launch::new(source.clone())
            .constant("LANES", Constant::U32(lanes as u32))
            .size("rows", rows)
            .size("cols", cols)
            .size("begin", begin)
            .size("end", end)
            .cost(groups, count * trips(range.len()), 4 * count * ((end - begin) * cols) as u64);
        extend(launch, passes)
    };
    parts.into_iter().map(launch).collect()
}

/// Says which rows count: those of a batch, of `per_row` rows of features each.
pub(super) fn counting_rows(launch: Launch, x: &Type) -> Launch {
    launch.flag("BATCHED", x.batched).size("per_row", super::per_row(x)).param("step_width", Param::StepWidth)
}
