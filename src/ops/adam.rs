//! Adam and AdamW, one launch over all parameters.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Builder, CpuKernel, CpuVariant, Float, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY, Team,
    Tolerance, Value, VariableKind, Variant, padded, shader, ulp,
};
use crate::ops::case::{Case, Domain};
use crate::shape::Type;
use crate::simd::{Lanes, Level, Shared, Work, spread};

/// The op of Adam on n parameters: inputs p, g, m, v, n of each; outputs p, m, v, which share their storage.
///
/// `m += (g − m)(1 − β₁)`, `v += (g² − v)(1 − β₂)`, `p −= α m / (√v + ε)`, with α a column of the step table; that of
/// AdamW takes `p −= λ p` before, with λ another column. Nothing changes in a step that is flagged or halted.
/// Source: Kingma and Ba, 2015, the variant of section 2 with ε outside of the bias correction, and Loshchilov and
/// Hutter, 2019, both as in Keras.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// n.
    pub parameters: usize,
    /// β₁.
    pub beta1: f64,
    /// β₂.
    pub beta2: f64,
    /// ε.
    pub epsilon: f64,
    /// The column of α.
    pub column: usize,
    /// The column of λ: of AdamW alone.
    pub decay: Option<usize>,
}

/// The updated p, m, v of each parameter.
///
/// # Errors
/// [`Error::Shape`] where the shapes differ.
pub fn adam(g: &Builder, op: Adam, p: &[Value], dp: &[Value], m: &[Value], v: &[Value]) -> Result<Vec<Value>> {
    g.op(Arc::new(op), &[p, dp, m, v].concat())
}

/// Checks that there are n of each group of inputs, of the shapes of the first group; gives the types of that one.
pub fn groups(op: &str, n: usize, count: usize, inputs: &[&Type]) -> Result<Vec<Type>> {
    if inputs.len() != n * count {
        return Err(Error::shape(op, format!("{} inputs", n * count), inputs.len()));
    }
    for (i, ty) in inputs.iter().enumerate() {
        crate::ops::same(op, "parameters, gradients and moments", ty, inputs[i % n])?;
    }
    Ok(inputs[..n].iter().map(|ty| Type::f32(ty.shape.clone())).collect())
}

/// Iterates over the elements of n parameters: (parameter, element).
pub fn elements(types: &[Type], n: usize) -> impl Iterator<Item = (usize, usize)> {
    let lens: Vec<usize> = types[..n].iter().map(Type::len).collect();
    lens.into_iter().enumerate().flat_map(|(i, len)| (0..len).map(move |at| (i, at)))
}

impl OpDef for Adam {
    fn name(&self) -> &str {
        if self.decay.is_some() { "adamw" } else { "adam" }
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let types = groups(self.name(), self.parameters, 4, inputs)?;
        Ok([&types[..], &types, &types].concat())
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        let n = self.parameters;
        (0..3 * n).map(|output| (output, if output < n { output } else { output + n })).collect()
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let alpha = args.step.column(self.column);
        let decay = self.decay.map(|column| args.step.column(column));
        let (rest1, rest2) = (F::of(1.0 - self.beta1), F::of(1.0 - self.beta2));
        let epsilon = F::of(self.epsilon);
        let (p, moments) = args.outputs.split_at_mut(self.parameters);
        let (m, v) = moments.split_at_mut(self.parameters);
        for i in 0..self.parameters {
            let moments = m[i].float_mut().iter_mut().zip(v[i].float_mut());
            let gradients = args.inputs.float(self.parameters + i);
            for ((p, &g), (m, v)) in p[i].float_mut().iter_mut().zip(gradients).zip(moments) {
                *m += (g - *m) * rest1;
                *v += (g * g - *v) * rest2;
                let kept = decay.map_or(*p, |decay| *p - *p * decay);
                *p = kept - alpha * *m / (v.sqrt() + epsilon);
            }
        }
        Ok(())
    }

    fn cpu_variants(&self, _: &Site<'_>) -> Vec<CpuVariant> {
        let kernel = |level| Box::new(Fast { op: *self, level });
        Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let n = self.parameters;
        let mut bars = case.equal();
        let value = |from: &[crate::graph::Buffer<f64>], i: usize, at: usize| from[i].float()[at];
        for (i, at) in elements(case.types, n) {
            let g = case.inputs.float(n + i)[at];
            let [p0, m0, v0] = [0, n, 2 * n].map(|k| value(case.before, k + i, at));
            let [p, m, v] = [0, n, 2 * n].map(|k| value(case.outputs, k + i, at));
            // Of each: what rounding does to the terms of the sum, then to the sum.
            let bar_m = 3.0 * ulp((g.abs() + m0.abs()) * (1.0 - self.beta1)) + ulp(m);
            let bar_v = 4.0 * ulp((g * g + v0.abs()) * (1.0 - self.beta2)) + ulp(v);
            let root = v.sqrt() + self.epsilon;
            let lost = self.decay.map_or(0.0, |column| p0 * case.step.column(column));
            let step = (p - (p0 - lost)).abs();
            let from_m = case.step.column(self.column).abs() * bar_m / root;
            let from_v = step * bar_v / (2.0 * v.sqrt().max(self.epsilon) * root);
            bars[i][at] = ulp(p) + 12.0 * ulp(step) + from_m + from_v + TINY / root;
            if self.decay.is_some() {
                // p may lose either term first, or both together.
                bars[i][at] += ulp(lost) + ulp(p0 - lost) + ulp(step + lost.abs()) + TINY;
            }
            bars[n + i][at] = bar_m + TINY;
            bars[2 * n + i][at] = bar_v + TINY;
        }
        bars
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let n = self.parameters;
        let words: u64 = site.outputs[..n].iter().map(|ty| padded(ty.len()) as u64).sum();
        let launch = Launch::new(shader!("adam.wgsl"))
            .flag("DECAY", self.decay.is_some())
            .bind(Bind::Span(Role::Parameters, (0..n).map(Operand::Output).collect()))
            .bind(Bind::Span(Role::Gradients, (n..2 * n).map(Operand::Input).collect()))
            .bind(Bind::Span(Role::Moments, (n..3 * n).map(Operand::Output).collect()))
            .bind(Bind::Step)
            .bind(Bind::Flag)
            .param("len", Param::Words { bind: 0 })
            .param("v", Param::Offset { bind: 2, member: n })
            .param("one_minus_beta1", Param::F32((1.0 - self.beta1) as f32))
            .param("one_minus_beta2", Param::F32((1.0 - self.beta2) as f32))
            .param("epsilon", Param::F32(self.epsilon as f32))
            .size("column", self.column)
            .size("decay", self.decay.unwrap_or(0));
        let flops = if self.decay.is_some() { 15 } else { 13 };
        let launch = launch.param("step_width", Param::StepWidth).cost(words.div_ceil(64), 1, flops * words);
        Ok(Variant::only(Launch { congruent: true, ..launch }))
    }
}

/// Adam on the CPU in f32. Moments below 2⁻¹²⁶, where those of a gradient that has become 0 end up, are 0 at once: a CPU
/// is slow with them.
#[derive(Debug)]
struct Fast {
    op: Adam,
    level: Level,
}

impl CpuKernel for Fast {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        if args.step.halted() {
            return Ok(());
        }
        let (op, n) = (&self.op, self.op.parameters);
        let rates = Rates {
            alpha: args.step.column(op.column),
            decay: op.decay.map(|column| args.step.column(column)),
            rest: [1.0 - op.beta1, 1.0 - op.beta2].map(|rest| rest as f32),
            epsilon: op.epsilon as f32,
        };
        let (p, moments) = args.outputs.split_at_mut(n);
        let (m, v) = moments.split_at_mut(n);
        for (i, ((p, m), v)) in p.iter_mut().zip(m).zip(v).enumerate() {
            let [p, m, v] = [p, m, v].map(|values| Shared::new(values.float_mut()));
            let g = args.inputs.float(n + i);
            spread(g.len(), team, &|range| {
                // SAFETY: the ranges do not overlap.
                let [p, m, v] = unsafe { [p.part(range.clone()), m.part(range.clone()), v.part(range.clone())] };
                self.level.run(Update { p, g: &g[range], m, v, rates });
            });
        }
        Ok(())
    }
}

/// The numbers of a step.
#[derive(Clone, Copy)]
struct Rates {
    alpha: f32,
    decay: Option<f32>,
    rest: [f32; 2],
    epsilon: f32,
}

struct Update<'a> {
    p: &'a mut [f32],
    g: &'a [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    rates: Rates,
}

impl Work for Update<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        match self.rates.decay {
            None => self.with::<V>(|p| p),
            Some(decay) => self.with::<V>(|p| p - p * decay),
        }
    }
}

impl Update<'_> {
    #[inline(always)]
    fn with<V: Lanes>(self, kept: impl Fn(f32) -> f32) {
        let Rates { alpha, rest: [rest1, rest2], epsilon, .. } = self.rates;
        // What is below it is nothing beside ε; where ε itself is tiny, nothing is.
        let least = if epsilon >= 1e-12 { f32::MIN_POSITIVE } else { 0.0 };
        let moments = self.m.iter_mut().zip(self.v);
        for ((p, &g), (m, v)) in self.p.iter_mut().zip(self.g).zip(moments) {
            // By names of their own: what was just written is slow to read, where a vector crosses a line of the cache.
            let next = from(least, V::fma(g - *m, rest1, *m));
            let square = from(least, V::fma(V::fma(g, g, -*v), rest2, *v));
            (*m, *v) = (next, square);
            *p = kept(*p) - alpha * next / (square.sqrt() + epsilon);
        }
    }
}

/// A number, or 0 for one that is smaller than `least`.
#[inline(always)]
fn from(least: f32, x: f32) -> f32 {
    if x.abs() < least { 0.0 } else { x }
}

/// The parameters of cases: awkward sizes, alone and side by side; some fill an odd number of workgroups to the last
/// word, so that an invocation past the end of a folded grid meets no padding.
pub fn parameter_sets() -> Vec<Vec<Type>> {
    let mut sets: Vec<Vec<Type>> = crate::ops::case::EDGES.iter().map(|&n| vec![Type::f32([n])]).collect();
    sets.extend([192, 320].map(|n| vec![Type::f32([n])]));
    sets.push(vec![Type::f32([3, 5]), Type::f32([1]), Type::f32([64]), Type::f32([65, 3]), Type::f32([7])]);
    sets
}

/// Cases of awkward sizes, at the first step and later ones, and of AdamW.
pub fn cases() -> Vec<Case> {
    let op = |parameters, decay| Adam { parameters, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, column: 0, decay };
    let kinds: [(&[f64], _); 3] = [(&[0.001], None), (&[0.01], None), (&[0.01, 0.05], Some(1))];
    let cases = parameter_sets().into_iter().flat_map(|set| {
        kinds.map(|(columns, decay)| {
            let n = set.len();
            let case = Case::new(op(n, decay), [&set[..], &set, &set, &set].concat()).columns(columns);
            let case = case.variables(0..n, VariableKind::Parameter).variables(2 * n..4 * n, VariableKind::Moment);
            (3 * n..4 * n).fold(case, |case, i| case.domain(i, Domain::NotNegative))
        })
    });
    cases.collect()
}
