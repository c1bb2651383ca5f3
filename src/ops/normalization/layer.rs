//! Normalisation of each row over its last axis.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, Node, OpDef, Operand, Param, Role, Site, Tolerance, Value, Variant,
    shader,
};
use crate::ops::case::Case;
use crate::ops::normalization::layer_backward::LayerNormalizationBackward;
use crate::ops::normalization::near::Near;
use crate::ops::normalization::{Normalization, inverse_deviation, kind, moments, only_of_y, pair, shapes};
use crate::ops::softmax::Lanes;
use crate::shape::{Dtype, Shape, Type};

/// The op `y = γ (x − mean) r + β`, with `r = 1 / √(variance + ε)`, mean and biased variance of each row over the last
/// axis.
///
/// Inputs x `[…, c]`, then γ and β `[c]` as [`Normalization`] says; outputs y, mean and r `[…]`, which have no derivative
/// of their own. Each row stands for itself; rows that do not count are computed like the others.
/// Source: Ba, Kiros and Hinton, 2016.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormalization(pub Normalization);

/// `γ (x − mean) / √(variance + ε) + β` of each row over the last axis: x and the result `[…, c]`, γ and β `[c]`.
///
/// Source: Keras' `LayerNormalization`.
///
/// # Errors
/// [`Error::Shape`] where the features differ, for a scalar, and where the last axis is the batch; [`Error::Argument`]
/// for an epsilon below 0.
pub fn layer_normalization(
    g: &Builder,
    x: Value,
    gamma: Option<Value>,
    beta: Option<Value>,
    epsilon: f64,
) -> Result<Value> {
    let op = LayerNormalization(Normalization::new(gamma, beta, epsilon)?);
    let inputs: Vec<Value> = [Some(x), gamma, beta].into_iter().flatten().collect();
    g.op1(op, &inputs)
}

/// The type of the mean of each row of x.
pub(super) fn of_rows(x: &Type) -> Type {
    let front = x.shape.dims().split_last().map_or(&[][..], |(_, front)| front);
    Type { shape: Shape::from(front.to_vec()), dtype: Dtype::F32, batched: x.batched }
}

impl OpDef for LayerNormalization {
    fn name(&self) -> &str {
        "layer_normalization"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        self.0.extents(self.name(), inputs, 1)?;
        Ok(vec![inputs[0].clone(), of_rows(inputs[0]), of_rows(inputs[0])])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = only_of_y(self.name(), dy)? else { return Ok(vec![None; node.inputs.len()]) };
        let op = LayerNormalizationBackward(self.0);
        self.0.gradients(g, op, [node.inputs[0], node.outputs[1], node.outputs[2], dy], &node.inputs[1..])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let cols = args.types[0].shape.dims().last().copied().unwrap_or(0).max(1);
        let (x, affine) = (args.inputs.float(0), self.0.affine(&args.inputs, 1));
        let [y, mean, scale] = args.outputs else {
            return Err(Error::shape(self.name(), "3 outputs", args.outputs.len()));
        };
        for (i, row) in x.chunks(cols).enumerate() {
            let [m, v] = moments(row.iter().copied());
            let r = inverse_deviation(v, self.0.epsilon);
            let of_row = y.float_mut().chunks_mut(cols).nth(i).unwrap_or_default();
            for (j, (y, &x)) in of_row.iter_mut().zip(row).enumerate() {
                let [gamma, beta] = affine(j);
                *y = (x - m) * r * gamma + beta;
            }
            mean.float_mut().get_mut(i).into_iter().for_each(|mean| *mean = m);
            scale.float_mut().get_mut(i).into_iter().for_each(|scale| *scale = r);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let cols = case.types[0].shape.dims().last().copied().unwrap_or(0).max(1);
        let (affine, mut bars) = (self.0.affine(&case.inputs, 1), case.equal());
        for (i, row) in case.inputs.float(0).chunks(cols).enumerate() {
            let [mean, variance] = Near::moments(row.iter().copied());
            let r = Near::inverse_deviation(variance, self.0.epsilon);
            let of_row = bars[0].chunks_mut(cols).nth(i).unwrap_or_default();
            for (j, (bar, &x)) in of_row.iter_mut().zip(row).enumerate() {
                let [gamma, beta] = affine(j).map(Near::exact);
                *bar = ((Near::exact(x) - mean) * r * gamma + beta).off;
            }
            for (bars, moment) in bars[1..].iter_mut().zip([mean, r]) {
                bars.get_mut(i).into_iter().for_each(|bar| *bar = moment.off);
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [rows, cols] = self.0.extents(self.name(), &site.inputs.iter().collect::<Vec<_>>(), 1)?;
        let launch = Launch::new(shader!("layer_normalization.wgsl")).flag("WRITE_Y", site.used[0]);
        let launch = Lanes::of(cols).launch(self.0.bind_affine(launch.input(0), 1), rows, 3, 4);
        let launch = launch
            .output(0)
            .bind(Bind::Span(Role::Partials, vec![Operand::Output(1), Operand::Output(2)]))
            .size("rows", rows)
            .size("cols", cols)
            .param("mean", Param::Offset { bind: 4, member: 0 })
            .param("scale", Param::Offset { bind: 4, member: 1 })
            .param("epsilon", Param::F32(self.0.epsilon as f32));
        Ok(Variant::only(launch))
    }
}

/// Cases of all shapes, forward and backward; of long rows, and of more rows than an invocation goes over.
pub fn cases() -> Vec<Case> {
    let long = [[2, 70_001], [65_537, 33], [4_300_000, 1]].map(|shape| (Type::f32(shape), (1, 1)));
    let sized = shapes().into_iter().map(|shape| (shape, false)).chain(long.map(|shape| (shape, true)));
    let cases = sized.enumerate().flat_map(|(i, ((x, rows), brief))| {
        let (normalization, moment) = (kind(i), of_rows(&x));
        let ops = (LayerNormalization(normalization), LayerNormalizationBackward(normalization));
        pair(ops, (x, moment), normalization, rows).map(|case| if brief { case.brief() } else { case })
    });
    cases.collect()
}
