//! Stochastic gradient descent, with momentum or without, one launch over all parameters.

use std::sync::Arc;

use crate::error::Result;
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY, Tolerance, Value,
    VariableKind, Variant, padded, shader, ulp,
};
use crate::ops::adam::{elements, groups, parameter_sets};
use crate::ops::case::Case;
use crate::shape::Type;

/// The op of SGD on n parameters: inputs p, g, and with momentum m, n of each; outputs p and m, which share their
/// storage.
///
/// `p −= η g`; with momentum μ `m = μ m − η g`, `p += m`, or Nesterov's `p += μ m − η g`; with decay λ `p −= λ p` before
/// that; η and λ are columns of the step table. Nothing changes in a step that is flagged or halted. Source: Keras'
/// `SGD`.
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// n.
    pub parameters: usize,
    /// μ; 0 for no momentum.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's.
    pub nesterov: bool,
    /// The column of η.
    pub column: usize,
    /// The column of λ; `None` for no decay.
    pub decay: Option<usize>,
}

/// The updated p, and with momentum m, of each parameter.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes differ.
pub fn sgd(g: &Builder, op: Sgd, p: &[Value], dp: &[Value], m: &[Value]) -> Result<Vec<Value>> {
    g.op(Arc::new(op), &[p, dp, m].concat())
}

impl Sgd {
    fn has_momentum(&self) -> bool {
        self.momentum != 0.0
    }
}

impl OpDef for Sgd {
    fn name(&self) -> &str {
        if self.has_momentum() { "sgd_momentum" } else { "sgd" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let types = groups(self.name(), self.parameters, if self.has_momentum() { 3 } else { 2 }, inputs)?;
        Ok(if self.has_momentum() { [&types[..], &types].concat() } else { types })
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        let n = self.parameters;
        let moments = if self.has_momentum() { n } else { 0 };
        (0..n).map(|i| (i, i)).chain((0..moments).map(|i| (n + i, 2 * n + i))).collect()
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let (rate, momentum) = (args.step.column(self.column), F::of(self.momentum));
        let decay = self.decay.map(|column| args.step.column(column));
        let (p, m) = args.outputs.split_at_mut(self.parameters);
        for (i, p) in p.iter_mut().enumerate() {
            let gradients = args.inputs.float(self.parameters + i);
            if let Some(decay) = decay {
                p.float_mut().iter_mut().for_each(|p| *p = *p - *p * decay);
            }
            if !self.has_momentum() {
                p.float_mut().iter_mut().zip(gradients).for_each(|(p, &g)| *p = *p - rate * g);
                continue;
            }
            for ((p, &g), m) in p.float_mut().iter_mut().zip(gradients).zip(m[i].float_mut()) {
                *m = momentum * *m - rate * g;
                *p += if self.nesterov { momentum * *m - rate * g } else { *m };
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let (n, rate) = (self.parameters, case.step.column(self.column));
        let mut bars = case.equal();
        for (i, at) in elements(case.types, n) {
            let descent = ulp(rate * case.inputs.float(n + i)[at]) * 2.0;
            let p = case.outputs[i].float()[at];
            bars[i][at] = ulp(p) + descent + TINY;
            if self.has_momentum() {
                let m = case.before[n + i].float()[at] * self.momentum;
                let own = 2.0 * ulp(m) + descent + ulp(case.outputs[n + i].float()[at]);
                bars[n + i][at] = own + TINY;
                // p may be added to either term first.
                bars[i][at] = 2.0 * ulp(p) + 2.0 * own + descent + TINY;
            }
            if let Some(column) = self.decay {
                let (p0, lost) = (case.before[i].float()[at], case.before[i].float()[at] * case.step.column(column));
                // p may lose either first, or both together.
                bars[i][at] += ulp(lost) + ulp(p0 - lost) + ulp((p - (p0 - lost)).abs() + lost.abs()) + TINY;
            }
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let n = self.parameters;
        let words: u64 = site.outputs[..n].iter().map(|ty| padded(ty.len()) as u64).sum();
        let source = if self.has_momentum() { shader!("sgd_momentum.wgsl") } else { shader!("sgd.wgsl") };
        let mut launch = Launch::new(source)
            .flag("DECAY", self.decay.is_some())
            .bind(Bind::Span(Role::Parameters, (0..n).map(Operand::Output).collect()))
            .bind(Bind::Span(Role::Gradients, (n..2 * n).map(Operand::Input).collect()));
        if self.has_momentum() {
            launch = launch.flag("NESTEROV", self.nesterov);
            launch = launch.bind(Bind::Span(Role::Moments, (n..2 * n).map(Operand::Output).collect()));
        }
        launch = launch.bind(Bind::Step).bind(Bind::Flag).param("len", Param::Words { bind: 0 });
        if self.has_momentum() {
            launch = launch.param("momentum", Param::F32(self.momentum as f32));
        }
        let launch = launch.size("column", self.column).size("decay", self.decay.unwrap_or(0));
        let launch = launch.param("step_width", Param::StepWidth);
        Ok(Variant::only(Launch { congruent: true, ..launch.cost(words.div_ceil(64), 1, 5 * words) }))
    }
}

/// Cases of awkward sizes: plain, with momentum, with Nesterov's; without decay and with it.
pub fn cases() -> Vec<Case> {
    let kinds = [(0.0, false), (0.9, false), (0.9, true)];
    let kinds = kinds.iter().flat_map(|kind| [(*kind, None), (*kind, Some(1))]).collect::<Vec<_>>();
    let cases = parameter_sets().into_iter().flat_map(|set| {
        let case = |&((momentum, nesterov), decay): &((f64, bool), Option<usize>)| {
            let op = Sgd { parameters: set.len(), momentum, nesterov, column: 0, decay };
            let inputs = if momentum == 0.0 { [&set[..], &set].concat() } else { [&set[..], &set, &set].concat() };
            let (n, all) = (set.len(), inputs.len());
            let columns: &[f64] = if decay.is_some() { &[0.05, 0.02] } else { &[0.05] };
            let case = Case::new(op, inputs).columns(columns).variables(0..n, VariableKind::Parameter);
            case.variables(2 * n..all, VariableKind::Moment)
        };
        kinds.iter().map(case).collect::<Vec<_>>()
    });
    cases.collect()
}
