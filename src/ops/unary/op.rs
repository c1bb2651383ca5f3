//! The ops of elementwise functions: `y = f(x)` and `dx = dy f'(x)`.

use crate::error::Result;
use crate::graph::{
    Args, Builder, CpuVariant, Float, Measure, Node, OpDef, Pointwise, Site, Squash, TINY, Tolerance, Value, Variant,
    shader, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::unary::activations::Sigmoid;
use crate::ops::unary::slices::variants;
use crate::ops::unary::{Function, Needs, UnaryDef};
use crate::ops::{arity, elementwise, float, same};
use crate::shape::Type;

/// The op `y = f(x)`.
#[derive(Clone, Copy, Debug)]
pub struct UnaryOp(pub Function);

/// The op `dx = dy f'(x)`: inputs `dy` and what [`Unary::needs`](crate::ops::Unary::needs) says.
#[derive(Clone, Debug)]
pub struct UnaryBackward {
    function: Function,
    name: String,
}

/// `y = f(x)`, any shape. The sigmoid remembers its logits.
///
/// # Errors
/// None for a value of dtype f32.
pub fn unary(g: &Builder, function: impl Into<Function>, x: Value) -> Result<Value> {
    let function = function.into();
    if function.is_linear() {
        return Ok(x);
    }
    let y = g.op1(UnaryOp(function), &[x])?;
    if function.name() == Sigmoid::NAME {
        g.tag_logits(y, x, Squash::Sigmoid);
    }
    Ok(y)
}

/// `dx = dy f'(x)`, where `y = f(x)`.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes differ.
pub fn unary_backward(g: &Builder, function: Function, dy: Value, x: Value, y: Value) -> Result<Value> {
    match function.row.needs {
        Needs::Nothing if function.is_linear() => Ok(dy),
        Needs::Nothing => g.op1(UnaryBackward::new(function), &[dy, dy]),
        Needs::Input => g.op1(UnaryBackward::new(function), &[dy, x]),
        Needs::Output => g.op1(UnaryBackward::new(function), &[dy, y]),
    }
}

impl UnaryBackward {
    /// The op of a function.
    pub fn new(function: Function) -> Self {
        let name = format!("{}_backward", function.name());
        Self { function, name }
    }
}

/// How far `dy f'(seen)` may be off: the derivative, then one product; anything where the derivative alone passes the
/// largest f32.
pub(in crate::ops) fn product_bars(function: &Function, dy: &[f64], seen: &[f64]) -> Vec<f64> {
    let ([_, ulps], [_, floor], df) = (function.row.ulps, function.row.floors, function.df::<f64>());
    let bar = |(&dy, &seen): (&f64, &f64)| match df(seen, seen) {
        slope if slope.abs() > f64::from(f32::MAX) => f64::INFINITY,
        slope => (ulps + 1.0) * ulp(dy * slope) + dy.abs() * (floor + TINY) + TINY,
    };
    dy.iter().zip(seen).map(bar).collect()
}

impl OpDef for UnaryOp {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn is_own(&self) -> bool {
        self.0.is_own()
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(self.0.pointwise("f", &["$0"], "@"))
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity(self.name(), inputs)?;
        Ok(vec![float(self.name(), "x", x)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let dx = dy[0].map(|dy| unary_backward(g, self.0, dy, node.inputs[0], node.outputs[0]));
        Ok(vec![dx.transpose()?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let f = self.0.f::<F>();
        for (y, &x) in args.outputs[0].float_mut().iter_mut().zip(args.inputs.float(0)) {
            *y = f(x);
        }
        Ok(())
    }

    fn cpu_variants(&self, _: &Site<'_>) -> Vec<CpuVariant> {
        variants(self.0, false)
    }

    fn measure(&self) -> Measure {
        Measure::of_ulps(self.0.row.ulps[0])
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let [[ulps, _], [floor, _]] = [self.0.row.ulps, self.0.row.floors];
        match (ulps, floor) {
            (0.0, 0.0) => case.equal(),
            _ => vec![case.ulps(0, ulps).into_iter().map(|bar| bar + floor).collect()],
        }
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].len();
        let launch = self.0.compose(elementwise(shader!("unary.wgsl"), len)).input(0).output(0);
        Ok(Variant::only(launch))
    }
}

impl OpDef for UnaryBackward {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_own(&self) -> bool {
        self.function.is_own()
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(self.function.pointwise("df", &["$1", "$1"], "$0 * @"))
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [dy, seen] = arity(&self.name, inputs)?;
        same(&self.name, "dy", dy, seen)?;
        Ok(vec![float(&self.name, "dy", dy)?])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let df = self.function.df::<F>();
        let inputs = args.inputs.float(0).iter().zip(args.inputs.float(1));
        for (dx, (&dy, &seen)) in args.outputs[0].float_mut().iter_mut().zip(inputs) {
            *dx = dy * df(seen, seen);
        }
        Ok(())
    }

    fn cpu_variants(&self, _: &Site<'_>) -> Vec<CpuVariant> {
        variants(self.function, true)
    }

    fn measure(&self) -> Measure {
        Measure::of_ulps(self.function.row.ulps[1] + 1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![product_bars(&self.function, case.inputs.float(0), case.inputs.float(1))]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].len();
        let launch = self.function.compose(elementwise(shader!("unary_backward.wgsl"), len));
        Ok(Variant::only(launch.input(0).input(1).output(0)))
    }
}

/// A case of each function and size, forward and backward; with other parameters than the defaults, of one size.
pub fn cases() -> Vec<Case> {
    let functions = Function::all().filter(|f| !f.is_linear());
    let sizes = |f: &Function| if *f == Function::from(f.row) { EDGES } else { &[257] };
    functions.flat_map(|f| sizes(&f).iter().flat_map(move |&n| pair(f, Type::f32([n])))).collect()
}

fn pair(function: Function, ty: Type) -> [Case; 2] {
    let forward = Case::new(UnaryOp(function), [ty.clone()]);
    let backward = Case::new(UnaryBackward::new(function), [ty.clone(), ty]);
    [forward.domain(0, Domain::Argument(function)), backward.domain(1, Domain::Seen(function))]
}
