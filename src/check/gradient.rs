//! Gradients against central differences of the op, all in f64.

use std::sync::Arc;

use crate::check::bench::table_of;
use crate::check::values::{Regime, values};
use crate::error::{Error, Result};
use crate::graph::{Buffer, Builder, Graph, StepTable, Value, Variables};
use crate::ops::{Case, Domain, Input};
use crate::oracle::Oracle;
use crate::random::{Philox, Purpose};
use crate::shape::{Dtype, Type};

/// Half the distance of the inner points of a difference.
const STEP: f64 = 2e-5;
/// How far the differences of two steps may be apart, as a share of the slope.
const SETTLED: f64 = 1e-7;
/// Elements of an input whose differences are taken; all of a smaller one.
const ELEMENTS: usize = 12;
/// Elements of a value above which an op is not run dozens of times: its smaller cases say the same.
const LARGEST: usize = 20_000;

/// An element of an input whose gradient is the farthest from differences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Which input.
    pub input: usize,
    /// Which of its elements.
    pub index: usize,
    /// What the op's gradient says.
    pub analytic: f64,
    /// What differences say.
    pub difference: f64,
    /// The relative distance of the two.
    pub error: f64,
}

/// The worst of a case's gradients by its relative distance from differences of `Σ dy y`, for random dy. `None` for an op
/// without a gradient, and for a case too large to be run dozens of times.
///
/// Where only the first of several outputs has a derivative, it is the gradient of that one.
/// Rows of a batch that do not count are not compared: whatever they hold, no reduction reads them.
/// Differences that do not settle as their step is halved stand at a kink, and do not count; infinite where that is
/// more than a quarter of them.
///
/// # Errors
/// Those of the op.
pub fn gradient(case: &Case, seed: u64) -> Result<Option<Slope>> {
    let builder = Builder::new(Arc::new(Variables::default()));
    for i in 0..case.columns.len() {
        builder.column(&format!("column {i}"), |_| 0.0);
    }
    let inputs: Vec<Value> = case.inputs.iter().map(|input| builder.data(input.ty.clone())).collect();
    let outputs = builder.op(Arc::clone(&case.op), &inputs)?;
    if inputs.iter().chain(&outputs).any(|&v| builder.ty(v).len() > LARGEST) {
        return Ok(None);
    }
    let outputs: Vec<Value> = outputs.into_iter().filter(|&v| builder.ty(v).dtype == Dtype::F32).collect();
    let mut seeds: Vec<(Value, Value)> = outputs.iter().map(|&y| (y, builder.data(builder.ty(y)))).collect();
    let mut gradients = builder.gradients(&seeds, &inputs);
    if matches!(gradients, Err(Error::Unsupported { .. })) && seeds.len() > 1 {
        seeds.truncate(1); // the first output alone may have a derivative
        gradients = builder.gradients(&seeds, &inputs);
    }
    let gradients = match gradients {
        Err(Error::Unsupported { .. }) => return Ok(None),
        gradients => gradients?,
    };
    outputs.iter().chain(gradients.iter().flatten()).for_each(|&v| builder.output(v));
    let mut probe = Probe::new(builder.finish(), &table_of(case), seed);
    for (i, (&value, input)) in inputs.iter().zip(&case.inputs).enumerate() {
        probe.set(value, interior(input, values(input, Regime::Normal, seed, i)))?;
    }
    for (i, &(y, dy)) in seeds.iter().enumerate() {
        let ty = probe.oracle.graph().ty(y).clone();
        let any = Input { ty: ty.clone(), domain: Domain::Any, variable: None };
        let mut values = interior(&any, values(&any, Regime::Normal, seed, 100 + i));
        // Rows that do not count have no gradient.
        let counting = probe.oracle.step.rows_of(&ty) * ty.shape.without_batch().len();
        values.float_mut().iter_mut().skip(counting).for_each(|v| *v = 0.0);
        probe.set(dy, values)?;
    }
    let terms = |oracle: &Oracle| -> Vec<f64> {
        let products = |&(y, dy): &(Value, Value)| {
            let pairs = oracle.get(y).float().iter().zip(oracle.get(dy).float());
            // A dead row may be infinite.
            pairs.map(|(y, dy)| if *dy == 0.0 { 0.0 } else { y * dy }).collect::<Vec<f64>>()
        };
        seeds.iter().flat_map(products).collect()
    };
    let wrt: Vec<(Value, Value)> = inputs.into_iter().zip(gradients).filter_map(|(x, dx)| Some((x, dx?))).collect();
    probe.worst(&wrt, &terms)
}

/// The worst relative distance of the weighted gradient that a loss brings from differences of its mean. `None` for an
/// op that is no loss, and for a case too large to be run dozens of times or without a row that counts.
///
/// # Errors
/// Those of the op.
pub fn loss_gradient(case: &Case, seed: u64) -> Result<Option<f64>> {
    let types: Vec<&Type> = case.inputs.iter().map(|input| &input.ty).collect();
    let Some(terms) = case.op.loss_terms(&types) else { return Ok(None) };
    if case.rows.0 == 0 || types.iter().any(|ty| ty.len() > LARGEST) {
        return Ok(None);
    }
    let builder = Builder::new(Arc::new(Variables::default()));
    case.columns.iter().for_each(|_| {
        builder.column("weight", |_| 0.0);
    });
    let inputs: Vec<Value> = case.inputs.iter().map(|input| builder.data(input.ty.clone())).collect();
    let outputs = builder.op(Arc::clone(&case.op), &inputs)?;
    outputs.iter().for_each(|&v| builder.output(v));
    let mut probe = Probe::new(builder.finish(), &table_of(case), seed);
    for (i, (&value, input)) in inputs.iter().zip(&case.inputs).enumerate() {
        probe.set(value, interior(input, values(input, Regime::Normal, seed, i)))?;
    }
    let weight = case.columns.first().copied().unwrap_or(1.0) / (case.rows.0 * terms) as f64;
    let mean = |oracle: &Oracle| oracle.get(outputs[1]).float().iter().map(|sum| weight * sum).collect();
    Ok(probe.worst(&[(inputs[0], outputs[0])], &mean)?.map(|worst| worst.error))
}

/// In f64, and away from the ends of the domain, where a difference would leave it.
fn interior(input: &Input, values: Buffer<f32>) -> Buffer<f64> {
    let inside = |v: f32| match input.domain {
        Domain::Probability => 0.1 + 0.8 * f64::from(v),
        Domain::Argument(function) if function.row.least.is_finite() => 0.1 + f64::from(v),
        _ => f64::from(v),
    };
    match values {
        Buffer::Float(v) => Buffer::Float(v.into_iter().map(inside).collect()),
        Buffer::Index(v) => Buffer::Index(v),
    }
}

/// The terms of a sum.
type Terms<'a> = &'a dyn Fn(&Oracle) -> Vec<f64>;

/// A graph in the oracle that is run again and again.
struct Probe {
    oracle: Oracle,
    table: StepTable,
    random: Philox,
}

impl Probe {
    fn new(graph: Graph, table: &StepTable, seed: u64) -> Self {
        let mut oracle = Oracle::new(Arc::new(graph));
        oracle.begin(table);
        Self { oracle, table: table.clone(), random: Philox::new(seed, Purpose::Initializer, 1 << 41) }
    }

    fn set(&mut self, value: Value, buffer: Buffer<f64>) -> Result<()> {
        self.oracle.set(value, buffer)
    }

    /// Runs the first node, or all of them.
    fn run(&mut self, all: bool) -> Result<()> {
        self.oracle.begin(&self.table);
        let nodes = if all { self.oracle.graph().nodes.len() } else { 1 };
        (0..nodes).try_for_each(|node| self.oracle.run_node(node))
    }

    /// The worst relative distance over pairs (input, its gradient) from differences of a sum. `None` where all inputs
    /// are empty.
    fn worst(&mut self, wrt: &[(Value, Value)], terms: Terms<'_>) -> Result<Option<Slope>> {
        self.run(true)?;
        let (mut worst, mut kinks, mut count): (Option<Slope>, usize, usize) = (None, 0, 0);
        for &(value, gradient) in wrt {
            let input = self.oracle.graph().nodes[0].inputs.iter().position(|&v| v == value).unwrap_or(0);
            let gradient = self.oracle.get(gradient).float().to_vec();
            let scale = gradient.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            let ty = self.oracle.graph().ty(value);
            let counting =
                if ty.batched { self.oracle.step.rows_of(ty) * ty.shape.without_batch().len() } else { ty.len() };
            for index in self.picks(counting) {
                let [(wide, _), (difference, noise)] =
                    [self.slope(value, index, STEP, terms)?, self.slope(value, index, STEP / 2.0, terms)?];
                let analytic = gradient[index];
                let size = difference.abs().max(analytic.abs()).max(1e-2 * scale).max(1e-6).max(noise / SETTLED);
                count += 1;
                let kink = (wide - difference).abs() > SETTLED * size;
                kinks += usize::from(kink);
                let error = (difference - analytic).abs() / size;
                let error = if error.is_nan() { f64::INFINITY } else { error };
                if worst.is_none_or(|worst| error > worst.error) && !kink {
                    worst = Some(Slope { input, index, analytic, difference, error });
                }
            }
        }
        if 4 * kinks > count {
            let (analytic, difference, error) = (f64::NAN, f64::NAN, f64::INFINITY);
            let nowhere = Slope { input: 0, index: 0, analytic, difference, error };
            return Ok(Some(Slope { error, ..worst.unwrap_or(nowhere) }));
        }
        Ok(worst)
    }

    fn picks(&mut self, len: usize) -> Vec<usize> {
        if len <= ELEMENTS {
            return (0..len).collect();
        }
        (0..ELEMENTS).map(|_| self.random.word() as usize % len).collect()
    }

    /// `(8 (s(h) - s(-h)) - (s(2h) - s(-2h))) / 12h` at one element of an input, term by term: of those that it does not
    /// move nothing is left. Also how far the rounding of the others may go.
    fn slope(&mut self, input: Value, at: usize, h: f64, terms: Terms<'_>) -> Result<(f64, f64)> {
        let original = self.oracle.get(input).clone();
        let mut moved = |steps: f64| -> Result<Vec<f64>> {
            let mut buffer = original.clone();
            buffer.float_mut()[at] += steps * h;
            self.oracle.set(input, buffer)?;
            self.run(false)?;
            Ok(terms(&self.oracle))
        };
        let [inner, outer] = [[moved(1.0)?, moved(-1.0)?], [moved(2.0)?, moved(-2.0)?]];
        self.oracle.set(input, original)?;
        let difference = |[up, down]: &[Vec<f64>; 2]| -> f64 { up.iter().zip(down).map(|(up, down)| up - down).sum() };
        let pairs = inner[0].iter().zip(&inner[1]);
        let moved: f64 = pairs.filter(|(up, down)| up != down).map(|(up, _)| up.abs()).sum();
        Ok(((8.0 * difference(&inner) - difference(&outer)) / (12.0 * h), 16.0 * f64::EPSILON * moved / h))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Args, Float, Measure, Node, OpDef, Site, Tolerance, Variant};
    use crate::ops::{FAMILIES, LOSS_ROWS, add};

    /// `y = 2 x`, whose gradient is right or forgets the 2.
    #[derive(Debug)]
    struct Double {
        right: bool,
    }

    impl OpDef for Double {
        fn name(&self) -> &str {
            "double"
        }
        fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
            Ok(vec![inputs[0].clone()])
        }
        fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
            let sum = |dy| if self.right { add(g, dy, dy) } else { Ok(dy) };
            Ok(vec![dy[0].map(sum).transpose()?])
        }
        fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
            let pairs = args.outputs[0].float_mut().iter_mut().zip(args.inputs.float(0));
            pairs.for_each(|(y, &x)| *y = x + x);
            Ok(())
        }
        fn measure(&self) -> Measure {
            Measure::Equal
        }
        fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
            case.equal()
        }
        fn variants(&self, _: &Site<'_>) -> Result<Vec<Variant>> {
            Ok(vec![])
        }
    }

    #[test]
    fn a_wrong_gradient_is_refused() {
        let worst = |right| gradient(&Case::new(Double { right }, [Type::f32([5])]), 0).unwrap().unwrap();
        assert!(worst(true).error < 1e-6, "{:?}", worst(true));
        assert!(worst(false).error > 0.4, "{:?}", worst(false));
    }

    #[test]
    fn every_gradient_agrees_with_differences() {
        let mut checked = std::collections::BTreeMap::<String, (usize, f64)>::new();
        for (seed, case) in FAMILIES.iter().flat_map(|family| (family.cases)()).enumerate() {
            // Some numbers have too many kinks near: others are tried then.
            let mut tried = (0..4).filter_map(|more| gradient(&case, seed as u64 + 7919 * more).unwrap());
            let first = tried.next();
            let settled = first.filter(|slope| slope.error.is_finite()).or_else(|| tried.find(|s| s.error.is_finite()));
            if let Some(Slope { error: worst, .. }) = settled.or(first) {
                let types: Vec<String> = case.inputs.iter().map(|i| i.ty.to_string()).collect();
                assert!(worst <= 1e-6, "{} of {types:?}, rows {:?}: {worst:e}", case.op.name(), case.rows);
                let of_op = checked.entry(case.op.name().into()).or_default();
                *of_op = (of_op.0 + 1, of_op.1.max(worst));
            }
        }
        println!("{checked:#?}");
        for op in
            ["subtract", "multiply", "divide", "maximum", "minimum", "power", "select", "sum", "mean", "max", "min"]
        {
            assert!(checked.get(op).is_some_and(|(cases, _)| *cases > 10), "{op} was not checked");
        }
        for op in ["batch_normalization", "normalize", "layer_normalization"] {
            assert!(checked.get(op).is_some_and(|(cases, _)| *cases > 10), "{op} was not checked");
        }
        for op in ["relu", "sigmoid", "add", "bias_add", "matmul", "matmul_nt", "matmul_tn", "matmul_tt", "dense"] {
            assert!(checked.get(op).is_some_and(|(cases, _)| *cases > 10), "{op} was not checked");
        }
    }

    #[test]
    fn every_loss_agrees_with_differences() {
        let mut checked = std::collections::BTreeMap::<String, (usize, f64)>::new();
        for (seed, case) in FAMILIES.iter().flat_map(|family| (family.cases)()).enumerate() {
            if let Some(worst) = loss_gradient(&case, seed as u64).unwrap() {
                let types: Vec<String> = case.inputs.iter().map(|i| i.ty.to_string()).collect();
                assert!(worst <= 1e-6, "{} of {types:?}, rows {:?}: {worst:e}", case.op.name(), case.rows);
                let of_op = checked.entry(case.op.name().into()).or_default();
                *of_op = (of_op.0 + 1, of_op.1.max(worst));
            }
        }
        println!("{checked:#?}");
        let rows = LOSS_ROWS.iter().filter(|row| row.has_loss).map(|row| row.name);
        let classes = ["categorical_crossentropy", "sparse_categorical_crossentropy"];
        let of_logits = ["categorical_crossentropy_logits", "sparse_categorical_crossentropy_logits"];
        for op in rows.chain(classes).chain(of_logits) {
            assert!(checked.get(op).is_some_and(|(cases, _)| *cases > 10), "{op} was not checked");
        }
    }
}
