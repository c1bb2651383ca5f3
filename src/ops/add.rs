//! `c = a + b`, elementwise: also how gradients of a value that is used twice add up.

use crate::error::Result;
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant, shader};
use crate::ops::case::{Case, EDGES};
use crate::ops::{arity, elementwise, float, same};
use crate::shape::Type;

/// The op `c = a + b`: inputs and output of one shape.
#[derive(Clone, Copy, Debug)]
pub struct Add;

/// `a + b`.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the shapes differ.
pub fn add(g: &Builder, a: Value, b: Value) -> Result<Value> {
    g.op1(Add, &[a, b])
}

impl OpDef for Add {
    fn name(&self) -> &str {
        "add"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [a, b] = arity("add", inputs)?;
        same("add", "b", b, a)?;
        Ok(vec![float("add", "a", a)?.batched(a.batched || b.batched)])
    }

    fn gradient(&self, _: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0], dy[0]])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let inputs = args.inputs.float(0).iter().zip(args.inputs.float(1));
        for (c, (&a, &b)) in args.outputs[0].float_mut().iter_mut().zip(inputs) {
            *c = a + b;
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Ulps(1.0)
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        vec![case.ulps(0, 1.0)]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = elementwise(shader!("add.wgsl"), site.outputs[0].len());
        Ok(Variant::only(launch.input(0).input(1).output(0)))
    }
}

/// A case of each size.
pub fn cases() -> Vec<Case> {
    EDGES.iter().map(|&n| Case::new(Add, [Type::f32([n]), Type::f32([n])])).collect()
}
