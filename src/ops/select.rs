//! One of two values, by a condition, elementwise.

use crate::error::Result;
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant, shader};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::reduce::sum_to;
use crate::ops::walk::along;
use crate::ops::{arity, elementwise, float, same};
use crate::shape::{Shape, Type, Walk, broadcast_types};

/// The op `y = a` where condition is not 0, else b; all f32, of shapes that stretch to one.
///
/// NaN is not 0, as in numpy. -0 is. The bits of a and b are moved as they are.
#[derive(Clone, Copy, Debug)]
pub struct Select;

/// The op `dx = dy` where condition is not 0, else 0; or the other way round: the gradient of a, or of b. dy and dx have
/// the shape of the result.
#[derive(Clone, Copy, Debug)]
pub struct SelectBackward {
    /// Whether it is the gradient of b.
    pub of_b: bool,
}

/// `a` where `condition` is not 0, else `b`; the shapes may stretch. The condition has no gradient.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes don't stretch to one, or where a batch would not be axis 0 of
/// the result.
pub fn select(g: &Builder, condition: Value, a: Value, b: Value) -> Result<Value> {
    g.op1(Select, &[condition, a, b])
}

fn shapes<const N: usize>(types: &[Type]) -> [&Shape; N] {
    std::array::from_fn(|i| &types[i].shape)
}

impl OpDef for Select {
    fn name(&self) -> &str {
        "select"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let operands: [&Type; 3] = arity("select", inputs)?;
        for (ty, name) in operands.iter().zip(["condition", "a", "b"]) {
            float("select", name, ty)?;
        }
        Ok(vec![broadcast_types("select", &operands)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None; 3]) };
        let gradient = |of_b: bool| {
            let own = g.op1(SelectBackward { of_b }, &[node.inputs[0], dy])?;
            sum_to(g, own, &g.ty(node.inputs[1 + usize::from(of_b)]).shape)
        };
        Ok(vec![None, Some(gradient(false)?), Some(gradient(true)?)])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [condition, a, b] = [0, 1, 2].map(|i| args.inputs.float(i));
        let shape = broadcast_types("select", &args.types.iter().collect::<Vec<_>>())?.shape;
        let walk = Walk::stretched(&shape, shapes::<3>(args.types));
        for (y, [at, at_a, at_b]) in args.outputs[0].float_mut().iter_mut().zip(walk.offsets()) {
            *y = if condition[at] != F::ZERO { a[at_a] } else { b[at_b] };
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let y = &site.outputs[0];
        let walk = Walk::stretched(&y.shape, shapes::<3>(site.inputs));
        let launch = along("select", elementwise(shader!("select.wgsl"), y.len()), &walk)?;
        Ok(Variant::only(launch.input(0).input(1).input(2).output(0)))
    }
}

impl OpDef for SelectBackward {
    fn name(&self) -> &str {
        "select_backward"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [condition, dy] = arity("select_backward", inputs)?;
        float("select_backward", "condition", condition)?;
        let dx = broadcast_types("select_backward", &[condition, &float("select_backward", "dy", dy)?])?;
        same("select_backward", "dy", dy, &dx)?;
        Ok(vec![dx])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let (condition, dy) = (args.inputs.float(0), args.inputs.float(1));
        let walk = Walk::stretched(&args.types[1].shape, shapes::<1>(args.types));
        for ((dx, &dy), [at]) in args.outputs[0].float_mut().iter_mut().zip(dy).zip(walk.offsets()) {
            *dx = if (condition[at] != F::ZERO) != self.of_b { dy } else { F::ZERO };
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let walk = Walk::stretched(&site.outputs[0].shape, shapes::<1>(site.inputs));
        let launch =
            along("select_backward", elementwise(shader!("select_backward.wgsl"), site.outputs[0].len()), &walk)?;
        Ok(Variant::only(launch.flag("OF_B", self.of_b).input(0).input(1).output(0)))
    }
}

/// Cases of each size, and of shapes that stretch in every way.
pub fn cases() -> Vec<Case> {
    let mut triples: Vec<[Vec<usize>; 3]> = EDGES.iter().map(|&n| [vec![n], vec![n], vec![n]]).collect();
    let stretched: &[[&[usize]; 3]] = &[
        [&[], &[], &[]],
        [&[], &[33], &[1]],
        [&[65], &[], &[]],
        [&[5, 1], &[1, 7], &[5, 7]],
        [&[13], &[9, 13], &[9, 1]],
        [&[4, 5, 3], &[4, 1, 3], &[5, 1]],
        [&[1, 5, 1], &[4, 1, 1], &[3]],
        [&[2, 1, 3, 1, 2, 1], &[1, 2, 1, 3, 1, 2], &[2]],
        [&[0], &[1], &[1]],
    ];
    triples.extend(stretched.iter().map(|triple| triple.map(<[usize]>::to_vec)));
    let mut cases = vec![];
    for (i, triple) in triples.into_iter().enumerate() {
        let [condition, a, b] = triple.map(Type::f32);
        let Ok(y) = broadcast_types("select", &[&condition, &a, &b]) else { continue };
        for domain in [Domain::Label, Domain::Any] {
            let inputs = [condition.clone(), a.clone(), b.clone()];
            cases.push(Case::new(Select, inputs).domain(0, domain));
            let backward = Case::new(SelectBackward { of_b: i % 2 == 0 }, [condition.clone(), y.clone()]);
            cases.push(backward.domain(0, domain));
        }
    }
    let batch = Type::f32([9, 5]).batched(true);
    let inputs = [Type::f32([9, 1]).batched(true), batch, Type::f32([5])];
    cases.push(Case::new(Select, inputs).domain(0, Domain::Label).rows(6, 9));
    let many = Type::f32([65_537, 65]);
    cases.push(Case::new(Select, [many, Type::f32([65]), Type::f32([])]).domain(0, Domain::Label).brief());
    cases
}
