//! The op of metrics that count: sums over the rows of a batch, column by column.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, CHUNK, Constant, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY, Tolerance,
    UNIT, Value, Variant, shader, sum_bar,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::loss::{Targets, bind_read, data_row, inputs, operands, places_read};
use crate::shape::{Dtype, Type};

/// Buckets that a histogram may have: its kernel takes the product of their number and 24 bits in 32.
const MOST_BUCKETS: usize = 255;

/// What [`ColumnSums`] adds up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColumnTerms {
    /// `h y, h (1 − y), (1 − h) y, (1 − h) (1 − y)`, where h is 1 for p above this threshold, else 0: true positives,
    /// false positives, false negatives, true negatives.
    Confusion(f64),
    /// `1, y, y², (p − y)²`.
    Moments,
    /// `y, 1 − y` of all elements whose p is in a bucket: column `⌈p n⌉ − 1` of n, p clipped to [0, 1], 0 in the first.
    Histogram(usize),
}

/// The op `Σ w term(p, y)` over the rows that count, for each column and each of the terms.
///
/// Predictions p `[batch, …]`, targets y like p, weights w `[batch]`. Outputs: a value `[columns]` for each of the terms,
/// where the columns are the elements of a row, or the buckets of a histogram. NaN is not above a threshold, and in the
/// first bucket.
/// Gathered, y and w are resident data `[rows, …]`, and the permutation is the fourth input.
#[derive(Clone, Debug)]
pub struct ColumnSums {
    /// What is added up.
    pub terms: ColumnTerms,
    /// Rows of a batch, where y and w are gathered.
    pub gathered: Option<usize>,
}

/// The sums of `terms` by column. Targets that are rows of resident data are read there, and sums that are there
/// already are taken: metrics of one kind share them.
///
/// # Errors
/// [`Error::Shape`] where these do not fit.
pub fn column_sums(g: &Builder, terms: ColumnTerms, p: Value, targets: Targets) -> Result<Vec<Value>> {
    let (inputs, gathered) = inputs(g, p, targets);
    let op = ColumnSums { terms, gathered };
    let text = format!("{op:?}");
    let found = g.with_graph(|graph| {
        let same = graph.nodes.iter().find(|node| node.inputs == inputs && format!("{:?}", node.op) == text);
        same.map(|node| node.outputs.clone())
    });
    found.map_or_else(|| g.op(Arc::new(op), &inputs), Ok)
}

/// An element, and the column that it counts for.
struct Element<F> {
    column: usize,
    p: F,
    y: F,
    w: F,
}

impl ColumnSums {
    fn count(&self) -> usize {
        if self.is_histogram() { 2 } else { 4 }
    }

    fn is_histogram(&self) -> bool {
        matches!(self.terms, ColumnTerms::Histogram(_))
    }

    fn columns(&self, p: &Type) -> usize {
        match self.terms {
            ColumnTerms::Histogram(buckets) => buckets,
            _ => p.shape.without_batch().len(),
        }
    }

    /// Calls `each` for every element that counts.
    fn each<F: Float>(&self, args: &mut Args<'_, F>, mut each: impl FnMut(Element<F>)) {
        let (p, y, w) = (args.inputs.float(0), args.inputs.float(1), args.inputs.float(2));
        let width = args.types[0].shape.without_batch().len();
        for i in 0..args.step.rows_of(&args.types[0]) {
            let row = data_row(args.step, self.gathered, args.inputs.indices(3), &args.types[1], i);
            let Some(row) = row else { continue };
            for j in 0..width {
                let p = p[i * width + j];
                let column = match self.terms {
                    ColumnTerms::Histogram(buckets) => bucket(p.to_f64(), buckets),
                    _ => j,
                };
                each(Element { column, p, y: y[row * width + j], w: w[row] });
            }
        }
    }

    /// The terms of an element.
    fn terms<F: Float>(&self, &Element { p, y, w, .. }: &Element<F>) -> [F; 4] {
        let terms = match self.terms {
            ColumnTerms::Confusion(threshold) => {
                let (one, zero) = (y, F::ONE - y);
                if p > F::of(threshold) { [one, zero, F::ZERO, F::ZERO] } else { [F::ZERO, F::ZERO, one, zero] }
            }
            ColumnTerms::Moments => [F::ONE, y, y * y, (p - y) * (p - y)],
            ColumnTerms::Histogram(_) => [y, F::ONE - y, F::ZERO, F::ZERO],
        };
        terms.map(|term| w * term)
    }
}

/// The bucket of a number. In f64 the product is exact for an f32, and so the same on every device.
fn bucket(p: f64, buckets: usize) -> usize {
    ((p.clamp(0.0, 1.0) * buckets as f64).ceil() as usize).saturating_sub(1)
}

impl OpDef for ColumnSums {
    fn name(&self) -> &str {
        match self.terms {
            ColumnTerms::Confusion(_) => "confusion_counts",
            ColumnTerms::Moments => "target_moments",
            ColumnTerms::Histogram(_) => "score_histogram",
        }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [p, y, _] = operands(self.name(), inputs, self.gathered)?;
        if p.dtype != Dtype::F32 || y.dtype != Dtype::F32 || y.shape.without_batch() != p.shape.without_batch() {
            return Err(Error::shape(self.name(), format!("targets as {p}"), y));
        }
        let columns = self.columns(p);
        if self.is_histogram() && !(1..=MOST_BUCKETS).contains(&columns) {
            return Err(Error::argument("buckets", format!("1 to {MOST_BUCKETS}"), columns));
        }
        Ok(vec![Type::f32([columns]); self.count()])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let columns = self.columns(&args.types[0]);
        let (mut sums, mut parts) = (vec![[F::ZERO; 4]; columns], vec![[F::ZERO; 4]; columns]);
        // A part of a column has at most as many terms as a chunk.
        let most = if self.is_histogram() { CHUNK } else { CHUNK * columns };
        let mut taken = 0;
        let add = |sums: &mut Vec<[F; 4]>, parts: &mut Vec<[F; 4]>| {
            for (sum, part) in sums.iter_mut().flatten().zip(parts.iter_mut().flatten()) {
                *sum += std::mem::replace(part, F::ZERO);
            }
        };
        self.each(&mut args, |e| {
            parts[e.column].iter_mut().zip(self.terms(&e)).for_each(|(part, term)| *part += term);
            taken += 1;
            if taken % most == 0 {
                add(&mut sums, &mut parts);
            }
        });
        add(&mut sums, &mut parts);
        for (i, output) in args.outputs.iter_mut().enumerate() {
            output.float_mut().iter_mut().zip(&sums).for_each(|(sum, sums)| *sum = sums[i]);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        if self.terms == ColumnTerms::Moments { Measure::Parts } else { Measure::Sum }
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let mut bars = case.equal();
        let mut found = vec![(0, [0.0; 4], 0.0); self.columns(&case.types[0])];
        let mut step = case.step.clone();
        let mut args = Args { types: case.types, inputs: case.inputs, outputs: &mut [], step: &mut step };
        self.each(&mut args, |e| {
            let (terms, magnitudes, weights) = &mut found[e.column];
            *terms += 1;
            *weights += 1.0 + e.w.abs();
            magnitudes.iter_mut().zip(self.terms(&e)).for_each(|(sum, term)| *sum += term.abs());
        });
        for (i, bars) in bars.iter_mut().enumerate() {
            for (bar, (terms, magnitudes, weights)) in bars.iter_mut().zip(&found) {
                // Terms are rounded up to five times, and what stands under a weight may be flushed.
                *bar = sum_bar(*terms, magnitudes[i]) + 5.0 * UNIT * magnitudes[i] + weights * TINY;
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (p, columns) = (&site.inputs[0], self.columns(&site.inputs[0]));
        let width = p.shape.without_batch().len();
        let threshold = match self.terms {
            ColumnTerms::Confusion(threshold) => threshold,
            _ => 0.0,
        };
        let sums = (0..self.count()).map(Operand::Output).collect();
        let launch = bind_read(Launch::new(shader!("column_sums.wgsl")), self.gathered)
            .bind(Bind::Span(Role::Partials, sums))
            .bind(Bind::FlagWrite)
            .flag("HISTOGRAM", self.is_histogram())
            .flag("MOMENTS", self.terms == ColumnTerms::Moments)
            .constant("LANES", Constant::U32(64))
            .size("batch", p.shape.dims().first().copied().unwrap_or(1))
            .size("width", width)
            .size("columns", columns);
        let mut launch = places_read(launch, self.gathered, &site.inputs[1]);
        for (member, name) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
            let at = if member < self.count() { Param::Offset { bind: 4, member } } else { Param::U32(0) };
            launch = launch.param(name, at);
        }
        let terms = if self.is_histogram() { p.len() } else { p.len() / width.max(1) };
        let trips = terms.div_ceil(64) as u64 + terms.div_ceil(64 * CHUNK) as u64 + 16;
        let launch = launch.param("threshold", Param::F32(threshold as f32)).param("step_width", Param::StepWidth);
        Ok(Variant::only(launch.cost(columns as u64, trips, 8 * (terms * columns) as u64)))
    }
}

/// Cases of awkward numbers of rows and of columns, of more terms than a chunk has; gathered or not, with batches of
/// fewer rows.
pub fn cases() -> Vec<Case> {
    let few = EDGES.iter().enumerate().map(|(i, &n)| vec![n, 1 + i % 4]);
    let others = [vec![5, 257], vec![4, 3, 7], vec![40_000, 2]];
    let shapes: Vec<Vec<usize>> = few.chain(others).collect();
    let mut cases = vec![];
    let confusion = [ColumnTerms::Confusion(0.5), ColumnTerms::Confusion(0.7)];
    let histograms = [1, 2, 199, MOST_BUCKETS].map(ColumnTerms::Histogram);
    for terms in confusion.into_iter().chain([ColumnTerms::Moments]).chain(histograms) {
        cases.extend(shapes.iter().enumerate().map(|(i, shape)| case(terms, shape, i)));
    }
    cases
}

fn case(terms: ColumnTerms, shape: &[usize], i: usize) -> Case {
    let batch = shape[0];
    let is_gathered = i % 2 == 1 && batch > 0;
    let rows = if is_gathered { batch + 5 } else { batch };
    let op = ColumnSums { terms, gathered: is_gathered.then_some(batch) };
    let inputs = vec![
        Type::f32(shape).batched(true),
        Type::f32([&[rows], &shape[1..]].concat()),
        Type::f32([rows]),
        Type::u32([2 * batch]),
    ];
    let case = Case::new(op, inputs.into_iter().take(3 + usize::from(is_gathered)));
    let [p, y] = match terms {
        ColumnTerms::Moments => [Domain::Any, Domain::Any],
        _ => [Domain::Probability, Domain::Label],
    };
    let case = case.domain(0, p).domain(1, y).domain(2, Domain::NotNegative).domain(3, Domain::Index(rows));
    let case = case.rows(batch - batch / 3, batch).step(1);
    if shape.iter().product::<usize>() > 20_000 { case.brief() } else { case }
}
