//! Normalisation of each feature over a batch, by the batch's own mean and variance: what a training step does.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Measure, Node, OpDef, Operand, Param, Role, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::case::Case;
use crate::ops::normalization::batch_backward::BatchNormalizationBackward;
use crate::ops::normalization::columns::{column_launches, counting_rows};
use crate::ops::normalization::near::Near;
use crate::ops::normalization::{Normalization, counting, inverse_deviation, kind, moments, only_of_y, pair, shapes};
use crate::shape::Type;

/// The op `y = γ (x − mean) / √(variance + ε) + β`, with mean and biased variance of each feature over all axes but the
/// last.
///
/// Inputs x `[…, c]`, then γ and β `[c]` as [`Normalization`] says; outputs y, the mean and the variance `[c]`. Of a
/// batch, the rows that count: the others of y are 0, and mean and variance of no rows are 0. Mean and variance have no
/// derivative of their own. Source: Ioffe and Szegedy, 2015, algorithm 1.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormalization(pub Normalization);

/// `γ (x − mean) / √(variance + ε) + β`, and the mean and the variance of each feature: x `[…, c]`, the others `[c]`.
///
/// The variance is the biased one, `Σ (x − mean)² / n`. For steps of training; [`normalize`](crate::ops::normalize) does it
/// with a mean and a variance from elsewhere. Source: Keras' `BatchNormalization`.
///
/// # Errors
/// [`Error::Shape`] where the features differ, for a scalar, and where the last axis is the batch; [`Error::Argument`]
/// for an epsilon below 0.
pub fn batch_normalization(
    g: &Builder,
    x: Value,
    gamma: Option<Value>,
    beta: Option<Value>,
    epsilon: f64,
) -> Result<[Value; 3]> {
    let op = BatchNormalization(Normalization::new(gamma, beta, epsilon)?);
    let inputs: Vec<Value> = [Some(x), gamma, beta].into_iter().flatten().collect();
    let outputs = g.op(Arc::new(op), &inputs)?;
    outputs[..].try_into().map_err(|_| Error::shape("batch_normalization", "3 outputs", outputs.len()))
}

impl OpDef for BatchNormalization {
    fn name(&self) -> &str {
        "batch_normalization"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [_, cols] = self.0.extents(self.name(), inputs, 1)?;
        Ok(vec![inputs[0].clone(), Type::f32([cols]), Type::f32([cols])])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = only_of_y(self.name(), dy)? else { return Ok(vec![None; node.inputs.len()]) };
        let op = BatchNormalizationBackward { normalization: self.0, given: false };
        self.0.gradients(g, op, [node.inputs[0], node.outputs[1], node.outputs[2], dy], &node.inputs[1..])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (x, rows) = (args.inputs.float(0), counting(args.step, &args.types[0]));
        let affine = self.0.affine(&args.inputs, 1);
        let [y, mean, variance] = args.outputs else {
            return Err(Error::shape(self.name(), "3 outputs", args.outputs.len()));
        };
        let cols = args.types[0].shape.dims().last().copied().unwrap_or(0);
        y.float_mut().fill(F::ZERO);
        for j in 0..cols {
            let column = (0..rows).map(|i| i * cols + j);
            let [m, v] = moments(column.clone().map(|at| x[at]));
            let (r, [gamma, beta]) = (inverse_deviation(v, self.0.epsilon), affine(j));
            if let [_, ..] = y.float() {
                column.for_each(|at| y.float_mut()[at] = (x[at] - m) * r * gamma + beta);
            }
            mean.float_mut().get_mut(j).into_iter().for_each(|mean| *mean = m);
            variance.float_mut().get_mut(j).into_iter().for_each(|variance| *variance = v);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let (x, rows) = (case.inputs.float(0), counting(case.step, &case.types[0]));
        let affine = self.0.affine(&case.inputs, 1);
        let cols = case.types[0].shape.dims().last().copied().unwrap_or(0);
        let mut bars = case.equal();
        for j in 0..cols {
            let column = (0..rows).map(|i| i * cols + j);
            let [mean, variance] = Near::moments(column.clone().map(|at| x[at]));
            let (r, affine) = (Near::inverse_deviation(variance, self.0.epsilon), affine(j).map(Near::exact));
            for at in column.filter(|_| !bars[0].is_empty()).collect::<Vec<_>>() {
                bars[0][at] = ((Near::exact(x[at]) - mean) * r * affine[0] + affine[1]).off;
            }
            for (bars, moment) in bars[1..].iter_mut().zip([mean, variance]) {
                bars.get_mut(j).into_iter().for_each(|bar| *bar = moment.off);
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let extents = self.0.extents(self.name(), &site.inputs.iter().collect::<Vec<_>>(), 1)?;
        let passes = if site.used[0] { 0..3 } else { 0..2 };
        let launches = column_launches(&shader!("batch_normalization.wgsl"), extents, passes, |launch, passes| {
            let names = ["MEAN", "VARIANCE", "NORMALIZE"].into_iter().enumerate();
            let launch = names.fold(launch, |launch, (pass, name)| launch.flag(name, passes.contains(&pass)));
            counting_rows(self.0.bind_affine(launch.input(0), 1), &site.inputs[0])
                .bind(Bind::Step)
                .output(0)
                .bind(Bind::Span(Role::Partials, vec![Operand::Output(1), Operand::Output(2)]))
                .param("mean", Param::Offset { bind: 5, member: 0 })
                .param("variance", Param::Offset { bind: 5, member: 1 })
                .param("epsilon", Param::F32(self.0.epsilon as f32))
        });
        Ok(vec![Variant { name: "default", launches }])
    }
}

/// Cases of all shapes, forward and backward; of more rows than a launch goes over.
pub fn cases() -> Vec<Case> {
    let long = (Type::f32([2_100_000, 1]), (1, 1));
    let sized = shapes().into_iter().map(|shape| (shape, false)).chain([(long, true)]);
    let cases = sized.enumerate().flat_map(|(i, ((x, rows), brief))| {
        let (normalization, c) = (kind(i), Type::f32([x.shape.dims().last().copied().unwrap_or(0)]));
        let backward = BatchNormalizationBackward { normalization, given: i / 3 % 2 == 1 }; // three kinds of shapes in turn
        let cases = pair((BatchNormalization(normalization), backward), (x, c), normalization, rows);
        cases.map(|case| if brief { case.brief() } else { case })
    });
    cases.collect()
}
