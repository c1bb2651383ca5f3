//! The kernel of data movement: a box of elements, each read at one place and written at another.

use crate::error::{Error, Result};
use crate::graph::{Launch, Param, shader};

/// Axes that the kernel takes: the length of an array in it.
const MOST_AXES: usize = 6;

/// An axis of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Elements of the box along it.
    pub extent: usize,
    /// Elements between neighbours in what is read.
    pub source_stride: usize,
    /// Elements between neighbours in what is written.
    pub target_stride: usize,
    /// Elements of the box in front of those that are read.
    pub before: usize,
    /// Elements that are read; the others of the box are filled.
    pub inside: usize,
}

impl Axis {
    /// An axis whose elements are all read.
    pub fn new(extent: usize, source_stride: usize, target_stride: usize) -> Self {
        Self { extent, source_stride, target_stride, before: 0, inside: extent }
    }

    fn is_full(&self) -> bool {
        self.before == 0 && self.inside == self.extent
    }

    /// This axis and the next inner one as one, where the inner one's elements follow one another on both sides.
    fn with(&self, inner: &Self) -> Option<Self> {
        let n = inner.extent;
        let joined = Self {
            extent: self.extent * n,
            before: self.before * n,
            inside: self.inside * n,
            source_stride: inner.source_stride,
            target_stride: inner.target_stride,
        };
        let follows = self.source_stride == n * inner.source_stride && self.target_stride == n * inner.target_stride;
        (inner.is_full() && follows).then_some(joined)
    }
}

/// A box of elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// Outermost first.
    pub axes: Vec<Axis>,
    /// The element that is read first.
    pub from: usize,
    /// The element that is written first.
    pub to: usize,
    /// The bits of what is not read.
    pub fill: u32,
}

impl Copy {
    /// A box that begins at the first element of both sides.
    pub fn new(axes: Vec<Axis>) -> Self {
        Self { axes, from: 0, to: 0, fill: 0 }
    }

    /// The same box with as few axes as say it.
    fn coalesced(&self) -> Vec<Axis> {
        let mut axes: Vec<Axis> = vec![];
        for axis in self.axes.iter().filter(|axis| axis.extent != 1 || !axis.is_full()) {
            match axes.last().and_then(|outer| outer.with(axis)) {
                Some(joined) => {
                    axes.pop();
                    axes.push(joined);
                }
                None => axes.push(*axis),
            }
        }
        axes
    }

    /// The launch that copies from input `input` to output `output` of `op`.
    ///
    /// # Errors
    /// [`Error::Limit`] where more than 6 axes are left that cannot be taken as one with another.
    pub fn launch(&self, op: &str, input: usize, output: usize) -> Result<Launch> {
        let axes = self.coalesced();
        if axes.len() > MOST_AXES {
            let (need, limit) = (axes.len() as u64, MOST_AXES as u64);
            return Err(Error::Limit { what: op.into(), name: "axes", need, limit });
        }
        let len = self.axes.iter().map(|axis| axis.extent).product();
        let mut launch = Launch::new(shader!("copy.wgsl"))
            .input(input)
            .output(output)
            .size("len", len)
            .size("count", axes.len())
            .size("x_begin", self.from)
            .size("y_begin", self.to)
            .param("fill", Param::U32(self.fill));
        for padding in ["padding0", "padding1", "padding2"] {
            launch = launch.size(padding, 0);
        }
        let words = |axis: &Axis| [axis.extent, axis.source_stride, axis.target_stride, axis.before, axis.inside];
        for place in 0..MOST_AXES {
            let words = axes.get(place).map_or([0; 5], words);
            launch = words.into_iter().chain([0; 3]).fold(launch, |launch, word| launch.size("axes", word));
        }
        Ok(launch.cost((len as u64).div_ceil(64), axes.len() as u64 + 1, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(of: &[[usize; 3]]) -> Copy {
        Copy::new(of.iter().map(|&[extent, source, target]| Axis::new(extent, source, target)).collect())
    }

    #[test]
    fn axes_that_follow_one_another_are_one() {
        // [2, 3, 4] as it is.
        assert_eq!(axes(&[[2, 12, 12], [3, 4, 4], [4, 1, 1]]).coalesced(), [Axis::new(24, 1, 1)]);
        // [5, 2, 3, 4] to [5, 3, 4, 2]: three axes, of which axis 1 moves.
        let moved = axes(&[[5, 24, 24], [3, 4, 8], [4, 1, 2], [2, 12, 1]]);
        assert_eq!(moved.coalesced(), [Axis::new(5, 24, 24), Axis::new(12, 1, 2), Axis::new(2, 12, 1)]);
        assert_eq!(axes(&[[1, 7, 9], [1, 0, 0]]).coalesced(), []);
    }

    #[test]
    fn padding_of_an_outer_axis_is_padding_of_whole_rows() {
        let outer = Axis { before: 1, inside: 2, ..Axis::new(4, 3, 3) };
        let padded = Copy::new(vec![outer, Axis::new(3, 1, 1)]);
        assert_eq!(padded.coalesced(), [Axis { before: 3, inside: 6, ..Axis::new(12, 1, 1) }]);
        let inner = Axis { before: 1, inside: 3, ..Axis::new(5, 1, 1) };
        let apart = Copy::new(vec![Axis::new(2, 3, 5), inner]);
        assert_eq!(apart.coalesced(), apart.axes);
        let nothing = Axis { before: 1, inside: 0, ..Axis::new(1, 1, 1) };
        assert_eq!(Copy::new(vec![nothing]).coalesced(), [nothing], "an element that is filled is kept");
    }

    #[test]
    fn too_many_axes_are_refused() {
        // Strides that never follow one another.
        let apart = |n: usize| Copy::new((0..n).map(|i| Axis::new(2, 3 + i, 5 + i)).collect());
        assert!(apart(MOST_AXES).launch("x", 0, 0).is_ok());
        assert!(matches!(apart(MOST_AXES + 1).launch("x", 0, 0), Err(Error::Limit { name: "axes", .. })));
    }
}
