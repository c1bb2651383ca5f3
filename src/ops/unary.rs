//! Elementwise functions of one argument: a row each, `y = f(x)` and `dx = dy f'(x)`.
//!
//! A row serves the ops `<name>` and `<name>_backward`, and the epilogue of [`dense`](crate::ops::dense).

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Builder, Constant, F1, F2, Float, Launch, Measure, Node, OpDef, Site, Source, Squash, TINY, Tolerance, Value,
    Variant, shader, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::{arity, elementwise, float, same};
use crate::shape::Type;

/// Parameters that a function may have.
pub const MOST_PARAMS: usize = 4;
/// Values of the parameters of a function; those past its own are 0.
pub type Params<F> = [F; MOST_PARAMS];

/// What a derivative is computed from, besides the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Neither: the derivative is a constant.
    Nothing,
    /// The function's argument.
    Input,
    /// The function's value.
    Output,
}

/// An elementwise function, as its author writes it. [`row`] makes it a [`Unary`].
///
/// The type holds the values of its parameters: `LeakyRelu { negative_slope: 0.1 }`.
pub trait UnaryDef: 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// A file with `fn <name>_f(x: f32) -> f32` and `fn <name>_df(x: f32, y: f32) -> f32`; parameters come after these.
    const WGSL: &'static str;
    /// Names and defaults of the parameters.
    const PARAMS: &'static [(&'static str, f32)] = &[];
    /// Whether `df` wants the input or the output; what it doesn't want may be anything.
    const DF: Needs;
    /// At least three of (x, f(x), f'(x)) from an outside source, the kink among them; for the default parameters.
    const SAMPLES: &'static [[f64; 3]];
    /// ULPs that `f` and `df` in f32 may be off.
    const ULPS: [f64; 2];
    /// What `f` and `df` may be off where they pass through 0, besides.
    const FLOORS: [f64; 2] = [0.0; 2];
    /// The function. NaN gives NaN.
    fn f<F: Float>(x: F, p: &[F]) -> F;
    /// Its derivative at `x`, where `y = f(x)`. NaN in what it wants gives NaN.
    fn df<F: Float>(x: F, y: F, p: &[F]) -> F;
    /// The values of the parameters.
    fn params(&self) -> Params<f32> {
        defaults(Self::PARAMS)
    }
}

/// An elementwise function as plain data, its parameters open.
#[derive(Debug)]
pub struct Unary {
    /// See [`UnaryDef::NAME`].
    pub name: &'static str,
    /// See [`UnaryDef::WGSL`].
    pub source: Source,
    /// See [`UnaryDef::PARAMS`].
    pub params: &'static [(&'static str, f32)],
    /// See [`UnaryDef::DF`].
    pub needs: Needs,
    /// See [`UnaryDef::SAMPLES`].
    pub samples: &'static [[f64; 3]],
    /// See [`UnaryDef::ULPS`].
    pub ulps: [f64; 2],
    /// See [`UnaryDef::FLOORS`].
    pub floors: [f64; 2],
    f: (F1<f32>, F1<f64>),
    df: (F2<f32>, F2<f64>),
}

/// The row of a function.
pub const fn row<U: UnaryDef>() -> Unary {
    Unary {
        name: U::NAME,
        source: Source { path: U::NAME, text: Cow::Borrowed(U::WGSL) },
        params: U::PARAMS,
        needs: U::DF,
        samples: U::SAMPLES,
        ulps: U::ULPS,
        floors: U::FLOORS,
        f: (U::f::<f32>, U::f::<f64>),
        df: (U::df::<f32>, U::df::<f64>),
    }
}

/// The defaults of parameters.
pub(super) fn defaults(names: &[(&str, f32)]) -> Params<f32> {
    let mut params = [0.0; MOST_PARAMS];
    params.iter_mut().zip(names).for_each(|(p, (_, value))| *p = *value);
    params
}

/// An elementwise function: a row and the values of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The row.
    pub row: &'static Unary,
    params: Params<f32>,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        (self.row.name, self.params()) == (other.row.name, other.params())
    }
}

impl From<&'static Unary> for Function {
    /// With the default parameters.
    fn from(row: &'static Unary) -> Self {
        Self { row, params: defaults(row.params) }
    }
}

impl<U: UnaryDef> From<U> for Function {
    fn from(function: U) -> Self {
        Self { row: const { &row::<U>() }, params: function.params() }
    }
}

impl Function {
    /// The function of a name, with its default parameters: `linear`, `relu`, `sigmoid`, …
    ///
    /// # Errors
    /// [`Error::Argument`] with all names where there is no such function.
    pub fn named(name: &str) -> Result<Self> {
        let names = || ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        let found = ROWS.iter().find(|row| row.name == name);
        found
            .map(|row| Self::from(*row))
            .ok_or_else(|| Error::argument("activation", format!("one of {}", names()), name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// The values of its parameters, in the order of [`Unary::params`].
    pub fn params(&self) -> &[f32] {
        &self.params[..self.row.params.len()]
    }

    /// The function, in f32 or f64.
    pub fn f<F: Float>(&self) -> impl Fn(F) -> F + Copy + use<F> {
        let (f, p) = (F::unary(self.row.f.0, self.row.f.1), self.params.map(|p| F::of(p.into())));
        move |x| f(x, &p)
    }

    /// Its derivative at `x` where `y = f(x)`, in f32 or f64.
    pub fn df<F: Float>(&self) -> impl Fn(F, F) -> F + Copy + use<F> {
        let (df, p) = (F::binary(self.row.df.0, self.row.df.1), self.params.map(|p| F::of(p.into())));
        move |x, y| df(x, y, &p)
    }

    /// Whether it is the identity.
    pub fn is_linear(&self) -> bool {
        self.row.needs == Needs::Nothing
    }

    /// Adds the function to a kernel that calls `f(x)` and `df(x, y)`.
    pub fn compose(&self, launch: Launch) -> Launch {
        let call = |signature| Constant::Call { signature, stem: self.row.name, params: self.params().to_vec() };
        launch
            .source(self.row.source.clone())
            .constant("f", call("(x: f32) -> f32"))
            .constant("df", call("(x: f32, y: f32) -> f32"))
    }
}

/// Every row.
pub static ROWS: &[&Unary] = &[&LINEAR, &RELU, &SIGMOID];

/// `y = x`.
pub static LINEAR: Unary = row::<Linear>();
/// `y = max(x, 0)`.
pub static RELU: Unary = row::<Relu>();
/// `y = 1 / (1 + e⁻ˣ)`.
pub static SIGMOID: Unary = row::<Sigmoid>();

/// `f(x) = x`. Source: Keras' `linear`.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

impl UnaryDef for Linear {
    const NAME: &'static str = "linear";
    const WGSL: &'static str = include_str!("../../shaders/unary/linear.wgsl");
    const DF: Needs = Needs::Nothing;
    const SAMPLES: &'static [[f64; 3]] = &[[-2.0, -2.0, 1.0], [0.0, 0.0, 1.0], [3.5, 3.5, 1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        x
    }
    fn df<F: Float>(_: F, _: F, _: &[F]) -> F {
        F::ONE
    }
}

/// `f(x) = max(x, 0)`, `f'(0) = 0`. Source: Keras' `relu`.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl UnaryDef for Relu {
    const NAME: &'static str = "relu";
    const WGSL: &'static str = include_str!("../../shaders/unary/relu.wgsl");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[[-1.5, 0.0, 0.0], [0.0, 0.0, 0.0], [2.5, 2.5, 1.0]];
    const ULPS: [f64; 2] = [0.0, 0.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        F::ZERO.max_or_nan(x)
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        if y.is_nan() {
            y
        } else if y > F::ZERO {
            F::ONE
        } else {
            F::ZERO
        }
    }
}

/// `f(x) = 1 / (1 + e⁻ˣ)`. Source: Keras' `sigmoid`; samples from scipy's `expit`.
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;

impl UnaryDef for Sigmoid {
    const NAME: &'static str = "sigmoid";
    const WGSL: &'static str = include_str!("../../shaders/unary/sigmoid.wgsl");
    const DF: Needs = Needs::Output;
    const SAMPLES: &'static [[f64; 3]] = &[
        [-3.0, 0.04742587317756678, 0.04517665973091213],
        [0.0, 0.5, 0.25],
        [0.5, 0.6224593312018546, 0.2350037122015945],
        [20.0, 0.9999999979388463, 2.061153618190204e-9],
    ];
    const ULPS: [f64; 2] = [4.0, 4.0];
    fn f<F: Float>(x: F, _: &[F]) -> F {
        let e = (-x.abs()).exp();
        if x < F::ZERO { e / (F::ONE + e) } else { F::ONE / (F::ONE + e) }
    }
    fn df<F: Float>(_: F, y: F, _: &[F]) -> F {
        y * (F::ONE - y)
    }
}

/// The op `y = f(x)`.
#[derive(Clone, Copy, Debug)]
pub struct UnaryOp(pub Function);

/// The op `dx = dy f'(x)`: inputs `dy` and what [`Unary::needs`] says.
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
        Needs::Nothing => Ok(dy),
        Needs::Input => g.op1(UnaryBackward::new(function), &[dy, x]),
        Needs::Output => g.op1(UnaryBackward::new(function), &[dy, y]),
    }
}

impl UnaryBackward {
    fn new(function: Function) -> Self {
        let name = format!("{}_backward", function.name());
        Self { function, name }
    }
}

impl OpDef for UnaryOp {
    fn name(&self) -> &str {
        self.0.name()
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

    fn measure(&self) -> Measure {
        Measure::of_ulps(self.function.row.ulps[1] + 1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        // The derivative, then one product.
        let [[_, ulps], [_, floor]] = [self.function.row.ulps, self.function.row.floors];
        let df = self.function.df::<f64>();
        let inputs = case.inputs.float(0).iter().zip(case.inputs.float(1));
        let bar = |(&dy, &seen): (&f64, &f64)| (ulps + 1.0) * ulp(dy * df(seen, seen)) + dy.abs() * (floor + TINY);
        vec![inputs.map(|pair| bar(pair) + TINY).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].len();
        let launch = self.function.compose(elementwise(shader!("unary_backward.wgsl"), len));
        Ok(Variant::only(launch.input(0).input(1).output(0)))
    }
}

/// A case of each row and size, forward and backward.
pub fn cases() -> Vec<Case> {
    let functions = ROWS.iter().map(|&row| Function::from(row)).filter(|f| !f.is_linear());
    functions
        .flat_map(|function| {
            EDGES.iter().flat_map(move |&n| {
                let forward = Case::new(UnaryOp(function), [Type::f32([n])]);
                let backward = Case::new(UnaryBackward::new(function), [Type::f32([n]), Type::f32([n])]);
                [forward, backward.domain(1, Domain::Seen(function))]
            })
        })
        .collect()
}
