//! Sums element by element over the steps of a pass, where `step_end` has no room for them.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, CHUNK, Float, Kept, Launch, Measure, OpDef, Operand, Over, Param, Role, Site, Tolerance,
    Value, Variant, shader,
};
use crate::ops::case::{Case, EDGES};
use crate::ops::step_end::{MOST_COLUMNS, at_most};
use crate::shape::{Dtype, Type};

/// The op `y[step / 256] += x`, where the first of 256 steps begins with x.
///
/// Inputs: f32 `[n]` each, which stand one after the other in a row of y `[⌈steps / 256⌉, Σ n]`. Rows of few steps keep
/// sums as exact as the host's, which adds the rows in f64. Nothing is written in a step that is flagged or halted.
#[derive(Clone, Copy, Debug)]
pub struct KeepSums {
    /// Steps of a pass.
    pub steps: usize,
}

/// Keeps the sums of what is reported element by element, if anything is.
pub(super) fn keep_sums(g: &Builder, steps: usize) -> Result<()> {
    let mut partials: Vec<Value> = vec![];
    for part in g.reports().iter().flat_map(|report| &report.parts).filter(|part| part.over == Over::Each) {
        if !partials.contains(&part.partials) {
            partials.push(part.partials);
        }
    }
    if partials.is_empty() {
        return Ok(());
    }
    let outputs = g.op(Arc::new(KeepSums { steps }), &partials)?;
    g.keep(Kept { partials, sums: outputs[0] });
    Ok(())
}

fn width<'a>(types: impl IntoIterator<Item = &'a Type>) -> usize {
    types.into_iter().map(Type::len).sum()
}

impl OpDef for KeepSums {
    fn name(&self) -> &str {
        "keep_sums"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        at_most(self.name(), inputs.len())?;
        match inputs.iter().find(|ty| ty.dtype != Dtype::F32 || ty.shape.rank() != 1) {
            Some(ty) => Err(Error::shape(self.name(), "partial results as f32 [n]", ty)),
            None => Ok(vec![Type::f32([self.steps.div_ceil(CHUNK), width(inputs.iter().copied())])]),
        }
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let step = args.step.words.step as usize;
        let begin = step / CHUNK * width(args.types);
        let x = (0..args.types.len()).flat_map(|i| args.inputs.float(i));
        for (sum, &x) in args.outputs[0].float_mut().iter_mut().skip(begin).zip(x) {
            *sum = if step.is_multiple_of(CHUNK) { x } else { *sum + x };
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
        let (len, count) = (width(site.inputs), site.inputs.len());
        let mut launch = Launch::new(shader!("keep_sums.wgsl"))
            .bind(Bind::Span(Role::Partials, (0..count).map(Operand::Input).collect()))
            .bind(Bind::Step)
            .bind(Bind::Flag)
            .output(0)
            .size("len", len)
            .size("count", count)
            .size("padding0", 0)
            .size("padding1", 0);
        let mut begin = 0;
        for (member, ty) in site.inputs.iter().enumerate() {
            launch = launch.param("columns", Param::Offset { bind: 0, member }).size("columns", ty.len());
            launch = launch.size("columns", begin).size("columns", 0);
            begin += ty.len();
        }
        for _ in count * 4..MOST_COLUMNS * 4 {
            launch = launch.size("columns", 0);
        }
        Ok(Variant::only(launch.cost(len.div_ceil(64) as u64, count as u64, len as u64)))
    }
}

/// Cases of one to many partial results, at the first of 256 steps: what is there before has no meaning to them.
pub fn cases() -> Vec<Case> {
    let of = |sizes: &[usize], steps| Case::new(KeepSums { steps }, sizes.iter().map(|&n| Type::f32([n]))).step(0);
    let few = EDGES.iter().map(|&n| of(&[n, 3], 1 + n));
    few.chain([of(&[5], 257), of(&[1, 2, 199, 0, 64, 65, 7, 8, 1, 1, 1, 2, 2, 2, 3, 3], 600)]).collect()
}
