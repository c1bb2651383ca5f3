//! The end of a step: partial results into the step's row of results, then the words of the step protocol.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, OpDef, Operand, Over, Param, Part, Report, Role, Site, Tolerance,
    Value, Variant, chunked_sum, shader, sum_bar,
};
use crate::ops::case::Case;
use crate::ops::keep_sums::keep_sums;
use crate::shape::{Dtype, Type};

/// Columns of results that a step can have: the length of an array in the kernel.
pub(super) const MOST_COLUMNS: usize = 16;

/// The parameter that makes the kernel count the sequence word up and do nothing else: how a submission without
/// steps ends.
pub const COUNT_ONLY: &str = "count_only";

/// The op at the end of a step, the last launch of it.
///
/// Inputs: partial results, `[groups]` each, those of f32 in front. Outputs: `[steps, sums]` f32 and
/// `[steps, counts]` u32, of which it writes the step's row. Nothing is written while halted but the sequence word.
#[derive(Clone, Copy, Debug)]
pub struct StepEnd {
    /// Rows of results.
    pub steps: usize,
}

/// Ends the step: collects what it reports, for `steps` steps. Call it last.
///
/// # Errors
/// [`Error::Limit`] for more than 16 columns, and for more than 16 partial results that are summed element by element.
pub fn step_end(g: &Builder, steps: usize) -> Result<()> {
    let (sums, counts) = columns(g, &g.reports());
    let inputs: Vec<Value> = sums.into_iter().chain(counts).collect();
    at_most("step_end", inputs.len())?;
    keep_sums(g, steps)?;
    let outputs = g.op(Arc::new(StepEnd { steps }), &inputs)?;
    g.results(outputs[0], outputs[1]);
    Ok(())
}

/// Refuses more values than a kernel has places for.
pub(super) fn at_most(op: &str, values: usize) -> Result<()> {
    if values <= MOST_COLUMNS {
        return Ok(());
    }
    let (need, limit) = (values as u64, MOST_COLUMNS as u64);
    Err(Error::Limit { what: op.into(), name: "columns of results", need, limit })
}

/// The columns of results: each value once, sums and counts.
fn columns(g: &Builder, reports: &[Report]) -> (Vec<Value>, Vec<Value>) {
    let mut columns = (vec![], vec![]);
    let parts = reports.iter().flat_map(|report| &report.parts);
    for Part { partials, .. } in parts.filter(|part| part.over != Over::Each) {
        let of_type = match g.ty(*partials).dtype {
            Dtype::F32 => &mut columns.0,
            Dtype::U32 => &mut columns.1,
        };
        if !of_type.contains(partials) {
            of_type.push(*partials);
        }
    }
    columns
}

fn count(types: &[Type], dtype: Dtype) -> usize {
    types.iter().filter(|ty| ty.dtype == dtype).count()
}

impl OpDef for StepEnd {
    fn name(&self) -> &str {
        "step_end"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        if let Some(ty) = inputs.iter().find(|ty| ty.shape.rank() != 1) {
            return Err(Error::shape("step_end", "partial results as [groups]", ty));
        }
        let of = |dtype| inputs.iter().filter(|ty| ty.dtype == dtype).count();
        Ok(vec![Type::f32([self.steps, of(Dtype::F32)]), Type::u32([self.steps, of(Dtype::U32)])])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let row = args.step.words.step as usize;
        if !args.step.halted() {
            let [sums, counts] = args.outputs else {
                return Err(Error::shape("step_end", "2 outputs", args.outputs.len()));
            };
            let n = count(args.types, Dtype::F32);
            for i in 0..args.types.len() {
                if i < n {
                    sums.float_mut()[row * n + i] = chunked_sum(args.inputs.float(i).iter().copied());
                } else {
                    let at = row * (args.types.len() - n) + i - n;
                    counts.indices_mut()[at] = args.inputs.indices(i).iter().sum();
                }
            }
        }
        args.step.end();
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Sum
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let mut bars = case.equal();
        let n = count(case.types, Dtype::F32);
        for (i, bar) in bars[0].iter_mut().enumerate() {
            let partials = case.inputs.float(i % n.max(1));
            *bar = sum_bar(partials.len(), partials.iter().map(|v| v.abs()).sum());
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let sums = count(site.inputs, Dtype::F32);
        let operands = (0..site.inputs.len()).map(Operand::Input).collect();
        let groups = site.inputs.iter().map(Type::len).max().unwrap_or(0);
        let mut launch = Launch::new(shader!("step_end.wgsl"))
            .bind(Bind::StepWrite)
            .bind(Bind::FlagWrite)
            .bind(Bind::Span(Role::Partials, operands))
            .bind(Bind::Span(Role::Results, vec![Operand::Output(0), Operand::Output(1)]))
            .size("sum_columns", sums)
            .size("count_columns", site.inputs.len() - sums)
            .param("sums", Param::Offset { bind: 3, member: 0 })
            .param("counts", Param::Offset { bind: 3, member: 1 })
            .size(COUNT_ONLY, 0);
        for padding in ["padding0", "padding1", "padding2"] {
            launch = launch.size(padding, 0);
        }
        for (member, ty) in site.inputs.iter().enumerate() {
            launch = launch.param("columns", Param::Offset { bind: 2, member }).size("columns", ty.len());
            launch = launch.size("columns", 0).size("columns", 0);
        }
        for _ in site.inputs.len() * 4..MOST_COLUMNS * 4 {
            launch = launch.size("columns", 0);
        }
        let trips = site.inputs.len() as u64 * (groups.div_ceil(64) as u64 + groups.div_ceil(64 * 256) as u64 + 7);
        Ok(Variant::only(launch.cost(1, trips, groups as u64)))
    }
}

/// Cases of few and many partial results.
pub fn cases() -> Vec<Case> {
    let groups = [1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 127, 128, 129, 257, 1000, 4097, 16_385];
    let case = |n: usize| Case::new(StepEnd { steps: 2 }, [Type::f32([n]), Type::f32([3]), Type::u32([n])]);
    groups.into_iter().map(|n| case(n).domain(2, crate::ops::Domain::Index(257)).step(n % 2)).collect()
}
