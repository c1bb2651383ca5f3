//! Normalisation by a mean and a variance from elsewhere: what an inference does, and a layer that is not trained.

use crate::error::Result;
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Param, Site, Tolerance, Value, Variant, shader};
use crate::ops::case::{Case, Domain};
use crate::ops::elementwise;
use crate::ops::normalization::batch_backward::BatchNormalizationBackward;
use crate::ops::normalization::near::Near;
use crate::ops::normalization::{Normalization, feature, inverse_deviation, kind, shapes};
use crate::shape::Type;

/// The op `y = γ (x − mean) / √(variance + ε) + β` for a mean and a variance of each feature.
///
/// Inputs x `[…, c]`, mean and variance `[c]`, then γ and β `[c]` as [`Normalization`] says. Mean and variance have no
/// gradient.
#[derive(Clone, Copy, Debug)]
pub struct Normalize(pub Normalization);

/// `γ (x − mean) / √(variance + ε) + β`: x and the result `[…, c]`, the others `[c]`.
///
/// No gradient goes to mean and variance: they are moving averages. Source: Keras' `BatchNormalization` in inference.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the features differ, for a scalar, and where the last axis is the batch;
/// [`Error::Argument`](crate::Error::Argument) for an epsilon below 0.
pub fn normalize(
    g: &Builder,
    x: Value,
    [mean, variance]: [Value; 2],
    gamma: Option<Value>,
    beta: Option<Value>,
    epsilon: f64,
) -> Result<Value> {
    let op = Normalize(Normalization::new(gamma, beta, epsilon)?);
    let inputs: Vec<Value> = [Some(x), Some(mean), Some(variance), gamma, beta].into_iter().flatten().collect();
    g.op1(op, &inputs)
}

impl OpDef for Normalize {
    fn name(&self) -> &str {
        "normalize"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [_, cols] = self.0.extents(self.name(), inputs, 3)?;
        inputs[1..3].iter().try_for_each(|ty| feature(self.name(), "mean and variance", ty, cols))?;
        Ok(vec![inputs[0].clone()])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None; node.inputs.len()]) };
        let op = BatchNormalizationBackward { normalization: self.0, given: true };
        let [x, mean, variance] = [0, 1, 2].map(|i| node.inputs[i]);
        let mut gradients = self.0.gradients(g, op, [x, mean, variance, dy], &node.inputs[3..])?;
        gradients.splice(1..1, [None, None]);
        Ok(gradients)
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [x, mean, variance] = [0, 1, 2].map(|i| args.inputs.float(i));
        let affine = self.0.affine(&args.inputs, 3);
        for (i, (y, &x)) in args.outputs[0].float_mut().iter_mut().zip(x).enumerate() {
            let j = i % mean.len();
            let [gamma, beta] = affine(j);
            *y = (x - mean[j]) * inverse_deviation(variance[j], self.0.epsilon) * gamma + beta;
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let [x, mean, variance] = [0, 1, 2].map(|i| case.inputs.float(i));
        let affine = self.0.affine(&case.inputs, 3);
        let bar = |(i, &x): (usize, &f64)| {
            let j = i % mean.len();
            let (r, [gamma, beta]) = (Near::inverse_deviation(Near::exact(variance[j]), self.0.epsilon), affine(j));
            ((Near::exact(x) - Near::exact(mean[j])) * r * Near::exact(gamma) + Near::exact(beta)).off
        };
        vec![x.iter().enumerate().map(bar).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = elementwise(shader!("normalize.wgsl"), site.outputs[0].len());
        let launch = self.0.bind_affine(launch.input(0).input(1).input(2), 3).output(0);
        let launch = launch.size("cols", site.inputs[1].len()).param("epsilon", Param::F32(self.0.epsilon as f32));
        Ok(Variant::only(launch))
    }
}

/// Cases of all shapes; the gradient's are among those of batches.
pub fn cases() -> Vec<Case> {
    let cases = shapes().into_iter().enumerate().map(|(i, (x, rows))| {
        let (normalization, c) = (kind(i), Type::f32([x.shape.dims().last().copied().unwrap_or(0)]));
        let count = 2 + usize::from(normalization.scale) + usize::from(normalization.center);
        let case = Case::new(Normalize(normalization), [vec![x], vec![c; count]].concat());
        case.domain(2, Domain::NotNegative).rows(rows.0, rows.1)
    });
    cases.collect()
}
