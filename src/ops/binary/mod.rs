//! Elementwise functions of two arguments: a row each, `c = f(a, b)`, whose operands stretch to one shape as numpy's do.
//!
//! A row serves the ops `<name>` and `<name>_backward`.

mod arithmetic;
mod backward;
mod comparison;
mod slices;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

pub use arithmetic::*;
pub use backward::BinaryBackward;
pub use comparison::*;

use crate::error::Result;
use crate::graph::{
    Args, Builder, Constant, CpuVariant, Float, Launch, Measure, Node, OpDef, Pointwise, Site, Source, Tolerance,
    Value, Variant, call_of, is_foreign, shader,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::chain::Chain;
use crate::ops::reduce::sum_to;
use crate::ops::walk::along;
use crate::ops::{arity, elementwise, float};
use crate::shape::{Type, Walk, broadcast_types};

/// What the gradient of an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slope {
    /// None: the function is constant but for its jumps.
    Nothing,
    /// That of the result.
    One,
    /// What [`BinaryDef::df`] says.
    Own,
}

/// An elementwise function of two arguments, as its author writes it. [`binary_row`] makes it a [`Binary`].
pub trait BinaryDef: Copy + Debug + Default + Send + Sync + 'static {
    /// snake_case; also the stem of the WGSL file and of the functions in it.
    const NAME: &'static str;
    /// A file with `fn <name>_f(a: f32, b: f32) -> f32` and, where a slope is [`Slope::Own`],
    /// `fn <name>_df(dy: f32, a: f32, b: f32) -> vec2<f32>`.
    const WGSL: &'static str;
    /// What the gradients of the operands are.
    const SLOPES: [Slope; 2];
    /// At least three of (a, b, f, ∂f/∂a, ∂f/∂b) from an outside source, kinks among them; 0 where there is no slope.
    const SAMPLES: &'static [[f64; 5]];
    /// ULPs that `f` and `df` in f32 may be off.
    const ULPS: [f64; 2];
    /// The largest factor, besides dy, by which `df` multiplies what may have been too small for f32.
    const STEEPEST: f64 = 1.0;
    /// What the operands may hold where gradients are looked at.
    const DOMAINS: [Domain; 2] = [Domain::Any; 2];
    /// The function. NaN gives NaN, but for comparisons.
    fn f<F: Float>(a: F, b: F) -> F;
    /// `dy` times its derivatives by `a` and by `b`, where they are [`Slope::Own`]. NaN gives NaN.
    fn df<F: Float>(dy: F, a: F, b: F) -> [F; 2] {
        let _ = (a, b);
        [dy; 2]
    }
}

/// An elementwise function of two arguments as plain data: for tests, which walk [`binary_rows`].
#[derive(Debug)]
pub struct Binary {
    /// See [`BinaryDef::NAME`].
    pub name: &'static str,
    /// See [`BinaryDef::SLOPES`].
    pub slopes: [Slope; 2],
    /// See [`BinaryDef::SAMPLES`].
    pub samples: &'static [[f64; 5]],
    /// See [`BinaryDef::DOMAINS`].
    pub domains: [Domain; 2],
    /// See [`BinaryDef::f`].
    pub f: fn(f64, f64) -> f64,
    /// See [`BinaryDef::df`].
    pub df: fn(f64, f64, f64) -> [f64; 2],
    cases: fn() -> Vec<Case>,
}

/// The row of a function.
pub const fn binary_row<B: BinaryDef>() -> Binary {
    Binary {
        name: B::NAME,
        slopes: B::SLOPES,
        samples: B::SAMPLES,
        domains: B::DOMAINS,
        f: B::f::<f64>,
        df: B::df::<f64>,
        cases: cases_of::<B>,
    }
}

/// Every row.
pub fn binary_rows() -> impl Iterator<Item = &'static Binary> {
    arithmetic::ROWS.iter().chain(comparison::ROWS)
}

/// The op `c = f(a, b)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryOp<B>(pub B);

/// `f(a, b)`: a and b of dtype f32, of any shapes that stretch to one.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where they don't, or where a batch would not be axis 0 of the result.
pub fn binary<B: BinaryDef>(g: &Builder, f: B, a: Value, b: Value) -> Result<Value> {
    g.op1(BinaryOp(f), &[a, b])
}

/// The type of the result of an op on `operands`, all of dtype f32.
fn stretched(op: &str, operands: &[&Type]) -> Result<Type> {
    for (ty, name) in operands.iter().zip(["a", "b"]) {
        float(op, name, ty)?;
    }
    broadcast_types(op, operands)
}

/// One way to run a kernel of two operands that stretch to `shape` or, `same`, have it already.
fn launch(op: &str, source: Source, shape: &Type, operands: [&Type; 2], same: bool) -> Result<Launch> {
    let walk = Walk::stretched(&shape.shape, operands.map(|ty| &ty.shape));
    along(op, elementwise(source, shape.len()).flag("BROADCAST", !same), &walk)
}

/// The ways to run a kernel: without a look at the axes where the operands have the result's shape.
fn variants(shape: &Type, operands: [&Type; 2], launch: impl Fn(bool) -> Result<Launch>) -> Result<Vec<Variant>> {
    let broadcast = Variant { name: "broadcast", launches: vec![launch(false)?] };
    if operands.iter().any(|ty| ty.shape != shape.shape) {
        return Ok(vec![broadcast]);
    }
    Ok(vec![Variant { name: "same", launches: vec![launch(true)?] }, broadcast])
}

fn source<B: BinaryDef>() -> Source {
    Source::new(B::NAME, Cow::Borrowed(B::WGSL))
}

fn call<B: BinaryDef>(signature: &'static str) -> Constant {
    Constant::Call { signature, stem: B::NAME, params: vec![] }
}

impl<B: BinaryDef> OpDef for BinaryOp<B> {
    fn name(&self) -> &str {
        B::NAME
    }

    fn is_own(&self) -> bool {
        is_foreign::<B>()
    }

    fn pointwise(&self) -> Option<Pointwise> {
        Some(Pointwise::new(source::<B>(), [call_of(&format!("{}_f", B::NAME), &["$0", "$1"], &[])]))
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let operands: [&Type; 2] = arity(B::NAME, inputs)?;
        Ok(vec![stretched(B::NAME, &operands)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None; 2]) };
        let own = if B::SLOPES.contains(&Slope::Own) {
            g.op(Arc::new(BinaryBackward::<B>::new()), &[dy, node.inputs[0], node.inputs[1]])?
        } else {
            vec![]
        };
        let gradient = |i: usize| match B::SLOPES[i] {
            Slope::Nothing => Ok(None),
            Slope::One => sum_to(g, dy, &g.ty(node.inputs[i]).shape).map(Some),
            Slope::Own => sum_to(g, own[i], &g.ty(node.inputs[i]).shape).map(Some),
        };
        (0..2).map(gradient).collect()
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (a, b) = (args.inputs.float(0), args.inputs.float(1));
        let operands = [&args.types[0].shape, &args.types[1].shape];
        let walk = Walk::stretched(&broadcast_types(B::NAME, &[&args.types[0], &args.types[1]])?.shape, operands);
        for (c, [at_a, at_b]) in args.outputs[0].float_mut().iter_mut().zip(walk.offsets()) {
            *c = B::f(a[at_a], b[at_b]);
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::of_ulps(B::ULPS[0])
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        if B::ULPS[0] == 0.0 { case.equal() } else { vec![case.ulps(0, B::ULPS[0])] }
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        match site.inputs.iter().all(|ty| ty.shape == site.outputs[0].shape) {
            true => slices::kernels::<B>(false),
            false => crate::graph::Op::cpu_variants(&Chain::of(*self, 2), site),
        }
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (c, operands) = (&site.outputs[0], [&site.inputs[0], &site.inputs[1]]);
        variants(c, operands, |same| {
            let launch = launch(B::NAME, shader!("binary.wgsl"), c, operands, same)?.source(source::<B>());
            Ok(launch.constant("f", call::<B>("(a: f32, b: f32) -> f32")).input(0).input(1).output(0))
        })
    }
}

/// Pairs of shapes: equal ones of each size, and those that stretch in every way.
fn shapes() -> Vec<[Vec<usize>; 2]> {
    let mut shapes: Vec<[Vec<usize>; 2]> = EDGES.iter().map(|&n| [vec![n], vec![n]]).collect();
    let stretched: &[[&[usize]; 2]] = &[
        [&[], &[]],
        [&[], &[33]],
        [&[65], &[1]],
        [&[5, 1], &[1, 7]],
        [&[13], &[9, 13]],
        [&[9, 13], &[9, 1]],
        [&[4, 1, 3], &[4, 5, 3]],
        [&[4, 5, 3], &[5, 1]],
        [&[1, 5, 1], &[4, 1, 3]],
        [&[3, 1, 4, 1, 2], &[1, 3, 1, 5, 1]],
        [&[2, 1, 3, 1, 2, 1], &[1, 2, 1, 3, 1, 2]],
        [&[0], &[1]],
        [&[3, 0], &[3, 1]],
        [&[1], &[257]],
        [&[31, 1], &[1, 33]],
        [&[1025], &[2, 1025]],
    ];
    shapes.extend(stretched.iter().map(|pair| pair.map(<[usize]>::to_vec)));
    shapes
}

fn cases_of<B: BinaryDef>() -> Vec<Case> {
    let [of_a, of_b] = B::DOMAINS;
    let differentiable = B::SLOPES.contains(&Slope::Own);
    let mut cases = vec![];
    for [a, b] in shapes() {
        let [a, b] = [a, b].map(Type::f32);
        cases.push(Case::new(BinaryOp(B::default()), [a.clone(), b.clone()]).domain(0, of_a).domain(1, of_b));
        if let (true, Ok(c)) = (differentiable, broadcast_types(B::NAME, &[&a, &b])) {
            cases.push(Case::new(BinaryBackward::<B>::new(), [c, a, b]).domain(1, of_a).domain(2, of_b));
        }
    }
    // A batch of which not all rows count; its gradient is summed over those that do.
    let batch = Type::f32([9, 5]).batched(true);
    for other in [Type::f32([5]), Type::f32([9, 1]).batched(true), Type::f32([1, 1]), batch.clone()] {
        let case = Case::new(BinaryOp(B::default()), [batch.clone(), other]).rows(6, 9);
        cases.push(case.domain(0, of_a).domain(1, of_b));
    }
    if B::DOMAINS != [Domain::Any; 2] {
        // More elements than differences are taken of: these have no gradient everywhere.
        let [a, b] = [Type::f32([20_001]), Type::f32([20_001])];
        cases.push(Case::new(BinaryOp(B::default()), [a.clone(), b.clone()]));
        cases.push(Case::new(BinaryBackward::<B>::new(), [a.clone(), a, b]));
    }
    cases
}

/// Cases of each row, and of more elements than 65,535 workgroups have.
pub(super) fn cases() -> Vec<Case> {
    let many = Type::f32([65_537, 65]);
    let mut cases: Vec<Case> = binary_rows().flat_map(|row| (row.cases)()).collect();
    cases.push(Case::new(BinaryOp(Add), [many.clone(), Type::f32([65])]).brief());
    cases.push(Case::new(BinaryBackward::<Multiply>::new(), [many.clone(), many, Type::f32([65])]).brief());
    cases
}
