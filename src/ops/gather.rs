//! Rows of a table by their indices, and the sums that are its gradient.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, CHUNK, FLAG_BAD_INDEX, Float, Launch, Measure, Node, OpDef, Param, Site, StepState,
    TINY, Tolerance, Value, Variant, shader, sum_bar, term_ranges,
};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::shape::{Dtype, Shape, Type};

/// The op `y[i] = table[indices[i]]`: table `[rows, …row]` of either dtype, indices u32 `[…]`, y `[…indices, …row]`.
///
/// An index out of range sets the flag, and its row is 0. Where indices have a batch, so has y, and its rows that do
/// not count are 0, whatever their indices.
#[derive(Clone, Copy, Debug)]
pub struct Gather;

/// The op `table[r] = Σ dy[i] over the i with indices[i] = r`: dy f32 `[…indices, …row]`, indices u32 `[…]`, table
/// `[rows, …row]`.
///
/// An index out of range sets the flag and adds nothing; nor do rows of a batch that do not count. The order of the
/// sums is that of the indices, on every device.
#[derive(Clone, Copy, Debug)]
pub struct ScatterAdd {
    /// Rows of the table.
    pub rows: usize,
}

/// The rows `indices` of `table`: table `[rows, …row]`, indices u32 `[…]`, the result `[…indices, …row]`.
///
/// # Errors
/// [`Error::Shape`] where the table has no rows or a batch, and where the indices are not u32.
pub fn gather(g: &Builder, table: Value, indices: Value) -> Result<Value> {
    g.op1(Gather, &[table, indices])
}

/// The sums of the rows of `dy` that have the same index: `[rows, …row]`.
///
/// # Errors
/// [`Error::Shape`] where dy is not a row for each of the indices, and for a table of no rows.
pub fn scatter_add(g: &Builder, dy: Value, indices: Value, rows: usize) -> Result<Value> {
    g.op1(ScatterAdd { rows }, &[dy, indices])
}

pub(super) fn checked_indices(op: &str, indices: &Type) -> Result<()> {
    if indices.dtype == Dtype::U32 { Ok(()) } else { Err(Error::shape(op, "indices as u32", indices)) }
}

/// How many indices count, and how many a row of a batch has.
pub(super) fn counting<F: Float>(step: &StepState<F>, indices: &Type) -> usize {
    if indices.batched { step.rows_of(indices) * per_row(indices) } else { indices.len() }
}

/// Indices of a row of a batch.
pub(super) fn per_row(indices: &Type) -> usize {
    indices.shape.without_batch().len()
}

/// The row of index `i`; `None`, and the flag set, where there is no such row.
pub(super) fn row_of<F: Float>(step: &mut StepState<F>, indices: &[u32], rows: usize, i: usize) -> Option<usize> {
    let row = indices.get(i).map(|&row| row as usize).filter(|&row| row < rows);
    if row.is_none() {
        step.flag(FLAG_BAD_INDEX);
    }
    row
}

impl OpDef for Gather {
    fn name(&self) -> &str {
        "gather"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [table, indices] = arity("gather", inputs)?;
        checked_indices("gather", indices)?;
        if table.batched || table.shape.dims().first().is_none_or(|&rows| rows == 0) {
            return Err(Error::shape("gather", "a table [rows, …] of at least one row that is no batch", table));
        }
        let dims = indices.shape.dims().iter().chain(table.shape.without_batch().dims()).copied().collect::<Vec<_>>();
        Ok(vec![Type { shape: Shape::from(dims), dtype: table.dtype, batched: indices.batched }])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let [table, indices] = [node.inputs[0], node.inputs[1]];
        let rows = g.ty(table).shape.dims()[0];
        Ok(vec![dy[0].map(|dy| scatter_add(g, dy, indices, rows)).transpose()?, None])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (table, indices) = (&args.types[0], &args.types[1]);
        let (rows, width) = (table.shape.dims()[0], table.shape.without_batch().len());
        args.outputs[0].float_mut().fill(F::ZERO);
        args.outputs[0].indices_mut().fill(0);
        if width == 0 {
            return Ok(());
        }
        for i in 0..counting(args.step, indices) {
            let Some(row) = row_of(args.step, args.inputs.indices(1), rows, i) else { continue };
            let (to, from) = (i * width..(i + 1) * width, row * width..(row + 1) * width);
            match &mut args.outputs[0] {
                Buffer::Float(y) => y[to].copy_from_slice(&args.inputs.float(0)[from]),
                Buffer::Index(y) => y[to].copy_from_slice(&args.inputs.indices(0)[from]),
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (table, indices, len) = (&site.inputs[0], &site.inputs[1], site.outputs[0].len());
        let launch = Launch::new(shader!("gather.wgsl"))
            .flag("BATCHED", indices.batched)
            .input(0)
            .input(1)
            .bind(Bind::Step)
            .output(0)
            .bind(Bind::FlagWrite)
            .size("len", len)
            .size("rows", table.shape.dims()[0])
            .size("cols", table.shape.without_batch().len())
            .size("per_row", per_row(indices))
            .param("step_width", Param::StepWidth)
            .cost(len.div_ceil(64) as u64, 1, 0);
        Ok(Variant::only(launch))
    }
}

impl ScatterAdd {
    /// The shape of a row of the table.
    fn row(dy: &Type, indices: &Type) -> Shape {
        Shape::from(dy.shape.dims()[indices.shape.rank()..].to_vec())
    }

    /// Calls `each` with (row, element of dy, element of the table) for everything that is added.
    fn each<F: Float>(&self, args: &mut Args<'_, F>, mut each: impl FnMut(&mut Args<'_, F>, usize, usize, usize)) {
        let (dy, indices) = (&args.types[0], &args.types[1]);
        let width = Self::row(dy, indices).len();
        if width == 0 {
            return;
        }
        for i in 0..counting(args.step, indices) {
            let Some(row) = row_of(args.step, args.inputs.indices(1), self.rows, i) else { continue };
            (0..width).for_each(|j| each(args, i, i * width + j, row * width + j));
        }
    }
}

impl OpDef for ScatterAdd {
    fn name(&self) -> &str {
        "scatter_add"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy, indices] = arity("scatter_add", inputs)?;
        checked_indices("scatter_add", indices)?;
        let fits = dy.shape.dims().starts_with(indices.shape.dims()) && dy.dtype == Dtype::F32;
        if !fits || dy.batched != indices.batched {
            return Err(Error::shape("scatter_add", format!("dy as f32 with a row for each of {indices}"), dy));
        }
        if self.rows == 0 {
            return Err(Error::shape("scatter_add", "a table of at least one row", "0 rows"));
        }
        Ok(vec![Type::f32(Self::row(dy, indices).with_batch(self.rows))])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| gather(g, dy, node.inputs[1])).transpose()?, None])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let dy = args.inputs.float(0);
        let len = args.outputs[0].float().len();
        // Of each element: the sum of a chunk of the indices, and which chunk that is.
        let mut parts = vec![(F::ZERO, 0); len];
        args.outputs[0].float_mut().fill(F::ZERO);
        self.each(&mut args, |args, i, from, to| {
            let (part, chunk) = &mut parts[to];
            if *chunk != i / CHUNK {
                args.outputs[0].float_mut()[to] += *part;
                (*part, *chunk) = (F::ZERO, i / CHUNK);
            }
            *part += dy[from];
        });
        for (total, (part, _)) in args.outputs[0].float_mut().iter_mut().zip(parts) {
            *total += part;
            args.step.flag_gradient(*total);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let dy = case.inputs.float(0);
        let mut sums = vec![(0, 0.0); case.outputs[0].float().len()];
        let mut step = case.step.clone();
        let mut args = Args { types: case.types, inputs: case.inputs, outputs: &mut [], step: &mut step };
        self.each(&mut args, |_, _, from, to| sums[to] = (sums[to].0 + 1, sums[to].1 + dy[from].abs()));
        vec![sums.into_iter().map(|(terms, magnitude)| sum_bar(terms, magnitude) + TINY).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (dy, indices) = (&site.inputs[0], &site.inputs[1]);
        let cols = Self::row(dy, indices).len();
        let launches = term_ranges(indices.len()).into_iter().map(|range| {
            // Each index may be that of the row; a chunk has 4 turns to look and 8 words.
            let trips = range.len() as u64 + 13 * range.len().div_ceil(CHUNK) as u64;
            Launch::new(shader!("scatter_add.wgsl"))
                .flag("BATCHED", indices.batched)
                .input(0)
                .input(1)
                .bind(Bind::Step)
                .output(0)
                .bind(Bind::FlagWrite)
                .size("rows", self.rows)
                .size("cols", cols)
                .size("count", indices.len())
                .size("per_row", per_row(indices))
                .size("begin", range.start)
                .size("end", range.end)
                .param("step_width", Param::StepWidth)
                .cost((self.rows * cols.div_ceil(64)) as u64, trips, (range.len() * cols) as u64)
        });
        Ok(vec![Variant { name: "default", launches: launches.collect() }])
    }
}

/// Cases of awkward sizes with few rows and many, so that indices repeat or not, with batches and without.
pub fn cases() -> Vec<Case> {
    let pair = |rows: usize, row: &[usize], indices: Type| {
        let with = |dims: &[usize]| [dims, row].concat();
        let dy = Type::f32(with(indices.shape.dims())).batched(indices.batched);
        let index = Domain::Index(rows);
        let lookup = Case::new(Gather, [Type::f32(with(&[rows])), indices.clone()]).domain(1, index);
        [lookup, Case::new(ScatterAdd { rows }, [dy, indices]).domain(1, index)]
    };
    let edges = EDGES.iter().flat_map(|&n| {
        let many = pair(7, &[3], Type::u32([n]));
        let wide = pair(3, &[n], Type::u32([2, 5]));
        let tall = pair(n.max(1), &[2, 2], Type::u32([9]));
        let batch = pair(5, &[4], Type::u32([n, 3]).batched(true)).map(|case| case.rows(n - n / 3, n));
        many.into_iter().chain(wide).chain(tall).chain(batch)
    });
    let one = pair(4, &[2], Type::u32([])); // a single index
    let same = pair(1, &[65], Type::u32([300])); // all of them the same
    let none = pair(6, &[130], Type::u32([8, 2]).batched(true)).map(|case| case.rows(0, 8));
    // Past the bound on iterations: all the same, and spread.
    let long = [1, 3].into_iter().flat_map(|rows| pair(rows, &[2], Type::u32([65_537])));
    // More than 65,535 workgroups.
    let large = [pair(5, &[64], Type::u32([65_537])), pair(65_537, &[1], Type::u32([3]))];
    let large = large.into_iter().flatten().map(Case::brief);
    let table = Type::u32([9, 31]);
    let words = Case::new(Gather, [table, Type::u32([4, 3])]).domain(0, Domain::Index(1 << 30));
    let others =
        one.into_iter().chain(same).chain(none).chain(long).chain(large).chain([words.domain(1, Domain::Index(9))]);
    edges.chain(others).collect()
}
