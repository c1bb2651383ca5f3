//! Rows in and out of a batch: gathered from resident data by a permutation, and stored at the step's place.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, FLAG_BAD_INDEX, Float, Launch, Measure, Node, OpDef, Operand, Origin, Param, Role,
    Site, StepState, Tolerance, Value, Variant, shader,
};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::shape::{Dtype, Type};

/// The op `y[i] = data[permutation[step · batch + i]]`.
///
/// data `[rows, …]`, permutation u32 `[n]`, y `[batch, …]`. Rows that do not count are 0; an index out of range sets
/// the flag, and its row is 0. Other ops take it over: they read the data where they need it.
#[derive(Clone, Copy, Debug)]
pub struct RowGather {
    /// Rows of a batch.
    pub batch: usize,
}

/// The op `y[step · batch + i] = x[i]` for the rows that count: x `[batch, …]`, y `[rows, …]`.
#[derive(Clone, Copy, Debug)]
pub struct StoreRows {
    /// Rows of the output.
    pub rows: usize,
}

/// The rows of this step's batch.
///
/// # Errors
/// [`Error::Shape`] where the data has no rows axis, or the permutation is not u32 `[n]`.
pub fn row_gather(g: &Builder, data: Value, permutation: Value, batch: usize) -> Result<Value> {
    g.op1(RowGather { batch }, &[data, permutation])
}

/// Keeps the rows of every step's batch: `[rows, …]`.
///
/// # Errors
/// [`Error::Shape`] where `x` has no batch axis.
pub fn store_rows(g: &Builder, x: Value, rows: usize) -> Result<Value> {
    g.op1(StoreRows { rows }, &[x])
}

/// Data and permutation of a value that is rows of resident data: what an op takes over.
pub fn gathered(g: &Builder, x: Value) -> Option<[Value; 2]> {
    let node = g.producer(x)?;
    let [data, permutation] = node.inputs.as_slice().try_into().ok()?;
    (node.op.name() == "row_gather" && g.origin(data) == Origin::Data).then_some([data, permutation])
}

/// The row of the data that row `i` of the batch is; `None`, and the flag set, where there is no such row.
pub fn row_of<F: Float>(
    step: &mut StepState<F>,
    permutation: &[u32],
    batch: usize,
    rows: usize,
    i: usize,
) -> Option<usize> {
    let row = permutation.get(step.offset(batch) + i).map(|&row| row as usize).filter(|&row| row < rows);
    if row.is_none() {
        step.flag(FLAG_BAD_INDEX);
    }
    row
}

pub(super) fn checked_permutation(op: &str, permutation: &Type) -> Result<()> {
    match (permutation.dtype, permutation.shape.rank()) {
        (Dtype::U32, 1) => Ok(()),
        _ => Err(Error::shape(op, "permutation as u32 [n]", permutation)),
    }
}

/// What a launch binds and is told that gathers rows of data, input 0, by a permutation, input 1.
pub(super) fn gathering(launch: Launch, site: &Site<'_>) -> Launch {
    let y = &site.outputs[0];
    launch
        .bind(Bind::Span(Role::Data, vec![Operand::Input(0), Operand::Input(1)]))
        .bind(Bind::Step)
        .output(0)
        .bind(Bind::FlagWrite)
        .size("batch", y.shape.dims()[0])
        .size("cols", y.shape.without_batch().len())
        .param("data", Param::Offset { bind: 0, member: 0 })
        .size("data_rows", site.inputs[0].shape.dims()[0])
        .param("permutation", Param::Offset { bind: 0, member: 1 })
        .param("step_width", Param::StepWidth)
        .cost(y.len().div_ceil(64) as u64, 1, 0)
}

impl OpDef for RowGather {
    fn name(&self) -> &str {
        "row_gather"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [data, permutation] = arity("row_gather", inputs)?;
        if data.shape.rank() == 0 {
            return Err(Error::shape("row_gather", "data of at least one axis", data));
        }
        checked_permutation("row_gather", permutation)?;
        let shape = data.shape.without_batch().with_batch(self.batch);
        Ok(vec![Type { shape, dtype: data.dtype, batched: true }])
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![None, None])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let data = &args.types[0];
        let rows = data.shape.dims()[0];
        let width = data.shape.without_batch().len();
        for i in 0..self.batch {
            let counts = i < args.step.rows();
            let row = if counts { row_of(args.step, args.inputs.indices(1), self.batch, rows, i) } else { None };
            let at = row.map(|row| row * width..(row + 1) * width);
            match &mut args.outputs[0] {
                Buffer::Float(y) => put(&mut y[i * width..(i + 1) * width], at.map(|at| &args.inputs.float(0)[at])),
                Buffer::Index(y) => put(&mut y[i * width..(i + 1) * width], at.map(|at| &args.inputs.indices(0)[at])),
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
        Ok(Variant::only(gathering(Launch::new(shader!("row_gather.wgsl")), site)))
    }
}

fn put<T: Copy + Default>(y: &mut [T], row: Option<&[T]>) {
    match row {
        Some(row) => y.copy_from_slice(row),
        None => y.fill(T::default()),
    }
}

impl OpDef for StoreRows {
    fn name(&self) -> &str {
        "store_rows"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("store_rows", inputs)?;
        if !x.batched || x.dtype != Dtype::F32 {
            return Err(Error::shape("store_rows", "x as f32 with a batch axis", x));
        }
        Ok(vec![Type::f32(x.shape.without_batch().with_batch(self.rows))])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let x = args.inputs.float(0);
        let (batch, width) = (args.types[0].shape.dims()[0], args.types[0].shape.without_batch().len());
        let begin = args.step.offset(batch) * width;
        let len = args.step.rows() * width;
        let y = args.outputs[0].float_mut();
        let end = (begin + len).min(y.len());
        if let Some(y) = y.get_mut(begin..end) {
            y.copy_from_slice(&x[..y.len()]);
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
        let x = &site.inputs[0];
        let launch = Launch::new(shader!("store_rows.wgsl"))
            .input(0)
            .bind(Bind::Step)
            .output(0)
            .size("batch", x.shape.dims()[0])
            .size("rows", self.rows)
            .size("cols", x.shape.without_batch().len())
            .param("step_width", Param::StepWidth)
            .cost(x.len().div_ceil(64) as u64, 1, 0);
        Ok(Variant::only(launch))
    }
}

/// Cases of awkward sizes, with batches of fewer rows.
pub fn cases() -> Vec<Case> {
    let gather = EDGES.iter().filter(|&&n| n > 0).flat_map(|&n| {
        let case = |batch: usize, rows: usize| {
            Case::new(RowGather { batch }, [Type::f32([n, 3]), Type::u32([2 * batch])])
                .domain(1, Domain::Index(n))
                .rows(rows, batch)
                .step(1)
        };
        [case(n, n), case(n, n - 1), case(7, 5)]
    });
    let store = EDGES.iter().chain(&[4097]).filter(|&&n| n > 0).flat_map(|&n| {
        let case =
            |count: usize, rows: usize| Case::new(StoreRows { rows }, [Type::f32([n, 2]).batched(true)]).rows(count, n);
        [case(n, 2 * n), case(n - n / 3, n + 5), case(n, n.div_ceil(2)).step(0)]
    });
    gather.chain(store).collect()
}
