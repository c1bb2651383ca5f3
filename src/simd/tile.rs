//! A tile of a product: some rows of 8 or 16 columns, kept in registers over a chunk of terms.

use crate::simd::lanes::Lanes;

/// Columns of a panel.
pub(super) const PANEL: usize = 16;

/// Elements of a matrix from a place on, with the distances of neighbours.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub start: *const f32,
    /// From a row to the next.
    pub rows: usize,
    /// From a column to the next.
    pub cols: usize,
}

/// What a tile begins with, besides its own products.
#[derive(Clone, Copy)]
pub(super) enum Begin {
    /// Nothing.
    Zero,
    /// A number for each column.
    Bias(*const f32),
    /// What is there.
    Old,
}

/// Where a tile goes.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub start: *mut f32,
    /// From a row to the next.
    pub rows: usize,
    /// Columns of it that exist.
    pub width: usize,
    pub begin: Begin,
}

/// `c = begin + a b` over `terms` terms, for at most 6 rows and [`PANEL`] columns.
///
/// # Safety
/// a has `m` rows of `terms` elements; b has `terms` rows of 8 elements that can be read, or of 16 where the width is
/// above 8; the target has `m` rows of `width` elements, which are not read or written by others, and so has the bias.
#[inline(always)]
pub(super) unsafe fn tile<V: Lanes>(m: usize, a: Place, b: Place, terms: usize, c: Target) {
    // SAFETY: the caller's.
    unsafe {
        match (m, c.width > 8) {
            (1, false) => fixed::<V, 1, 1>(a, b, terms, c),
            (2, false) => fixed::<V, 2, 1>(a, b, terms, c),
            (3, false) => fixed::<V, 3, 1>(a, b, terms, c),
            (4, false) => fixed::<V, 4, 1>(a, b, terms, c),
            (5, false) => fixed::<V, 5, 1>(a, b, terms, c),
            (_, false) => fixed::<V, 6, 1>(a, b, terms, c),
            (1, true) => fixed::<V, 1, 2>(a, b, terms, c),
            (2, true) => fixed::<V, 2, 2>(a, b, terms, c),
            (3, true) => fixed::<V, 3, 2>(a, b, terms, c),
            (4, true) => fixed::<V, 4, 2>(a, b, terms, c),
            (5, true) => fixed::<V, 5, 2>(a, b, terms, c),
            (_, true) => fixed::<V, 6, 2>(a, b, terms, c),
        }
    }
}

#[inline(always)]
unsafe fn fixed<V: Lanes, const M: usize, const N: usize>(a: Place, b: Place, terms: usize, c: Target) {
    let mut sums = [[V::splat(0.0); N]; M];
    let (mut a_at, mut b_at) = (a.start, b.start);
    let mut left = terms;
    // Plain loops over constants: they unroll, and every sum is in a register.
    while left > 0 {
        // SAFETY: term by term, these are the elements that the caller promises.
        unsafe {
            let mut row = [V::splat(0.0); N];
            let mut v = 0;
            while v < N {
                row[v] = V::load(b_at.add(8 * v));
                v += 1;
            }
            let mut r = 0;
            while r < M {
                let x = V::splat(*a_at.add(r * a.rows));
                let mut v = 0;
                while v < N {
                    sums[r][v] = sums[r][v].add_product(x, row[v]);
                    v += 1;
                }
                r += 1;
            }
        }
        // Past the last term these point to nothing, and are not read.
        (a_at, b_at) = (a_at.wrapping_add(a.cols), b_at.wrapping_add(b.rows));
        left -= 1;
    }
    // SAFETY: the caller's.
    unsafe { put(sums, c) }
}

#[inline(always)]
unsafe fn put<V: Lanes, const M: usize, const N: usize>(sums: [[V; N]; M], c: Target) {
    for (r, sums) in sums.into_iter().enumerate() {
        // SAFETY: a row of the target, of `width` elements, of which all are written where they fill the vectors.
        unsafe {
            let to = c.start.add(r * c.rows);
            if c.width == 8 * N {
                for (v, sum) in sums.into_iter().enumerate() {
                    let sum = match c.begin {
                        Begin::Zero => sum,
                        Begin::Bias(bias) => V::load(bias.add(8 * v)).add(sum),
                        Begin::Old => V::load(to.add(8 * v)).add(sum),
                    };
                    sum.store(to.add(8 * v));
                }
            } else {
                let mut row = [0.0f32; PANEL];
                sums.into_iter().enumerate().for_each(|(v, sum)| sum.store(row.as_mut_ptr().add(8 * v)));
                for (j, sum) in row.into_iter().take(c.width).enumerate() {
                    *to.add(j) = match c.begin {
                        Begin::Zero => sum,
                        Begin::Bias(bias) => *bias.add(j) + sum,
                        Begin::Old => *to.add(j) + sum,
                    };
                }
            }
        }
    }
}
