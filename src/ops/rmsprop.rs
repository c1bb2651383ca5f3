//! RMSprop, one launch over all parameters.

use std::sync::Arc;

use crate::error::Result;
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY, Tolerance, Value,
    VariableKind, Variant, padded, shader, ulp,
};
use crate::ops::adam::{elements, groups, parameter_sets};
use crate::ops::case::{Case, Domain};
use crate::shape::Type;

/// The op of RMSprop on n parameters: inputs p, g, v, where centred a, with momentum m, n of each; outputs all but g,
/// which share their storage.
///
/// `v = ρ v + (1 − ρ) g²`, `s = η g / √(v + ε)`, `p −= s`; with momentum μ `m = μ m + s`, `p −= m`; η is a column of the
/// step table. Centred, v is the variance: `d = g − a`, `a += (1 − ρ) d`, `v = ρ v + ρ (1 − ρ) d²`, a sum of squares.
/// Keras takes the difference of two means, `v − a²`, which is the same number, but for its rounding: that may leave
/// less than −ε. Nothing changes in a step that is flagged or halted. Source: Keras' `RMSprop`.
#[derive(Clone, Copy, Debug)]
pub struct Rmsprop {
    /// n.
    pub parameters: usize,
    /// ρ.
    pub rho: f64,
    /// μ; 0 for no momentum.
    pub momentum: f64,
    /// ε.
    pub epsilon: f64,
    /// Whether a gradient counts by the variance, and not by the mean of the squares.
    pub centered: bool,
    /// The column of η.
    pub column: usize,
}

/// The updated p, v, where centred a, with momentum m, of each parameter; `moments` are all v, then all a, then all m.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes differ.
pub fn rmsprop(g: &Builder, op: Rmsprop, p: &[Value], dp: &[Value], moments: &[Value]) -> Result<Vec<Value>> {
    g.op(Arc::new(op), &[p, dp, moments].concat())
}

impl Rmsprop {
    fn has_momentum(&self) -> bool {
        self.momentum != 0.0
    }

    /// How many values of a parameter it writes: p, v, and a and m where there are.
    fn written(&self) -> usize {
        2 + usize::from(self.centered) + usize::from(self.has_momentum())
    }

    /// What `d²` counts in v.
    fn share(&self) -> f64 {
        (1.0 - self.rho) * if self.centered { self.rho } else { 1.0 }
    }
}

impl OpDef for Rmsprop {
    fn name(&self) -> &str {
        "rmsprop"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let types = groups("rmsprop", self.parameters, self.written() + 1, inputs)?;
        Ok(vec![types; self.written()].concat())
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        let n = self.parameters;
        (0..n * self.written()).map(|output| (output, if output < n { output } else { output + n })).collect()
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let (n, rate) = (self.parameters, args.step.column(self.column));
        let [rho, rest, share] = [self.rho, 1.0 - self.rho, self.share()].map(F::of);
        let [epsilon, momentum] = [self.epsilon, self.momentum].map(F::of);
        let (p, moments) = args.outputs.split_at_mut(n);
        let (v, moments) = moments.split_at_mut(n);
        let (a, m) = moments.split_at_mut(if self.centered { n } else { 0 });
        for i in 0..n {
            let squares = v[i].float_mut().iter_mut().zip(args.inputs.float(n + i));
            for (at, (p, (v, &g))) in p[i].float_mut().iter_mut().zip(squares).enumerate() {
                let mut d = g;
                if self.centered {
                    let a = &mut a[i].float_mut()[at];
                    d = g - *a;
                    *a += d * rest;
                }
                *v = rho * *v + share * d * d;
                let mut step = rate * g / (*v + epsilon).sqrt();
                if self.has_momentum() {
                    let m = &mut m[i].float_mut()[at];
                    step += momentum * *m;
                    *m = step;
                }
                *p = *p - step;
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let (n, last) = (self.parameters, (self.written() - 1) * self.parameters);
        let mut bars = case.equal();
        for (i, at) in elements(case.types, n) {
            let before = |group: usize| case.before[group + i].float()[at];
            let after = |group: usize| case.outputs[group + i].float()[at];
            let g = case.inputs.float(n + i)[at];
            let a = if self.centered { before(2 * n) } else { 0.0 };
            if self.centered {
                bars[2 * n + i][at] = 3.0 * ulp((g.abs() + a.abs()) * (1.0 - self.rho)) + ulp(after(2 * n)) + TINY;
            }
            // Of each: what rounding does to the terms of the sum, then to the sum.
            let squares = 2.0 * ulp(self.rho * before(n)) + 5.0 * ulp(self.share() * (g - a).powi(2));
            let bar_v = squares + ulp(after(n)) + TINY;
            bars[n + i][at] = bar_v;
            let square = after(n) + self.epsilon;
            let step = case.step.column(self.column) * g / square.sqrt();
            let own = 12.0 * ulp(step) + step.abs() * bar_v / (2.0 * square) + TINY / square.sqrt();
            let p = after(0);
            bars[i][at] = ulp(p) + own + TINY;
            if self.has_momentum() {
                let own = 2.0 * ulp(self.momentum * before(last)) + own + ulp(after(last));
                bars[last + i][at] = own + TINY;
                // p may be added to either term first.
                bars[i][at] = 2.0 * ulp(p) + 2.0 * own + TINY;
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (n, last) = (self.parameters, (self.written() - 2) * self.parameters);
        let words: u64 = site.outputs[..n].iter().map(|ty| padded(ty.len()) as u64).sum();
        let place = |there: bool, member| if there { Param::Offset { bind: 2, member } } else { Param::U32(0) };
        let launch = Launch::new(shader!("rmsprop.wgsl"))
            .flag("CENTERED", self.centered)
            .flag("MOMENTUM", self.has_momentum())
            .bind(Bind::Span(Role::Parameters, (0..n).map(Operand::Output).collect()))
            .bind(Bind::Span(Role::Gradients, (n..2 * n).map(Operand::Input).collect()))
            .bind(Bind::Span(Role::Moments, (n..n * self.written()).map(Operand::Output).collect()))
            .bind(Bind::Step)
            .bind(Bind::Flag)
            .param("len", Param::Words { bind: 0 })
            .param("a", place(self.centered, n))
            .param("m", place(self.has_momentum(), last))
            .param("rho", Param::F32(self.rho as f32))
            .param("one_minus_rho", Param::F32((1.0 - self.rho) as f32))
            .param("share", Param::F32(self.share() as f32))
            .param("epsilon", Param::F32(self.epsilon as f32))
            .param("momentum", Param::F32(self.momentum as f32))
            .size("column", self.column)
            .param("step_width", Param::StepWidth)
            .cost(words.div_ceil(64), 1, 14 * words);
        Ok(Variant::only(Launch { congruent: true, ..launch }))
    }
}

/// Cases of awkward sizes: plain, centred, with momentum, both.
pub fn cases() -> Vec<Case> {
    let kinds = [(false, 0.0), (true, 0.0), (false, 0.9), (true, 0.5)];
    let cases = parameter_sets().into_iter().flat_map(|set| {
        kinds.map(|(centered, momentum)| {
            let n = set.len();
            let op = Rmsprop { parameters: n, rho: 0.9, momentum, epsilon: 1e-7, centered, column: 0 };
            let inputs = vec![&set[..]; op.written() + 1].concat();
            let all = inputs.len();
            let case = Case::new(op, inputs).columns(&[0.05]).variables(0..n, VariableKind::Parameter);
            let case = case.variables(2 * n..all, VariableKind::Moment);
            (2 * n..3 * n).fold(case, |case, i| case.domain(i, Domain::NotNegative))
        })
    });
    cases.collect()
}
