//! The gradients of a normalisation of features.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, Tolerance, Variant, chunked_sum, shader,
};
use crate::ops::normalization::columns::{column_launches, counting_rows};
use crate::ops::normalization::near::Near;
use crate::ops::normalization::{Normalization, counting, inverse_deviation};
use crate::shape::Type;

/// The op `dγ = Σ dy z`, `dβ = Σ dy`, `dx = γ r (dy − (dβ + z dγ) / n)`, with `r = 1 / √(variance + ε)`,
/// `z = (x − mean) r`, the sums over the n rows of features that count; where mean and variance are given, `dx = γ r dy`.
///
/// Inputs x, mean, variance, dy, and γ where there is one: x and dy `[…, c]`, the others `[c]`; outputs dx, dγ and dβ,
/// the latter two whether or not there are a γ and a β. Rows of dx that do not count are 0. Sets the flag where a gradient
/// is not finite, or one of γ or β too large for an optimizer.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormalizationBackward {
    /// What it is the gradient of.
    pub normalization: Normalization,
    /// Whether mean and variance do not depend on x.
    pub given: bool,
}

impl BatchNormalizationBackward {
    /// Rows and features.
    fn extents(&self, inputs: &[&Type]) -> Result<[usize; 2]> {
        self.normalization.backward_extents(self.name(), inputs, |_, cols| Type::f32([cols]))
    }

    /// The passes over the rows that give the outputs that are read: the sums, then dx.
    fn passes(&self, used: &[bool]) -> std::ops::Range<usize> {
        let sums = !self.given || used[1] || used[2];
        usize::from(!sums)..1 + usize::from(used[0])
    }
}

impl OpDef for BatchNormalizationBackward {
    fn name(&self) -> &str {
        if self.given { "normalize_backward" } else { "batch_normalization_backward" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [_, cols] = self.extents(inputs)?;
        Ok(vec![inputs[0].clone(), Type::f32([cols]), Type::f32([cols])])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let cols = args.types[0].shape.dims().last().copied().unwrap_or(0);
        let [x, mean, variance, dy] = [0, 1, 2, 3].map(|i| args.inputs.float(i));
        let rows = counting(args.step, &args.types[0]);
        let (n, affine) = (F::of(rows.max(1) as f64), self.normalization.affine(&args.inputs, 4));
        let [dx, dgamma, dbeta] = args.outputs else {
            return Err(Error::shape(self.name(), "3 outputs", args.outputs.len()));
        };
        let (dx, dgamma, dbeta) = (dx.float_mut(), dgamma.float_mut(), dbeta.float_mut());
        let has_dx = !dx.is_empty();
        dx.fill(F::ZERO);
        for j in 0..cols {
            let r = inverse_deviation(variance[j], self.normalization.epsilon);
            let (scale, z) = (affine(j)[0] * r, |at: usize| (x[at] - mean[j]) * r);
            let column = (0..rows).map(|i| i * cols + j);
            let sum_z = chunked_sum(column.clone().map(|at| dy[at] * z(at)));
            let sum = chunked_sum(column.clone().map(|at| dy[at]));
            for at in column.filter(|_| has_dx) {
                dx[at] = scale * if self.given { dy[at] } else { dy[at] - sum / n - z(at) * (sum_z / n) };
                args.step.flag_value(dx[at]);
            }
            let Normalization { scale, center, .. } = self.normalization;
            for (d, sum, checked) in [(&mut *dgamma, sum_z, scale), (&mut *dbeta, sum, center)] {
                let Some(d) = d.get_mut(j) else { continue };
                *d = sum;
                if checked {
                    args.step.flag_gradient(sum);
                }
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let cols = case.inputs.float(1).len();
        let [x, mean, variance, dy] = [0, 1, 2, 3].map(|i| case.inputs.float(i));
        let rows = counting(case.step, &case.types[0]);
        let (affine, mut bars) = (self.normalization.affine(&case.inputs, 4), case.equal());
        for j in 0..cols {
            let r = Near::inverse_deviation(Near::exact(variance[j]), self.normalization.epsilon);
            let z = |at: usize| (Near::exact(x[at]) - Near::exact(mean[j])) * r;
            let dy = |at: usize| Near::exact(dy[at]);
            let column = (0..rows).map(|i| i * cols + j);
            let sums = [Near::sum(column.clone().map(|at| dy(at) * z(at))), Near::sum(column.clone().map(dy))];
            let scale = Near::exact(affine(j)[0]) * r;
            for at in column.filter(|_| !case.outputs[0].float().is_empty()) {
                let rest = if self.given { dy(at) } else { dy(at) - sums[1].over(rows) - z(at) * sums[0].over(rows) };
                bars[0][at] = (scale * rest).off;
            }
            for (bars, sum) in bars[1..].iter_mut().zip(sums) {
                bars.get_mut(j).into_iter().for_each(|bar| *bar = sum.off);
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let extents = self.extents(&site.inputs.iter().collect::<Vec<_>>())?;
        let Normalization { scale, center, epsilon } = self.normalization;
        let launches = sum_launches(extents, self.passes(site.used), site, [scale, center], |launch| {
            launch
                .flag("GIVEN", self.given)
                .flag("BY_ROW", false)
                .flag("GAMMA", scale)
                .param("epsilon", Param::F32(epsilon as f32))
        });
        Ok(vec![Variant { name: "default", launches }])
    }
}

/// The launches of `batch_normalization_backward.wgsl`: sums and dx, or one of them. `checked` says of γ and β whether
/// their gradients are looked at.
pub(super) fn sum_launches(
    extents: [usize; 2],
    passes: std::ops::Range<usize>,
    site: &Site<'_>,
    checked: [bool; 2],
    extend: impl Fn(Launch) -> Launch,
) -> Vec<Launch> {
    let gamma = if site.inputs.len() > 4 { 4 } else { 0 };
    let launch = |launch, passes: std::ops::Range<usize>| {
        let launch = counting_rows(launch, &site.inputs[0])
            .flag("SUMS", passes.contains(&0))
            .flag("DX", passes.contains(&1))
            .flag("SCALE", checked[0])
            .flag("CENTER", checked[1])
            .input(0)
            .bind(Bind::Span(Role::Partials, vec![Operand::Input(1), Operand::Input(2)]))
            .input(3)
            .input(gamma)
            .bind(Bind::Step)
            .output(0)
            .bind(Bind::Span(Role::Gradients, vec![Operand::Output(1), Operand::Output(2)]))
            .bind(Bind::FlagWrite)
            .param("mean", Param::Offset { bind: 1, member: 0 })
            .param("spread", Param::Offset { bind: 1, member: 1 })
            .param("dgamma", Param::Offset { bind: 6, member: 0 })
            .param("dbeta", Param::Offset { bind: 6, member: 1 });
        extend(launch)
    };
    column_launches(&shader!("batch_normalization_backward.wgsl"), extents, passes, launch)
}
