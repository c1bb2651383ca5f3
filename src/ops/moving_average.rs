//! Moving averages: how a layer keeps what it has seen.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY, Tolerance, Value,
    VariableKind, Variant, padded, shader, ulp,
};
use crate::ops::adam::{elements, groups, parameter_sets};
use crate::ops::case::Case;
use crate::shape::Type;

/// The op `a = m a + (1 − m) v` on n variables: inputs a, then v, n of each; outputs a, which share their storage.
///
/// A momentum m of 0 assigns v, whatever a was. Nothing changes in a step that is flagged or halted.
#[derive(Clone, Copy, Debug)]
pub struct MovingAverage {
    /// n.
    pub count: usize,
    /// m, from 0 on and below 1.
    pub momentum: f64,
}

/// The updated `variables`, any shapes: `momentum` of each and the rest of its value, in one launch. [`Builder::write`] says
/// that the variables are so after the step.
///
/// Variables of one call, and their values, must lie at the same distances: those of a layer that are added one after
/// the other, and the outputs of one op. Source: the moving averages of Keras' `BatchNormalization`.
///
/// # Errors
/// [`Error::Shape`] where there are not as many values, or the shapes differ; [`Error::Argument`] for a momentum below 0
/// or not below 1.
pub fn moving_average(g: &Builder, variables: &[Value], values: &[Value], momentum: f64) -> Result<Vec<Value>> {
    if !(0.0..1.0).contains(&momentum) {
        return Err(Error::argument("momentum", "0 or more, below 1", momentum));
    }
    g.op(Arc::new(MovingAverage { count: variables.len(), momentum }), &[variables, values].concat())
}

impl OpDef for MovingAverage {
    fn name(&self) -> &str {
        "moving_average"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        groups(self.name(), self.count, 2, inputs)
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        (0..self.count).map(|i| (i, i)).collect()
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let (momentum, rest) = (F::of(self.momentum), F::of(1.0 - self.momentum));
        for (i, average) in args.outputs.iter_mut().enumerate() {
            for (average, &value) in average.float_mut().iter_mut().zip(args.inputs.float(self.count + i)) {
                *average = if self.momentum == 0.0 { value } else { momentum * *average + rest * value };
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let mut bars = case.equal();
        for (i, at) in elements(case.types, self.count).filter(|_| self.momentum != 0.0) {
            let kept = self.momentum * case.before[i].float()[at];
            let added = (1.0 - self.momentum) * case.inputs.float(self.count + i)[at];
            // Of each product: the momentum in f32, and the product itself; then the sum.
            bars[i][at] = 2.0 * (ulp(kept) + ulp(added)) + ulp(case.outputs[i].float()[at]) + 2.0 * TINY;
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let n = self.count;
        let words: u64 = site.outputs.iter().map(|ty| padded(ty.len()) as u64).sum();
        let launch = Launch::new(shader!("moving_average.wgsl"))
            .flag("ASSIGN", self.momentum == 0.0)
            .bind(Bind::Span(Role::State, (0..n).map(Operand::Output).collect()))
            .bind(Bind::Span(Role::Partials, (n..2 * n).map(Operand::Input).collect()))
            .bind(Bind::Step)
            .bind(Bind::Flag)
            .param("len", Param::Words { bind: 0 })
            .param("momentum", Param::F32(self.momentum as f32))
            .param("rest", Param::F32((1.0 - self.momentum) as f32))
            .cost(words.div_ceil(64), 1, 3 * words);
        Ok(Variant::only(Launch { congruent: true, ..launch }))
    }
}

/// Cases of awkward sizes, alone and side by side: averages, and plain assignments.
pub fn cases() -> Vec<Case> {
    let cases = parameter_sets().into_iter().flat_map(|set| {
        [0.99, 0.0].map(|momentum| {
            let op = MovingAverage { count: set.len(), momentum };
            Case::new(op, [&set[..], &set].concat()).variables(0..set.len(), VariableKind::State)
        })
    });
    cases.collect()
}
