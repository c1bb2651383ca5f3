//! Elementwise functions of one argument: a row each, `y = f(x)` and `dx = dy f'(x)`.
//!
//! A row serves the ops `<name>` and `<name>_backward`, and the epilogue of [`dense`](crate::ops::dense).

use std::borrow::Cow;

use crate::error::Result;
use crate::graph::{
    Args, Builder, Constant, Float, Launch, Node, OpDef, Site, Source, TINY, Tolerance, Value, Variant, shader, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::{arity, elementwise, float, same};
use crate::shape::Type;

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
pub trait UnaryDef: 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// A file with `fn <name>_f(x: f32) -> f32` and `fn <name>_df(x: f32, y: f32) -> f32`.
    const WGSL: &'static str;
    /// Whether `df` wants the input or the output; what it doesn't want may be anything.
    const DF: Needs;
    /// At least three of (x, f(x), f'(x)) from an outside source, the kink among them.
    const SAMPLES: &'static [[f64; 3]];
    /// ULPs that `f` in f32 may be off.
    const ULPS: f64;
    /// The function. NaN gives NaN.
    fn f<F: Float>(x: F) -> F;
    /// Its derivative at `x`, where `y = f(x)`. NaN in what it wants gives NaN.
    fn df<F: Float>(x: F, y: F) -> F;
}

/// An elementwise function as plain data.
#[derive(Debug)]
pub struct Unary {
    /// See [`UnaryDef::NAME`].
    pub name: &'static str,
    /// See [`UnaryDef::WGSL`].
    pub source: Source,
    /// See [`UnaryDef::DF`].
    pub needs: Needs,
    /// See [`UnaryDef::SAMPLES`].
    pub samples: &'static [[f64; 3]],
    /// See [`UnaryDef::ULPS`].
    pub ulps: f64,
    f: Functions,
    df: Derivatives,
}

/// f in f32 and in f64.
type Functions = (fn(f32) -> f32, fn(f64) -> f64);
/// f' in f32 and in f64.
type Derivatives = (fn(f32, f32) -> f32, fn(f64, f64) -> f64);

/// The row of a function.
pub const fn row<U: UnaryDef>() -> Unary {
    Unary {
        name: U::NAME,
        source: Source { path: U::NAME, text: Cow::Borrowed(U::WGSL) },
        needs: U::DF,
        samples: U::SAMPLES,
        ulps: U::ULPS,
        f: (U::f::<f32>, U::f::<f64>),
        df: (U::df::<f32>, U::df::<f64>),
    }
}

impl Unary {
    /// The function, in f32 or f64.
    pub fn f<F: Float>(&self) -> fn(F) -> F {
        F::unary(self.f.0, self.f.1)
    }

    /// Its derivative at `x` where `y = f(x)`, in f32 or f64.
    pub fn df<F: Float>(&self) -> fn(F, F) -> F {
        F::binary(self.df.0, self.df.1)
    }

    /// Whether it is the identity.
    pub fn is_linear(&self) -> bool {
        self.needs == Needs::Nothing
    }

    /// Adds the function to a kernel that calls `f(x)` and `df(x, y)`.
    pub fn compose(&self, launch: Launch) -> Launch {
        launch
            .source(self.source.clone())
            .constant("f", Constant::Call { signature: "(x: f32) -> f32", stem: self.name })
            .constant("df", Constant::Call { signature: "(x: f32, y: f32) -> f32", stem: self.name })
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
    const ULPS: f64 = 0.0;
    fn f<F: Float>(x: F) -> F {
        x
    }
    fn df<F: Float>(_: F, _: F) -> F {
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
    const ULPS: f64 = 0.0;
    fn f<F: Float>(x: F) -> F {
        F::ZERO.max_or_nan(x)
    }
    fn df<F: Float>(_: F, y: F) -> F {
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
    const ULPS: f64 = 4.0;
    fn f<F: Float>(x: F) -> F {
        let e = (-x.abs()).exp();
        if x < F::ZERO { e / (F::ONE + e) } else { F::ONE / (F::ONE + e) }
    }
    fn df<F: Float>(_: F, y: F) -> F {
        y * (F::ONE - y)
    }
}

/// The op `y = f(x)` of a row.
#[derive(Clone, Copy, Debug)]
pub struct UnaryOp(pub &'static Unary);

/// The op `dx = dy f'(x)` of a row: inputs `dy` and what [`Unary::needs`] says.
#[derive(Clone, Debug)]
pub struct UnaryBackward {
    row: &'static Unary,
    name: String,
}

/// `y = f(x)`, any shape. The sigmoid remembers its logits.
///
/// # Errors
/// None for a value of dtype f32.
pub fn unary(g: &Builder, row: &'static Unary, x: Value) -> Result<Value> {
    if row.is_linear() {
        return Ok(x);
    }
    let y = g.op1(UnaryOp(row), &[x])?;
    if row.name == Sigmoid::NAME {
        g.tag_logits(y, x);
    }
    Ok(y)
}

/// `dx = dy f'(x)`, where `y = f(x)`.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes differ.
pub fn unary_backward(g: &Builder, row: &'static Unary, dy: Value, x: Value, y: Value) -> Result<Value> {
    match row.needs {
        Needs::Nothing => Ok(dy),
        Needs::Input => g.op1(UnaryBackward::new(row), &[dy, x]),
        Needs::Output => g.op1(UnaryBackward::new(row), &[dy, y]),
    }
}

impl UnaryBackward {
    fn new(row: &'static Unary) -> Self {
        let name = format!("{}_backward", row.name);
        Self { row, name }
    }
}

impl OpDef for UnaryOp {
    fn name(&self) -> &str {
        self.0.name
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

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![case.ulps(0, self.0.ulps)]
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
        let df = self.row.df::<F>();
        let inputs = args.inputs.float(0).iter().zip(args.inputs.float(1));
        for (dx, (&dy, &seen)) in args.outputs[0].float_mut().iter_mut().zip(inputs) {
            *dx = dy * df(seen, seen);
        }
        Ok(())
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        // df is at most a few products of what f was made of; then one product.
        let (df, ulps) = (self.row.df::<f64>(), self.row.ulps + 1.0);
        let inputs = case.inputs.float(0).iter().zip(case.inputs.float(1));
        vec![inputs.map(|(&dy, &seen)| ulps * ulp(dy * df(seen, seen)) + dy.abs() * TINY + TINY).collect()]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let len = site.outputs[0].len();
        let launch = self.row.compose(elementwise(shader!("unary_backward.wgsl"), len));
        Ok(Variant::only(launch.input(0).input(1).output(0)))
    }
}

/// A case of each row and size, forward and backward.
pub fn cases() -> Vec<Case> {
    let rows = ROWS.iter().filter(|row| !row.is_linear());
    rows.flat_map(|row| {
        EDGES.iter().flat_map(move |&n| {
            let seen = if row.name == Sigmoid::NAME { Domain::Probability } else { Domain::Any };
            [
                Case::new(UnaryOp(row), [Type::f32([n])]),
                Case::new(UnaryBackward::new(row), [Type::f32([n]), Type::f32([n])]).domain(1, seen),
            ]
        })
    })
    .collect()
}
