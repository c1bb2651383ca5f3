//! `y = x + b`, a vector added to every row, and the column sums that are its gradient.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, Node, OpDef, Param, Site, TINY, Tolerance, Value, Variant,
    chunked_sum, shader, sum_bar, term_ranges,
};
use crate::ops::case::{Case, EDGES};
use crate::ops::{arity, elementwise};
use crate::shape::Type;

/// The op `y[i, j] = x[i, j] + b[j]`: x, y `[rows, cols]`, b `[cols]`.
#[derive(Clone, Copy, Debug)]
pub struct BiasAdd;

/// The op `db[j] = Σᵢ dy[i, j]`: dy `[rows, cols]`, db `[cols]`; of a batch, the rows that count.
#[derive(Clone, Copy, Debug)]
pub struct BiasAddBackward;

/// `x + b`: x `[rows, cols]`, b `[cols]`.
///
/// # Errors
/// [`Error::Shape`] where the columns differ.
pub fn bias_add(g: &Builder, x: Value, b: Value) -> Result<Value> {
    g.op1(BiasAdd, &[x, b])
}

impl OpDef for BiasAdd {
    fn name(&self) -> &str {
        "bias_add"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x, b] = arity("bias_add", inputs)?;
        let [_, cols] = x.matrix("bias_add", "x")?;
        if b.vector("bias_add", "b")? != cols {
            return Err(Error::shape("bias_add", format!("b as f32 [{cols}]"), b));
        }
        Ok(vec![x.clone()])
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let db = dy[0].map(|dy| g.op1(BiasAddBackward, &[dy])).transpose()?;
        Ok(vec![dy[0], db])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (x, b) = (args.inputs.float(0), args.inputs.float(1));
        for (i, (y, &x)) in args.outputs[0].float_mut().iter_mut().zip(x).enumerate() {
            *y = x + b[i % b.len()];
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Ulps(1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![case.ulps(0, 1.0)]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = elementwise(shader!("bias_add.wgsl"), site.outputs[0].len());
        Ok(Variant::only(launch.size("cols", site.inputs[1].len()).input(0).input(1).output(0)))
    }
}

impl OpDef for BiasAddBackward {
    fn name(&self) -> &str {
        "bias_add_backward"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy] = arity("bias_add_backward", inputs)?;
        let [_, cols] = dy.matrix("bias_add_backward", "dy")?;
        Ok(vec![Type::f32([cols])])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let dy = args.inputs.float(0);
        let db = args.outputs[0].float_mut();
        let (cols, rows) = (db.len(), args.step.rows_of(&args.types[0]));
        for (j, db) in db.iter_mut().enumerate() {
            *db = chunked_sum((0..rows).map(|i| dy[i * cols + j]));
            args.step.flag_gradient(*db);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let (dy, cols) = (case.inputs.float(0), case.outputs[0].float().len());
        let rows = case.step.rows_of(&case.types[0]);
        let magnitude = |j: usize| (0..rows).map(|i| dy[i * cols + j].abs()).sum();
        vec![(0..cols).map(|j| sum_bar(rows, magnitude(j)) + TINY).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [rows, cols] = site.inputs[0].matrix("bias_add_backward", "dy")?;
        let launches = term_ranges(rows).into_iter().map(|range| {
            let trips = range.len() as u64 + range.len().div_ceil(256) as u64;
            Launch::new(shader!("bias_add_backward.wgsl"))
                .flag("BATCHED", site.inputs[0].batched)
                .input(0)
                .bind(Bind::Step)
                .output(0)
                .bind(Bind::FlagWrite)
                .size("rows", rows)
                .size("cols", cols)
                .size("begin", range.start)
                .size("end", range.end)
                .param("step_width", Param::StepWidth)
                .cost(cols.div_ceil(64) as u64, trips, (range.len() * cols) as u64)
        });
        Ok(vec![Variant { name: "default", launches: launches.collect() }])
    }
}

/// Cases of awkward sizes, with and without a batch of fewer rows.
pub fn cases() -> Vec<Case> {
    let add = EDGES.iter().map(|&n| Case::new(BiasAdd, [Type::f32([3, n]), Type::f32([n])]));
    let wide = EDGES.iter().map(|&n| Case::new(BiasAddBackward, [Type::f32([n, 3])]));
    let batch =
        EDGES.iter().map(|&n| Case::new(BiasAddBackward, [Type::f32([n, 65]).batched(true)]).rows(n - n / 3, n));
    // Past the bound on iterations.
    let long = [[65_537, 2], [5_000_000, 1]].map(|shape| Case::new(BiasAddBackward, [Type::f32(shape)]).brief());
    add.chain(wide).chain(batch).chain(long).collect()
}
