//! Parts of matrices copied to where a tile reads them in order.

use crate::simd::lanes::{Eight, Lanes, Vector};
use crate::simd::tile::{self, Place};

/// Rows of a block of a that is packed.
pub(super) const BLOCK: usize = 192;

/// Copies `width` columns of b, `terms` rows, as rows of a panel's width, the missing ones 0.
///
/// # Safety
/// b has these elements, and the panel has room for `terms` of its rows.
#[inline(always)]
pub(super) unsafe fn panel<V: Lanes>(panel: *mut f32, b: Place, width: usize, terms: usize) -> Place {
    let all = tile::panel::<V>();
    // SAFETY: the caller's, for all that is read and written here.
    unsafe {
        if b.cols == 1 {
            for t in 0..terms {
                let (from, to) = (b.start.add(t * b.rows), panel.add(t * all));
                if width == all {
                    V::Wide::load(from).store(to);
                    V::Wide::load(from.add(all / 2)).store(to.add(all / 2));
                } else {
                    (0..all).for_each(|j| *to.add(j) = if j < width { *from.add(j) } else { 0.0 });
                }
            }
        } else {
            let whole = if b.rows == 1 { terms / 8 * 8 } else { 0 };
            for j in (0..all).step_by(8).filter(|j| j + 8 <= width) {
                for t in (0..whole).step_by(8) {
                    let rows = std::array::from_fn(|i| V::Eight::load(b.start.add((j + i) * b.cols + t)));
                    let rows = V::Eight::transposed(rows).into_iter().enumerate();
                    rows.for_each(|(i, row)| row.store(panel.add((t + i) * all + j)));
                }
            }
            for t in 0..terms {
                let first = if t < whole { width / 8 * 8 } else { 0 };
                for j in first..all {
                    *panel.add(t * all + j) = if j < width { *b.start.add(t * b.rows + j * b.cols) } else { 0.0 };
                }
            }
        }
    }
    Place { start: panel, rows: all, cols: 1 }
}

/// Copies `m` rows of a whose terms are neighbours, one after the other.
///
/// # Safety
/// a has these elements, and the block has room for as many.
#[inline(always)]
pub(super) unsafe fn rows(block: *mut f32, a: Place, m: usize, terms: usize) -> Place {
    // SAFETY: the caller's.
    (0..m).for_each(|i| unsafe { block.add(i * terms).copy_from_nonoverlapping(a.start.add(i * a.rows), terms) });
    Place { start: block, rows: terms, cols: 1 }
}

/// Copies `m` rows of a that are neighbours in memory, term by term.
///
/// # Safety
/// a has these elements, `readable` of them and of what follows, and the block has room for as many and a vector more.
#[inline(always)]
pub(super) unsafe fn turned<V: Lanes>(block: *mut f32, a: Place, m: usize, terms: usize, readable: usize) -> Place {
    for t in 0..terms {
        // SAFETY: the caller's; of a vector, those past the m-th are overwritten by the next term.
        unsafe {
            let (from, to) = (a.start.add(t * a.cols), block.add(t * m));
            if m <= V::Wide::LEN && t * a.cols + V::Wide::LEN <= readable {
                V::Wide::load(from).store(to);
            } else {
                to.copy_from_nonoverlapping(from, m);
            }
        }
    }
    Place { start: block, rows: 1, cols: m }
}
