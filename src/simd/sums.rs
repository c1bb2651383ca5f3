//! Sums, and looks at all numbers of a slice.

use crate::graph::CHUNK;
use crate::simd::lanes::Lanes;
use crate::simd::level::{Level, Work};

/// Sums that are added to in turn, so that none waits for the one before.
const LANES: usize = 8;

/// The sum of numbers in chunks of [`CHUNK`], each in eight sums side by side.
#[inline(always)]
pub fn chunked(x: &[f32]) -> f32 {
    let mut total = 0.0;
    for chunk in x.chunks(CHUNK) {
        let mut sums = [0.0f32; LANES];
        let (whole, rest) = chunk.as_chunks::<LANES>();
        for x in whole {
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        sums.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x);
        let [a, b, c, d, e, f, g, h] = sums;
        total += ((a + b) + (c + d)) + ((e + f) + (g + h));
    }
    total
}

/// `y[j] = Σ x[i, j]` over the rows i, in chunks: x `[rows, y.len()]`, `part` as long as y.
pub fn column_sums(level: Level, y: &mut [f32], x: &[f32], rows: usize, part: &mut [f32]) {
    level.run(ColumnSums { y, x, rows, part });
}

struct ColumnSums<'a> {
    y: &'a mut [f32],
    x: &'a [f32],
    rows: usize,
    part: &'a mut [f32],
}

impl Work for ColumnSums<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { y, x, rows, part } = self;
        let n = y.len();
        y.fill(0.0);
        if n == 0 {
            return;
        }
        for chunk in x[..rows * n].chunks(CHUNK * n) {
            part.fill(0.0);
            for row in chunk.chunks_exact(n) {
                part.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
            y.iter_mut().zip(&*part).for_each(|(y, part)| *y += part);
        }
    }
}

/// Whether any magnitude of a slice is at least a limit, or NaN.
pub struct Above<'a> {
    /// The numbers.
    pub x: &'a [f32],
    /// What no magnitude may reach.
    pub limit: f32,
    /// Set where one does.
    pub found: &'a mut bool,
}

impl Work for Above<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let limit = self.limit.to_bits() as i32;
        let any = self.x.iter().fold(0, |any, x| any | i32::from((x.to_bits() & 0x7fff_ffff) as i32 >= limit));
        *self.found |= any != 0;
    }
}
