//! Elementwise ops that run as one: what [`program::merge`](crate::program) makes of neighbours.

mod blocks;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, CpuVariant, Float, Inputs, Launch, Measure, Node, Op, Param, Pointwise, Site, Source,
    StepState, Tolerance, Value, Variant,
};
use crate::ops::binary::{Add, BinaryBackward, BinaryOp, Multiply, Subtract};
use crate::ops::case::{Case, EDGES};
use crate::ops::elementwise;
use crate::ops::step_value::StepValue;
use crate::ops::unary::activations::{Sigmoid, Tanh};
use crate::ops::unary::piecewise::Relu;
use crate::ops::unary::{Function, UnaryBackward, UnaryOp};
use crate::ops::walk::along;
use crate::shape::{Shape, Type, Walk};

/// Operands of a chain that may stretch: `lib/axes.wgsl` follows as many.
pub const MOST_STRETCHED: usize = 3;
/// The word of `Params` in front of the axes that only pads them.
const PADDING: usize = 2;

/// An op of a chain.
#[derive(Clone, Debug)]
pub struct Member {
    /// What it does: an op with a [`Pointwise`](crate::graph::Pointwise).
    pub op: Arc<dyn Op>,
    /// The registers that it reads: the inputs of the chain, then the outputs of each member, in order.
    pub operands: Vec<usize>,
}

/// Elementwise ops as one op: no value in between goes through memory, but for those that others read too.
///
/// All registers that are not inputs have one shape, or are the same everywhere.
#[derive(Clone, Debug)]
pub struct Chain {
    name: String,
    members: Vec<Member>,
    outputs: Vec<usize>,
}

impl Chain {
    /// A chain of members in the order in which they run; `outputs` are registers of members.
    pub fn new(members: Vec<Member>, outputs: Vec<usize>) -> Self {
        const NAMED: usize = 4;
        let mut names: Vec<&str> = members.iter().map(|m| m.op.name()).take(NAMED).collect();
        let more = members.len().saturating_sub(NAMED);
        let rest = format!("{more} more");
        names.extend((more > 0).then_some(rest.as_str()));
        Self { name: names.join("+"), members, outputs }
    }

    /// An op alone, of some operands and all of its outputs.
    pub(super) fn of(op: impl Op + 'static, operands: usize) -> Self {
        let outputs = op.pointwise().map_or(0, |pointwise| pointwise.outputs.len());
        Self::new(vec![member(op, &Vec::from_iter(0..operands))], (operands..operands + outputs).collect())
    }

    /// The types of all registers.
    fn types(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let mut types: Vec<Type> = inputs.iter().map(|&ty| ty.clone()).collect();
        for member in &self.members {
            let operands = member.operands.iter().map(|&at| self.register(&types, at)).collect::<Result<Vec<_>>>()?;
            types.extend(member.op.infer(&operands)?);
        }
        Ok(types)
    }

    fn register<'a>(&self, types: &'a [Type], at: usize) -> Result<&'a Type> {
        types.get(at).ok_or_else(|| Error::shape(&self.name, "an operand made before it", at))
    }

    /// Runs the members one after the other on whole values.
    fn plain<F: Float>(&self, args: Args<'_, F>, kernel: Kernel<F>) -> Result<()> {
        let types = self.types(&args.types.iter().collect::<Vec<_>>())?;
        let mut registers: Vec<Buffer<F>> =
            (0..args.types.len()).map(|i| Buffer::Float(args.inputs.float(i).to_vec())).collect();
        for member in &self.members {
            registers.extend(apply(member, &types, &registers, args.step, kernel)?);
        }
        for (output, &at) in args.outputs.iter_mut().zip(&self.outputs) {
            // One that nothing reads is empty.
            output.float_mut().iter_mut().zip(registers[at].float()).for_each(|(y, &r)| *y = r);
        }
        Ok(())
    }

    /// How far each output may be off.
    fn off(&self, case: &Tolerance<'_>) -> Result<Vec<Vec<f64>>> {
        let types = self.types(&case.types.iter().collect::<Vec<_>>())?;
        let mut registers: Vec<Buffer<f64>> =
            (0..case.types.len()).map(|i| Buffer::Float(case.inputs.float(i).to_vec())).collect();
        let mut off: Vec<Vec<f64>> = registers.iter().map(|input| vec![0.0; input.float().len()]).collect();
        for member in &self.members {
            let given = apply(member, &types, &registers, &mut case.step.clone(), exact)?;
            off.extend(bars(member, &types, (&registers, &given), &off, case.step)?);
            registers.extend(given);
        }
        Ok(self.outputs.iter().map(|&at| off[at].clone()).collect())
    }

    /// The inputs that stretch, with the shape that they stretch to.
    fn stretched(&self, site: &Site<'_>) -> Result<(Shape, Vec<usize>)> {
        let first = site.outputs.first().ok_or_else(|| Error::shape(&self.name, "an output", "none"))?;
        let differs = |(i, ty): (usize, &Type)| (ty.shape != first.shape).then_some(i);
        Ok((first.shape.clone(), site.inputs.iter().enumerate().filter_map(differs).collect()))
    }

    /// The body: a register a line.
    fn body(&self, inputs: usize, stretched: &[usize], used: &[bool]) -> String {
        let place = |i: usize| match stretched.iter().position(|&s| s == i) {
            Some(at) => format!("at.{}", ["x", "y", "z"][at.min(MOST_STRETCHED - 1)]),
            None => "i".into(),
        };
        let mut lines: Vec<String> = (0..inputs).map(|i| format!("let r{i} = x{i}[{}];", place(i))).collect();
        for member in &self.members {
            let Some(pointwise) = member.op.pointwise() else { continue };
            let operands: Vec<String> = member.operands.iter().map(|at| format!("r{at}")).collect();
            for output in 0..pointwise.outputs.len() {
                lines.push(format!("let r{} = {};", lines.len(), pointwise.expression(output, &operands)));
            }
        }
        let written = self.outputs.iter().enumerate().filter(|(i, _)| used.get(*i) == Some(&true));
        lines.extend(written.map(|(i, register)| format!("y{i}[i] = r{register};")));
        lines.into_iter().map(|line| format!("        {line}\n")).collect()
    }

    /// The kernel.
    fn text(&self, (inputs, stretched): (usize, &[usize]), used: &[bool], reads_step: bool) -> String {
        let kinds = std::iter::repeat_n(("x", "read", "f32"), inputs)
            .enumerate()
            .chain(std::iter::repeat_n(("y", "read_write", "f32"), self.outputs.len()).enumerate());
        let mut names: Vec<(String, &str, &str)> =
            kinds.map(|(i, (stem, access, of))| (format!("{stem}{i}"), access, of)).collect();
        if reads_step {
            names.push(("step_words".into(), "read", "u32"));
        }
        let bindings: String = names
            .iter()
            .enumerate()
            .map(|(at, (name, access, of))| {
                format!("@group(0) @binding({at}) var<storage, {access}> {name}: array<{of}>;\n")
            })
            .collect();
        let step = if reads_step { ", lib/step.wgsl" } else { "" };
        let at = if stretched.is_empty() { "" } else { "        let at = offsets(i);\n" };
        let body = self.body(inputs, stretched, used);
        format!(
            "// uses: lib/grid.wgsl, lib/axes.wgsl{step}
// formula: {name}, elementwise
// shapes: y of `len` elements; x of the same, or stretched to it
// dispatch: an element an invocation
// numerics: those of its parts
{bindings}
struct Params {{
    len: u32,
    rank: u32,
    step_width: u32,
    padding1: u32,
    axes: array<vec4<u32>, 6>,
}}
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {{
    let i = linear_group(group, grid) * 64u + lane;
    if (i < params.len) {{
{at}{body}    }}
}}
",
            name = self.name,
        )
    }
}

/// How a chain of a shape goes through operands that stretch to it; `None` for too many.
pub(crate) fn walk(shape: &Shape, operands: &[&Shape]) -> Option<Walk<MOST_STRETCHED>> {
    let nothing = Shape::from([]);
    let all = std::array::from_fn(|i| operands.get(i).copied().unwrap_or(&nothing));
    (operands.len() <= MOST_STRETCHED).then(|| Walk::stretched(shape, all))
}

/// A kernel of an op, in f32 or f64.
type Kernel<F> = fn(&dyn Op, Args<'_, F>) -> Result<()>;

fn exact(op: &dyn Op, args: Args<'_, f64>) -> Result<()> {
    op.cpu_f64(args)
}

/// What a member gives for registers.
fn apply<F: Float>(
    Member { op, operands }: &Member,
    types: &[Type],
    registers: &[Buffer<F>],
    step: &mut StepState<F>,
    kernel: Kernel<F>,
) -> Result<Vec<Buffer<F>>> {
    let types: Vec<Type> = operands.iter().map(|&at| types[at].clone()).collect();
    let mut outputs: Vec<Buffer<F>> = op.infer(&types.iter().collect::<Vec<_>>())?.iter().map(Buffer::zeros).collect();
    kernel(&**op, Args { types: &types, inputs: Inputs::new(registers, operands), outputs: &mut outputs, step })?;
    Ok(outputs)
}

/// How far the outputs of a member may be off where its operands are: its own bars, and how far they move with each
/// operand.
fn bars(
    member: &Member,
    types: &[Type],
    (registers, given): (&[Buffer<f64>], &[Buffer<f64>]),
    off: &[Vec<f64>],
    step: &StepState<f64>,
) -> Result<Vec<Vec<f64>>> {
    let of_operands: Vec<Type> = member.operands.iter().map(|&at| types[at].clone()).collect();
    let before: Vec<Buffer<f64>> = given.to_vec();
    let case = Tolerance {
        types: &of_operands,
        inputs: Inputs::new(registers, &member.operands),
        outputs: given,
        before: &before,
        step,
    };
    let mut bars = member.op.tolerance(&case);
    let mut seen = vec![];
    for &at in &member.operands {
        if seen.contains(&at) || off[at].iter().all(|&bar| bar == 0.0) {
            continue; // an operand that is read twice moves as one
        }
        seen.push(at);
        for sign in [-1.0, 1.0] {
            let mut moved = registers.to_vec();
            moved[at] = Buffer::Float(registers[at].float().iter().zip(&off[at]).map(|(x, o)| x + sign * o).collect());
            let near = apply(member, types, &moved, &mut step.clone(), exact)?;
            for (bars, (near, here)) in bars.iter_mut().zip(near.iter().zip(given)) {
                let differences = near.float().iter().zip(here.float()).map(|(a, b)| (a - b).abs());
                bars.iter_mut()
                    .zip(differences)
                    .for_each(|(bar, d)| *bar += if d.is_nan() { f64::INFINITY } else { d });
            }
        }
    }
    Ok(bars)
}

/// Not an [`OpDef`](crate::graph::OpDef): it calls the members' kernels of a type, not one that is generic over it.
impl Op for Chain {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_own(&self) -> bool {
        false // its members were checked each
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![]
    }

    fn checks_finite(&self) -> bool {
        false
    }

    fn pointwise(&self) -> Option<Pointwise> {
        None
    }

    fn loss_terms(&self, _: &[&Type]) -> Option<usize> {
        None
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let fix = "take it of the ops that it is made of".into();
        Err(Error::Unsupported { what: format!("the gradient of {}", self.name), fix })
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let types = self.types(inputs)?;
        self.outputs.iter().map(|&at| self.register(&types, at).cloned()).collect()
    }

    fn cpu_f32(&self, args: Args<'_, f32>) -> Result<()> {
        self.plain(args, |op, args| op.cpu_f32(args))
    }

    fn cpu_f64(&self, args: Args<'_, f64>) -> Result<()> {
        self.plain(args, exact)
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        self.off(case).unwrap_or_else(|_| case.equal())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        blocks::variants(self, site)
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (shape, stretched) = self.stretched(site)?;
        let pointwise: Vec<_> = self.members.iter().filter_map(|member| member.op.pointwise()).collect();
        let reads_step = pointwise.iter().any(|p| p.reads_step);
        let text = self.text((site.inputs.len(), &stretched), site.used, reads_step);
        let operands: Vec<&Shape> = stretched.iter().map(|&at| &site.inputs[at].shape).collect();
        let many =
            || Error::shape(&self.name, format!("at most {MOST_STRETCHED} operands that stretch"), stretched.len());
        let walk = walk(&shape, &operands).ok_or_else(many)?;
        let mut launch = elementwise(Source::new("chain", text.into()), shape.len());
        launch.flops *= self.members.len() as u64;
        launch = along(&self.name, launch, &walk)?;
        launch.params[PADDING] = ("step_width", Param::StepWidth);
        launch = pointwise.iter().flat_map(|p| p.sources.iter().cloned()).fold(launch, Launch::source);
        launch = (0..site.inputs.len()).fold(launch, Launch::input);
        launch = (0..site.outputs.len()).fold(launch, Launch::output);
        Ok(Variant::only(if reads_step { launch.bind(Bind::Step) } else { launch }))
    }
}

fn member(op: impl Op + 'static, operands: &[usize]) -> Member {
    Member { op: Arc::new(op), operands: operands.to_vec() }
}

/// `tanh(relu(x · scale) + shift) `, whose middle is read as well.
fn rescaled(scale: &[usize], shift: &[usize], x: &[usize]) -> Case {
    let members = vec![
        member(BinaryOp(Multiply), &[0, 1]),
        member(UnaryOp(Function::from(Relu)), &[3]),
        member(BinaryOp(Add), &[4, 2]),
        member(UnaryOp(Function::from(Tanh)), &[5]),
    ];
    Case::new(Chain::new(members, vec![6, 4]), [x, scale, shift].map(|dims| Type::f32(dims.to_vec())))
}

/// Chains of every kind of member: numbers of the step table, functions, products, derivatives; operands that stretch.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = EDGES.iter().map(|&n| rescaled(&[n], &[n], &[n])).collect();
    cases.extend([
        rescaled(&[5], &[9, 1], &[9, 5]),
        rescaled(&[1], &[], &[33]),
        rescaled(&[4, 1, 3], &[5, 1], &[4, 5, 3]),
    ]);
    for &n in EDGES {
        let column = |column| member(StepValue { column, ty: Type::f32([1]) }, &[]);
        let scaled =
            vec![column(1), member(BinaryOp(Multiply), &[0, 1]), column(0), member(BinaryOp(Subtract), &[2, 3])];
        cases.push(Case::new(Chain::new(scaled, vec![4]), [Type::f32([n])]).columns(&[0.75, -3.0]));
        // dy, y of a sigmoid, and the operands of the product before it.
        let backward = vec![
            member(UnaryBackward::new(Function::from(Sigmoid)), &[0, 1]),
            member(BinaryBackward::<Multiply>::new(), &[4, 2, 3]),
        ];
        let ty = Type::f32([n]);
        cases.push(Case::new(Chain::new(backward, vec![5, 6]), [ty.clone(), ty.clone(), ty.clone(), ty]));
    }
    cases
}
