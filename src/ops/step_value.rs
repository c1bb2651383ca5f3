//! A number of the step table as a value.

use crate::error::Result;
use crate::graph::{
    Args, Bind, Builder, Float, Measure, Node, OpDef, Param, Pointwise, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::case::{Case, EDGES};
use crate::ops::{arity, elementwise};
use crate::shape::Type;

/// The op whose elements are all a column of the step table in this step.
#[derive(Clone, Debug)]
pub struct StepValue {
    /// The column.
    pub column: usize,
    /// f32, of any shape.
    pub ty: Type,
}

/// A number that the host computes for each step, counted from 0 over all epochs: f32 `[1]`, which stretches to any
/// shape. The same name is the same number.
///
/// # Errors
/// None.
pub fn step_value(g: &Builder, name: &str, rule: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Result<Value> {
    let column = g.shared_column(name, rule);
    g.op1(StepValue { column, ty: Type::f32([1]) }, &[])
}

/// A number that is the same in every step: f32 `[1]`.
///
/// # Errors
/// None.
pub fn constant(g: &Builder, value: f64) -> Result<Value> {
    full(g, value, Type::f32([1]))
}

/// Elements of a type that are all one number, the same in every step.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) for a type that is too large.
pub fn full(g: &Builder, value: f64, ty: Type) -> Result<Value> {
    let column = g.shared_column(&format!("constant {value:e}"), move |_| value);
    g.op1(StepValue { column, ty }, &[])
}

impl OpDef for StepValue {
    fn name(&self) -> &str {
        "step_value"
    }

    fn pointwise(&self) -> Option<Pointwise> {
        let output = format!("step_column(params.step_width, {}u)", self.column);
        Some(Pointwise { sources: vec![], outputs: vec![output], reads_step: true })
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [] = arity("step_value", inputs)?;
        Ok(vec![self.ty.clone()])
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        args.outputs[0].float_mut().fill(args.step.column(self.column));
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = elementwise(shader!("step_value.wgsl"), site.outputs[0].len()).bind(Bind::Step).output(0);
        Ok(Variant::only(launch.size("column", self.column).param("step_width", Param::StepWidth)))
    }
}

/// Cases of awkward sizes: of the first column and later ones, in the first step and a later one.
pub fn cases() -> Vec<Case> {
    let columns = [0.5, -0.0, 3.25e-30, -7.0];
    let case = |(i, ty): (usize, Type)| {
        Case::new(StepValue { column: i % columns.len(), ty }, []).columns(&columns).step(i % 2)
    };
    let types = EDGES.iter().map(|&n| Type::f32([n])).chain([Type::f32([]), Type::f32([7, 33])]);
    types.enumerate().map(case).collect()
}
