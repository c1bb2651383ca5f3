//! A tile of a product: some rows of one or two vectors, kept in registers over a chunk of terms.

use crate::simd::lanes::{Lanes, Vector};

/// Columns of the widest panel.
pub(super) const WIDEST: usize = 32;

/// Columns of a panel of a level: two vectors.
pub(super) const fn panel<V: Lanes>() -> usize {
    2 * V::Wide::LEN
}

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

/// `c = begin + a b` over `terms` terms, for at most [`Lanes::ROWS`] rows and the columns of a panel.
///
/// # Safety
/// a has `m` rows of `terms` elements; b has `terms` rows of a vector's elements that can be read, or of two where the
/// width is above that; the target has `m` rows of `width` elements, which are not read or written by others, and so has
/// the bias.
#[inline(always)]
pub(super) unsafe fn tile<V: Lanes>(m: usize, a: Place, b: Place, terms: usize, c: Target) {
    macro_rules! rows {
        ($($m:literal)*) => {
            // SAFETY: the caller's.
            unsafe {
                match (m, c.width > V::Wide::LEN) {
                    // More rows than a level has are never asked for, and not compiled for it.
                    $(($m, false) if $m <= V::ROWS => fixed::<V::Wide, $m, 1>(a, b, terms, c),
                    ($m, true) if $m <= V::ROWS => fixed::<V::Wide, $m, 2>(a, b, terms, c),)*
                    _ => unreachable!("a tile of {m} rows"),
                }
            }
        };
    }
    rows!(1 2 3 4 5 6 7 8 9 10 11 12);
}

#[inline(always)]
unsafe fn fixed<V: Vector, const M: usize, const N: usize>(a: Place, b: Place, terms: usize, c: Target) {
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
                row[v] = V::load(b_at.add(V::LEN * v));
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
unsafe fn put<V: Vector, const M: usize, const N: usize>(sums: [[V; N]; M], c: Target) {
    for (r, sums) in sums.into_iter().enumerate() {
        // SAFETY: a row of the target, of `width` elements, of which all are written where they fill the vectors.
        unsafe {
            let to = c.start.add(r * c.rows);
            if c.width == V::LEN * N {
                for (v, sum) in sums.into_iter().enumerate() {
                    let sum = match c.begin {
                        Begin::Zero => sum,
                        Begin::Bias(bias) => V::load(bias.add(V::LEN * v)).add(sum),
                        Begin::Old => V::load(to.add(V::LEN * v)).add(sum),
                    };
                    sum.store(to.add(V::LEN * v));
                }
            } else {
                let mut row = [0.0f32; WIDEST];
                sums.into_iter().enumerate().for_each(|(v, sum)| sum.store(row.as_mut_ptr().add(V::LEN * v)));
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
