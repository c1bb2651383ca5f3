//! Products of matrices: in chunks of terms, panels of two vectors and tiles of some rows.
//!
//! An element is the bias, then the sum of each chunk of [`CHUNK`] terms: each added up in order, or, of rows with a single
//! column, in eight sums side by side. So the sizes of blocks, and how a product is split among a team, change no bit.

use std::ops::Range;

use crate::graph::{CHUNK, TEAM_SCRATCH, Team};
use crate::simd::lanes::{Eight, Lanes, Vector};
use crate::simd::level::{Level, Work};
use crate::simd::pack::{self, BLOCK};
use crate::simd::shared::Shared;
use crate::simd::tile::{self, Begin, Place, Target, WIDEST, tile};

/// Elements that stay in the first cache while a tile goes over them again.
const NEAR: usize = 8192;
/// Products of two numbers from which on a team is worth its meeting.
const WORTH: usize = 1 << 19;

/// A matrix in a slice.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// From a row to the next.
    pub rows: usize,
    /// From a column to the next.
    pub cols: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `cols` elements, one after the other.
    pub fn new(data: &'a [f32], cols: usize) -> Self {
        Self { data, rows: cols, cols: 1 }
    }

    /// Rows as columns.
    pub fn transposed(self) -> Self {
        Self { rows: self.cols, cols: self.rows, ..self }
    }

    fn holds(&self, rows: usize, cols: usize) -> bool {
        let end = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        let last = || end(rows, self.rows)?.checked_add(end(cols, self.cols)?);
        rows == 0 || cols == 0 || last().is_some_and(|last| last < self.data.len())
    }

    fn at(&self, row: usize, col: usize) -> Place {
        let start = self.data.as_ptr().wrapping_add(row * self.rows + col * self.cols);
        Place { start, rows: self.rows, cols: self.cols }
    }
}

/// `c = bias + a b`: a `[m, terms]`, b `[terms, n]`, bias `[n]`, c `[m, n]`.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// The instructions.
    pub level: Level,
    /// a.
    pub a: Matrix<'a>,
    /// b.
    pub b: Matrix<'a>,
    /// `[m, terms, n]`.
    pub extents: [usize; 3],
    /// The bias, where there is one.
    pub bias: Option<&'a [f32]>,
}

/// What is done with elements that are ready, while they are near: their place in c, and themselves.
pub type After<'a> = &'a (dyn Fn(usize, &mut [f32]) + Sync);

impl Product<'_> {
    /// Computes c, and calls `after` once for every element.
    pub fn run(&self, c: &mut [f32], team: &mut dyn Team, after: After<'_>) {
        let [m, terms, n] = self.extents;
        let fits = self.a.holds(m, terms) && self.b.holds(terms, n) && self.bias.is_none_or(|b| b.len() >= n);
        let fits = fits && m.checked_mul(n).is_some_and(|len| len <= c.len());
        assert!(fits, "operands smaller than {:?}", self.extents);
        if m == 0 || n == 0 {
            return;
        }
        if n == 1 && m > 1 && self.a.rows == 1 && self.bias.is_none() {
            // A column, as the row that it is in memory: its panels need no copy.
            let turned = Product { a: self.b.transposed(), b: self.a.transposed(), extents: [1, terms, m], ..*self };
            return turned.run(c, team, after);
        }
        let c = Shared::new(c);
        let (parts, by_rows) = self.split(team.size());
        let cut = |len: usize, part: usize| len * part / parts;
        team.run(parts, &|part, scratch| {
            let panels = n.div_ceil(WIDEST);
            let (rows, cols) = match by_rows {
                true => (cut(m, part)..cut(m, part + 1), 0..n),
                false => (0..m, cut(panels, part) * WIDEST..(cut(panels, part + 1) * WIDEST).min(n)),
            };
            self.level.run(Part { of: self, c, rows, cols, scratch, after });
        });
    }

    /// Into how many parts, and whether by rows.
    fn split(&self, size: usize) -> (usize, bool) {
        let [m, terms, n] = self.extents;
        if size == 1 || m * terms * n < WORTH {
            return (1, true);
        }
        let (parts, panels) = (2 * size, n.div_ceil(WIDEST));
        if m == 1 {
            return (parts.min(panels), false);
        }
        // A block of a that must be turned is best turned once.
        if panels >= 2 * parts && self.a.cols == 1 { (parts, false) } else { (parts.min(m), true) }
    }
}

/// The products of rows with b, of so many terms each.
///
/// # Safety
/// The rows and b have these elements.
#[inline(always)]
unsafe fn dots<V: Lanes>(rows: [*const f32; 8], b: *const f32, terms: usize) -> [f32; 8] {
    let mut sums = [V::Eight::splat(0.0); 8];
    let mut y = [0.0; 8];
    let whole = terms / 8 * 8;
    // SAFETY: the caller's.
    unsafe {
        let mut t = 0;
        while t < whole {
            let b = V::Eight::load(b.add(t));
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = sum.add_product(V::Eight::load(row.add(t)), b);
            }
            t += 8;
        }
        let s = V::Eight::transposed(sums);
        let halves = [s[0].add(s[1]).add(s[2].add(s[3])), s[4].add(s[5]).add(s[6].add(s[7]))];
        halves[0].add(halves[1]).store(y.as_mut_ptr());
        for t in whole..terms {
            y.iter_mut().zip(rows).for_each(|(y, row)| *y = V::fma(*row.add(t), *b.add(t), *y));
        }
    }
    y
}

/// Some rows and columns of a product.
struct Part<'a> {
    of: &'a Product<'a>,
    c: Shared<'a, f32>,
    rows: Range<usize>,
    cols: Range<usize>,
    scratch: &'a mut [f32],
    after: After<'a>,
}

impl Work for Part<'_> {
    #[inline(always)]
    fn run<V: Lanes>(mut self) {
        assert!(self.scratch.len() >= TEAM_SCRATCH, "scratch of a team");
        let [_, terms, n] = self.of.extents;
        if n == 1 && self.of.a.cols == 1 && self.of.b.rows == 1 {
            self.column::<V>();
            return self.finish(self.rows.clone());
        }
        for begin in (0..terms.max(1)).step_by(CHUNK) {
            let chunk = begin..terms.min(begin + CHUNK);
            for first in self.rows.clone().step_by(BLOCK) {
                let rows = first..self.rows.end.min(first + BLOCK);
                self.block::<V>(rows.clone(), chunk.clone());
                if chunk.end == terms {
                    self.finish(rows);
                }
            }
        }
    }
}

impl Part<'_> {
    /// A single column: eight rows at once, each as eight sums side by side.
    #[inline(always)]
    fn column<V: Lanes>(&mut self) {
        let [_, terms, _] = self.of.extents;
        let bias = self.of.bias.map_or(0.0, |bias| bias[0]);
        for first in self.rows.clone().step_by(8) {
            let count = (self.rows.end - first).min(8);
            let mut y = [bias; 8];
            for begin in (0..terms).step_by(CHUNK) {
                // Rows that are missing are the last one again.
                let rows = std::array::from_fn(|r| self.of.a.at(first + r.min(count - 1), begin).start);
                let b = self.of.b.at(begin, 0).start;
                // SAFETY: `Product::run` has seen that a has these rows, and both these terms.
                let sums = unsafe { dots::<V>(rows, b, CHUNK.min(terms - begin)) };
                y.iter_mut().zip(sums).for_each(|(y, sum)| *y += sum);
            }
            // SAFETY: these rows of c are this part's own.
            unsafe { self.c.part(first..first + count) }.copy_from_slice(&y[..count]);
        }
    }

    /// A chunk of terms of some rows.
    #[inline(always)]
    fn block<V: Lanes>(&mut self, rows: Range<usize>, chunk: Range<usize>) {
        let ([_, _, n], Matrix { rows: down, cols: along, .. }) = (self.of.extents, self.of.a);
        let (tiles, all) = (rows.len().div_ceil(V::ROWS), tile::panel::<V>());
        let cut = |tile: usize| rows.start + rows.len() * tile / tiles;
        let (block, panel) = self.scratch.split_at_mut(BLOCK * CHUNK + 64);
        let (block, panel) = (block.as_mut_ptr(), panel.as_mut_ptr());
        let reused = self.cols.len() >= 4 * all;
        let copied = reused && if along == 1 { rows.len() * down > NEAR } else { chunk.len() * along > NEAR };
        if copied {
            self.pack::<V>(block, rows.clone(), chunk.clone(), tiles);
        }
        for j in self.cols.clone().step_by(all) {
            let width = all.min(self.cols.end - j);
            // SAFETY: `Product::run` has seen that a, b, c and the bias have these elements, and no other part has
            // these of c; the scratch is as long as packing needs.
            unsafe {
                let b = self.panel::<V>(panel, chunk.clone(), j, width, rows.len());
                for t in 0..tiles {
                    let (i, m) = (cut(t), cut(t + 1) - cut(t));
                    let packed = block.add((i - rows.start) * chunk.len());
                    let a = match (copied, along) {
                        (false, _) => self.of.a.at(i, chunk.start),
                        (true, 1) => Place { start: packed, rows: chunk.len(), cols: 1 },
                        (true, _) => Place { start: packed, rows: 1, cols: m },
                    };
                    let begin = match (chunk.start, self.of.bias) {
                        (0, Some(bias)) => Begin::Bias(bias.as_ptr().add(j)),
                        (0, None) => Begin::Zero,
                        _ => Begin::Old,
                    };
                    let start = self.c.at(i * n + j);
                    tile::<V>(m, a, b, chunk.len(), Target { start, rows: n, width, begin });
                }
            }
        }
    }

    /// Copies rows of a.
    #[inline(always)]
    fn pack<V: Lanes>(&self, block: *mut f32, rows: Range<usize>, chunk: Range<usize>, tiles: usize) {
        let (a, from) = (self.of.a, self.of.a.at(rows.start, chunk.start));
        // SAFETY: as in `block`.
        unsafe {
            if a.cols == 1 {
                pack::rows(block, from, rows.len(), chunk.len());
                return;
            }
            for t in 0..tiles {
                let (i, end) = (rows.len() * t / tiles, rows.len() * (t + 1) / tiles);
                let place = (rows.start + i) * a.rows + chunk.start * a.cols;
                let from = a.at(rows.start + i, chunk.start);
                pack::turned::<V>(block.add(i * chunk.len()), from, end - i, chunk.len(), a.data.len() - place);
            }
        }
    }

    /// A panel of b: where it is, or a copy.
    ///
    /// # Safety
    /// b has the elements, and `panel` room for them.
    #[inline(always)]
    unsafe fn panel<V: Lanes>(&self, panel: *mut f32, chunk: Range<usize>, j: usize, width: usize, m: usize) -> Place {
        let b = self.of.b.at(chunk.start, j);
        let (near, all) = (chunk.len() * b.rows <= NEAR || m <= V::ROWS, tile::panel::<V>());
        if b.cols == 1 && near && (width == all || width == all / 2) {
            return b;
        }
        // SAFETY: the caller's.
        unsafe { pack::panel::<V>(panel, b, width, chunk.len()) }
    }

    /// Gives rows that are ready to `after`.
    fn finish(&self, rows: Range<usize>) {
        let [_, _, n] = self.of.extents;
        // SAFETY: these rows and columns are this part's own.
        let give = |range: Range<usize>| (self.after)(range.start, unsafe { self.c.part(range) });
        if self.cols.len() == n {
            give(rows.start * n..rows.end * n);
        } else {
            rows.for_each(|i| give(i * n + self.cols.start..i * n + self.cols.end));
        }
    }
}
