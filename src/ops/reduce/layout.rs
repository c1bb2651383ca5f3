//! Where the terms of a reduction stand, and its launches.

use crate::error::{Error, Result};
use crate::graph::{Bind, CHUNK, Constant, Float, Launch, Param, Source, StepState, Variant, term_ranges};
use crate::ops::walk::along;
use crate::shape::{Shape, Type, Walk};

/// Axes of terms that a kernel goes along, after those that can be are merged.
const MOST_REDUCED: usize = 3;
/// Invocations that share a result.
const LANES: usize = 64;
/// Terms below which no workgroup shares a result.
const FEW: usize = 8;

/// Where the results of a reduction are read from.
pub struct Layout {
    /// From result to result.
    pub results: Walk<1>,
    /// From term to term of a result. A batch is its outermost axis.
    pub terms: Walk<1>,
    /// Number of terms of a result.
    pub count: usize,
    /// Terms that a row of the batch gives, where the batch is reduced.
    pub per_row: Option<usize>,
}

/// The type of what `op` makes of `x` over `axes`, which are kept with an extent of 1.
pub fn reduced(op: &str, x: &Type, axes: &[usize]) -> Result<Type> {
    let mut dims = x.shape.dims().to_vec();
    for (i, &axis) in axes.iter().enumerate() {
        if axis >= dims.len() || axes[..i].contains(&axis) {
            return Err(Error::shape(op, format!("an input that has each of the axes {axes:?} once"), x));
        }
        dims[axis] = 1;
    }
    Ok(Type { shape: Shape::from(dims), dtype: x.dtype, batched: x.batched && !axes.contains(&0) })
}

/// The same, where a result of no terms has no value.
pub fn reduced_from_some(op: &str, x: &Type, axes: &[usize]) -> Result<Type> {
    let ty = reduced(op, x, axes)?;
    if axes.iter().any(|&axis| x.shape.dims()[axis] == 0) {
        return Err(Error::shape(op, format!("at least one element along the axes {axes:?}"), x));
    }
    Ok(ty)
}

impl Layout {
    /// That of a reduction of `x` over `axes`.
    pub fn new(x: &Type, axes: &[usize]) -> Self {
        let strides = x.shape.strides();
        let of = |wanted: bool| {
            let axes = (0..x.shape.rank()).filter(|axis| axes.contains(axis) == wanted);
            axes.map(|axis| (x.shape.dims()[axis], [strides[axis]])).collect::<Vec<_>>()
        };
        let count: usize = of(true).iter().map(|(extent, _)| extent).product();
        let batch = (x.batched && axes.contains(&0)).then(|| x.shape.dims()[0]);
        let per_row = batch.map(|batch| count.checked_div(batch).unwrap_or(0));
        Self { results: Walk::new(of(false)), terms: Walk::new(of(true)), count, per_row }
    }

    /// Number of results.
    pub fn len(&self) -> usize {
        self.results.axes.iter().map(|(extent, _)| extent).product()
    }

    /// Terms of the rows that count.
    pub fn counting<F: Float>(&self, step: &StepState<F>) -> usize {
        self.per_row.map_or(self.count, |per_row| self.count.min(step.rows() * per_row))
    }

    /// Where the terms that count of each result stand.
    pub fn each<F: Float>(&self, step: &StepState<F>, mut each: impl FnMut(usize, usize, &[usize])) {
        let counting = self.counting(step);
        let terms: Vec<usize> = self.terms.offsets().map(|[at]| at).take(counting).collect();
        for (j, [base]) in self.results.offsets().enumerate() {
            each(j, base, &terms);
        }
    }

    /// The ways to run a kernel: an invocation a result, or a workgroup. The latter first for many terms that stand
    /// side by side, and where there are few results.
    pub fn variants(&self, op: &str, source: &Source, extend: impl Fn(Launch) -> Launch) -> Result<Vec<Variant>> {
        let variant = |name, lanes| Ok(Variant { name, launches: self.launches(op, source, lanes, &extend)? });
        let mut variants = vec![variant("invocation", 1)?];
        if self.count >= FEW {
            variants.push(variant("workgroup", LANES)?);
        }
        let neighbours = self.terms.axes.last().is_some_and(|(_, [stride])| *stride == 1);
        if self.count >= LANES && (neighbours || self.len() < LANES) {
            variants.reverse();
        }
        Ok(variants)
    }

    fn launches(
        &self,
        op: &str,
        source: &Source,
        lanes: usize,
        extend: &impl Fn(Launch) -> Launch,
    ) -> Result<Vec<Launch>> {
        let len = self.len();
        let groups = if lanes == 1 { len.div_ceil(LANES) } else { len } as u64;
        let ranges = term_ranges(self.count.div_ceil(lanes)).into_iter();
        ranges
            .map(|range| {
                let (begin, end) = (range.start * lanes, (range.end * lanes).min(self.count));
                let trips = range.len() + range.len().div_ceil(CHUNK) + 16; // with chunks, and what lanes share
                let launch = Launch::new(source.clone()).size("len", len).cost(
                    groups,
                    trips as u64,
                    (len * (end - begin)) as u64,
                );
                let launch = self.terms_of(op, along(op, launch, &self.results)?)?;
                let launch = launch.size("begin", begin).size("end", end).size("terms", self.count);
                let launch = launch.size("per_row", self.per_row.unwrap_or(0)).param("step_width", Param::StepWidth);
                let launch = launch.size("padding2", 0).size("padding3", 0).size("padding4", 0);
                let launch = launch.constant("LANES", Constant::U32(lanes as u32));
                Ok(extend(launch.flag("BATCHED", self.per_row.is_some()).input(0).bind(Bind::Step).output(0)))
            })
            .collect()
    }

    /// Adds the axes of the terms.
    fn terms_of(&self, op: &str, launch: Launch) -> Result<Launch> {
        let axes = &self.terms.axes;
        if axes.len() > MOST_REDUCED {
            let (need, limit) = (axes.len() as u64, MOST_REDUCED as u64);
            return Err(Error::Limit { what: op.into(), name: "axes to reduce, merged where possible", need, limit });
        }
        let mut launch = launch.constant("GROUPS", Constant::U32(axes.len().max(1) as u32));
        for group in 0..MOST_REDUCED {
            let (extent, [stride]) = axes.get(group).copied().unwrap_or((1, [0]));
            launch = launch.size("reduced", extent).size("reduced", stride).size("reduced", 0).size("reduced", 0);
        }
        Ok(launch)
    }
}
