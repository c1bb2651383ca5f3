//! What an op asks of a GPU: launches of kernels, with what they bind. Plain data; nothing here knows wgpu.

use crate::error::{Error, Result};
use crate::graph::wgsl::Source;
use crate::shape::Type;

/// Storage buffers that WebGPU guarantees to a stage; no launch binds more.
pub const MOST_BINDINGS: usize = 8;
/// Iterations that an invocation may run, all its loops counted together: some drivers stop there without an error.
pub const MOST_TRIPS: u64 = 65_535;
/// Terms that a kernel adds to one another before it adds the sum to another sum.
pub const CHUNK: usize = 256;

/// What a device has, as far as a kernel is chosen and checked by it. Kernels keep to the workgroups and the workgroup
/// memory that WebGPU guarantees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the largest storage binding.
    pub max_binding_bytes: u64,
    /// Workgroups in one dimension of a grid.
    pub workgroups_per_dimension: u32,
}

impl Default for Caps {
    /// What WebGPU guarantees.
    fn default() -> Self {
        Self { max_binding_bytes: 128 << 20, workgroups_per_dimension: 65_535 }
    }
}

impl Caps {
    /// A grid of at least `groups` workgroups; those past 65,535 fold into a second dimension, near square.
    ///
    /// # Errors
    /// [`Error::Limit`] where two dimensions are not enough.
    pub fn grid(&self, what: &str, groups: u64) -> Result<[u32; 3]> {
        let most = u64::from(self.workgroups_per_dimension);
        let rows = groups.div_ceil(most).max(1);
        let cols = groups.div_ceil(rows);
        match (u32::try_from(cols), u32::try_from(rows)) {
            (Ok(x), Ok(y)) if rows <= most => Ok([x, y, 1]),
            _ => Err(Error::Limit { what: what.into(), name: "workgroups", need: groups, limit: most * most }),
        }
    }
}

/// Where an op stands when its kernels are chosen.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// Types of the inputs.
    pub inputs: &'a [Type],
    /// Types of the outputs.
    pub outputs: &'a [Type],
    /// Which outputs something reads.
    pub used: &'a [bool],
    /// The device.
    pub caps: &'a Caps,
}

/// One way to run an op.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name, unique in the op.
    pub name: &'static str,
    /// Run in this order.
    pub launches: Vec<Launch>,
}

impl Variant {
    /// The only variant of an op, of one launch.
    pub fn only(launch: Launch) -> Vec<Self> {
        vec![Self { name: "default", launches: vec![launch] }]
    }
}

/// A value that a launch binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An input, read.
    Input(usize),
    /// An output, written (and read, where it shares storage with an input).
    Output(usize),
}

/// What an arena holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What is trained.
    Parameters,
    /// What optimizers keep.
    Moments,
    /// What layers keep.
    State,
    /// What the host uploads.
    Data,
    /// Of the parameters.
    Gradients,
    /// Sums and counts of parts of a batch.
    Partials,
    /// Sums and counts of steps.
    Results,
    /// What a step computes and nothing reads after it: several values, one after the other.
    Activation,
    /// One value that a step computes and somebody outside reads.
    Output,
    /// Outputs that nothing reads: bound, and not written.
    Unread,
}

/// A binding of group 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// One value.
    One(Operand),
    /// Values in one arena, bound together; a `Param::Offset` says where each begins.
    Span(Role, Vec<Operand>),
    /// Step words and table, read.
    Step,
    /// Step words and table, written: by `step_end` alone.
    StepWrite,
    /// The flag, read.
    Flag,
    /// The flag, set by atomic or.
    FlagWrite,
}

impl Bind {
    /// Whether the launch writes through it.
    pub fn writes(&self) -> bool {
        match self {
            Self::One(operand) => matches!(operand, Operand::Output(_)),
            Self::Span(_, operands) => operands.iter().any(|o| matches!(o, Operand::Output(_))),
            Self::StepWrite | Self::FlagWrite => true,
            Self::Step | Self::Flag => false,
        }
    }
}

/// A member of the `Params` struct of group 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Param {
    /// A number.
    U32(u32),
    /// A number.
    F32(f32),
    /// Where a member of a span begins, in words from the span's begin.
    Offset {
        /// The binding.
        bind: usize,
        /// The member's place in the span.
        member: usize,
    },
    /// Words of a binding, padding included.
    Words {
        /// The binding.
        bind: usize,
    },
    /// Words of a row of the step table.
    StepWidth,
}

/// A constant of a kernel's header.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// `const NAME: bool`
    Bool(bool),
    /// `const NAME: u32`
    U32(u32),
    /// A function of the kernel's header that calls another one with the same arguments, then with parameters.
    Call {
        /// How the kernel declares it: arguments with types and the result.
        signature: &'static str,
        /// The function's name before its suffix.
        stem: &'static str,
        /// The values of its parameters.
        params: Vec<f32>,
    },
}

/// One launch of one kernel.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The files of the kernel; the last is the kernel itself, the others hold functions.
    pub sources: Vec<Source>,
    /// The kernel's header.
    pub constants: Vec<(&'static str, Constant)>,
    /// Group 0.
    pub binds: Vec<Bind>,
    /// Group 1, in the order of the struct.
    pub params: Vec<(&'static str, Param)>,
    /// Whether all spans must have their members at the same distances: an update of several arenas by one index.
    pub congruent: bool,
    /// Workgroups, before folding.
    pub groups: u64,
    /// The most iterations that an invocation runs, all its loops counted together.
    pub trips: u64,
    /// Floating point operations, a multiply-add counted as two.
    pub flops: u64,
}

impl Launch {
    /// A launch of the kernel in `source`, with nothing bound.
    pub fn new(source: Source) -> Self {
        Self {
            sources: vec![source],
            constants: vec![],
            binds: vec![],
            params: vec![],
            congruent: false,
            groups: 1,
            trips: 1,
            flops: 0,
        }
    }

    /// Adds a file of functions.
    pub fn source(mut self, source: Source) -> Self {
        self.sources.insert(0, source);
        self
    }

    /// Adds a line to the header.
    pub fn constant(mut self, name: &'static str, value: Constant) -> Self {
        self.constants.push((name, value));
        self
    }

    /// Adds a boolean to the header.
    pub fn flag(self, name: &'static str, value: bool) -> Self {
        self.constant(name, Constant::Bool(value))
    }

    /// Binds an input.
    pub fn input(mut self, i: usize) -> Self {
        self.binds.push(Bind::One(Operand::Input(i)));
        self
    }

    /// Binds an output.
    pub fn output(mut self, i: usize) -> Self {
        self.binds.push(Bind::One(Operand::Output(i)));
        self
    }

    /// Binds anything.
    pub fn bind(mut self, bind: Bind) -> Self {
        self.binds.push(bind);
        self
    }

    /// Adds a member to `Params`.
    pub fn param(mut self, name: &'static str, value: Param) -> Self {
        self.params.push((name, value));
        self
    }

    /// Adds a size to `Params`. Sizes in elements fit u32 wherever a binding fits a device.
    pub fn size(self, name: &'static str, value: usize) -> Self {
        self.param(name, Param::U32(u32::try_from(value).unwrap_or(u32::MAX)))
    }

    /// Says what it costs.
    pub fn cost(mut self, groups: u64, trips: u64, flops: u64) -> Self {
        (self.groups, self.trips, self.flops) = (groups, trips, flops);
        self
    }
}

/// The ranges of `terms` that one launch after the other sums, so that none passes the bound on iterations.
///
/// Whole chunks each, `unit` terms an iteration; at least one range, empty for no terms.
pub fn term_ranges(terms: usize) -> Vec<std::ops::Range<usize>> {
    const MOST: usize = 32_768; // half of the bound, for the loop over chunks and what a kernel adds to it
    let count = terms.div_ceil(MOST).max(1);
    (0..count).map(|i| i * MOST..((i + 1) * MOST).min(terms)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_fold_near_square() {
        let caps = Caps::default();
        assert_eq!(caps.grid("x", 0).unwrap(), [0, 1, 1]);
        assert_eq!(caps.grid("x", 65_535).unwrap(), [65_535, 1, 1]);
        assert_eq!(caps.grid("x", 65_536).unwrap(), [32_768, 2, 1]);
        assert!(caps.grid("x", 65_535 * 65_535 + 1).is_err());
    }

    #[test]
    fn terms_are_split_at_whole_chunks() {
        assert_eq!(term_ranges(0), vec![0..0; 1]);
        assert_eq!(term_ranges(32_768), vec![0..32_768; 1]);
        assert_eq!(term_ranges(65_537), [0..32_768, 32_768..65_536, 65_536..65_537]);
    }
}
