//! A number of the step table as a value.

use crate::error::Result;
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, OpDef, Param, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::arity;
use crate::ops::case::Case;
use crate::shape::Type;

/// The op `y = [v]`, v a column of the step table in this step: y f32 `[1]`, which stretches to any shape.
#[derive(Clone, Copy, Debug)]
pub struct StepValue {
    /// The column.
    pub column: usize,
}

/// A number that the host computes for each step, counted from 0 over all epochs: f32 `[1]`. The same name is the same
/// number.
///
/// # Errors
/// None.
pub fn step_value(g: &Builder, name: &str, rule: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Result<Value> {
    let column = g.shared_column(name, rule);
    g.op1(StepValue { column }, &[])
}

/// A number that is the same in every step: f32 `[1]`.
///
/// # Errors
/// None.
pub fn constant(g: &Builder, value: f64) -> Result<Value> {
    step_value(g, &format!("constant {value:e}"), move |_| value)
}

impl OpDef for StepValue {
    fn name(&self) -> &str {
        "step_value"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [] = arity("step_value", inputs)?;
        Ok(vec![Type::f32([1])])
    }

    fn gradient(&self, _: &Builder, _: &crate::graph::Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
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

    fn variants(&self, _: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = Launch::new(shader!("step_value.wgsl")).bind(Bind::Step).output(0);
        Ok(Variant::only(launch.size("column", self.column).param("step_width", Param::StepWidth)))
    }
}

/// Cases of the first column and a later one, in the first step and a later one.
pub fn cases() -> Vec<Case> {
    let columns = [0.5, -0.0, 3.25e-30, -7.0];
    let case = |column| Case::new(StepValue { column }, []).columns(&columns);
    (0..columns.len()).flat_map(|column| [case(column), case(column).step(1)]).collect()
}
