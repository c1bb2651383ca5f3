//! The gradients of a normalisation of rows.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, Tolerance, Variant, chunked_sum, shader,
};
use crate::ops::normalization::batch_backward::sum_launches;
use crate::ops::normalization::columns::counting_rows;
use crate::ops::normalization::layer::of_rows;
use crate::ops::normalization::near::Near;
use crate::ops::normalization::{Normalization, counting};
use crate::ops::softmax::Lanes;
use crate::shape::Type;

/// The op `dx = r (g − Σ g / c − z Σ g z / c)`, sums over the row, with `g = γ dy`, `z = (x − mean) r`; `dγ = Σ dy z` and
/// `dβ = Σ dy` over the rows that count.
///
/// Inputs x, mean, r, dy, and γ where there is one: x and dy `[…, c]`, mean and r `[…]`, γ `[c]`; outputs dx, dγ and dβ,
/// the latter two whether or not there are a γ and a β. Rows of dx that do not count are 0. Sets the flag where a gradient
/// is not finite, or one of γ or β too large for an optimizer.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormalizationBackward(pub Normalization);

impl LayerNormalizationBackward {
    /// Rows and features.
    fn extents(&self, inputs: &[&Type]) -> Result<[usize; 2]> {
        self.0.backward_extents(self.name(), inputs, |x, _| of_rows(x))
    }
}

impl OpDef for LayerNormalizationBackward {
    fn name(&self) -> &str {
        "layer_normalization_backward"
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
        let [x, mean, r, dy] = [0, 1, 2, 3].map(|i| args.inputs.float(i));
        let z = |at: usize| (x[at] - mean[at / cols]) * r[at / cols];
        let affine = self.0.affine(&args.inputs, 4);
        let [dx, dgamma, dbeta] = args.outputs else {
            return Err(Error::shape(self.name(), "3 outputs", args.outputs.len()));
        };
        let g = |at: usize| affine(at % cols)[0] * dy[at];
        let n = F::of(cols.max(1) as f64);
        let rows = counting(args.step, &args.types[0]);
        dx.float_mut().fill(F::ZERO);
        for (i, dx) in dx.float_mut().chunks_mut(cols.max(1)).enumerate().take(rows) {
            let row = i * cols..(i + 1) * cols;
            let (share, share_z) =
                (chunked_sum(row.clone().map(g)) / n, chunked_sum(row.clone().map(|at| g(at) * z(at))) / n);
            for (dx, at) in dx.iter_mut().zip(row) {
                *dx = r[i] * (g(at) - share - z(at) * share_z);
                args.step.flag_value(*dx);
            }
        }
        for j in 0..cols {
            let column = (0..rows).map(|i| i * cols + j);
            let sums = [chunked_sum(column.clone().map(|at| dy[at] * z(at))), chunked_sum(column.map(|at| dy[at]))];
            let outputs = [&mut *dgamma, &mut *dbeta].into_iter().zip(sums).zip([self.0.scale, self.0.center]);
            for ((d, sum), checked) in outputs {
                let Some(d) = d.float_mut().get_mut(j) else { continue };
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
        let cols = case.types[0].shape.dims().last().copied().unwrap_or(0);
        let [x, mean, r, dy] = [0, 1, 2, 3].map(|i| case.inputs.float(i));
        let near = Near::exact;
        let z = |at: usize| (near(x[at]) - near(mean[at / cols])) * near(r[at / cols]);
        let (affine, mut bars) = (self.0.affine(&case.inputs, 4), case.equal());
        let g = |at: usize| near(affine(at % cols)[0]) * near(dy[at]);
        let rows = counting(case.step, &case.types[0]);
        for (i, bars) in bars[0].chunks_mut(cols.max(1)).enumerate().take(rows) {
            let row = i * cols..(i + 1) * cols;
            let share = Near::sum(row.clone().map(g)).over(cols);
            let share_z = Near::sum(row.clone().map(|at| g(at) * z(at))).over(cols);
            for (bar, at) in bars.iter_mut().zip(row) {
                *bar = (near(r[i]) * (g(at) - share - z(at) * share_z)).off;
            }
        }
        for j in 0..cols {
            let column = (0..rows).map(|i| i * cols + j);
            let sums =
                [Near::sum(column.clone().map(|at| near(dy[at]) * z(at))), Near::sum(column.map(|at| near(dy[at])))];
            for (bars, sum) in bars[1..].iter_mut().zip(sums) {
                bars.get_mut(j).into_iter().for_each(|bar| *bar = sum.off);
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [rows, cols] = self.extents(&site.inputs.iter().collect::<Vec<_>>())?;
        let Normalization { scale, center, .. } = self.0;
        let launch = Launch::new(shader!("layer_normalization_backward.wgsl"))
            .flag("GAMMA", scale)
            .input(0)
            .bind(Bind::Span(Role::Partials, vec![Operand::Input(1), Operand::Input(2)]))
            .input(3)
            .input(if scale { 4 } else { 0 })
            .bind(Bind::Step)
            .output(0)
            .bind(Bind::FlagWrite)
            .size("rows", rows)
            .size("cols", cols);
        let launch = counting_rows(launch, &site.inputs[0])
            .param("mean", Param::Offset { bind: 1, member: 0 })
            .param("scale", Param::Offset { bind: 1, member: 1 });
        let mut launches = vec![];
        if site.used[0] {
            launches.push(Lanes::of(cols).launch(launch, rows, 2, 6));
        }
        if site.used[1] || site.used[2] {
            launches.extend(sum_launches([rows, cols], 0..1, site, [scale, center], |launch| {
                launch.flag("GIVEN", false).flag("BY_ROW", true).flag("GAMMA", false).param("epsilon", Param::F32(0.0))
            }));
        }
        Ok(vec![Variant { name: "default", launches }])
    }
}
