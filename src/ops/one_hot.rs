//! A row of zeros with a 1 at the place that an index names.

use crate::error::Result;
use crate::graph::{
    Args, Bind, Builder, Float, Launch, Measure, Node, OpDef, Param, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::gather::{checked_indices, counting, per_row, row_of};
use crate::shape::{Dtype, Shape, Type};

/// The op `y[i, j] = 1` where `indices[i] = j`, else 0: indices u32 `[…]`, y f32 `[…, classes]`.
///
/// An index out of range sets the flag, and its row is 0; so are rows of a batch that do not count, whatever their
/// indices.
#[derive(Clone, Copy, Debug)]
pub struct OneHot {
    /// Places of a row.
    pub classes: usize,
}

/// Rows of zeros with a 1 at `indices`: indices u32 `[…]`, the result f32 `[…, classes]`. Source: Keras' `one_hot`, which
/// takes an index out of range without a word.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) where the indices are not u32.
pub fn one_hot(g: &Builder, indices: Value, classes: usize) -> Result<Value> {
    g.op1(OneHot { classes }, &[indices])
}

impl OpDef for OneHot {
    fn name(&self) -> &str {
        "one_hot"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [indices] = arity("one_hot", inputs)?;
        checked_indices("one_hot", indices)?;
        let dims = [indices.shape.dims(), &[self.classes]].concat();
        Ok(vec![Type { shape: Shape::from(dims), dtype: Dtype::F32, batched: indices.batched }])
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![None])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let y = args.outputs[0].float_mut();
        y.fill(F::ZERO);
        if self.classes == 0 {
            return Ok(()); // nothing to compute, and no index is looked at
        }
        for i in 0..counting(args.step, &args.types[0]) {
            if let Some(class) = row_of(args.step, args.inputs.indices(0), self.classes, i) {
                y[i * self.classes + class] = F::ONE;
            }
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
        let (indices, len) = (&site.inputs[0], site.outputs[0].len());
        let launch = Launch::new(shader!("one_hot.wgsl"))
            .flag("BATCHED", indices.batched)
            .input(0)
            .bind(Bind::Step)
            .output(0)
            .bind(Bind::FlagWrite)
            .size("len", len)
            .size("classes", self.classes)
            .size("per_row", per_row(indices))
            .param("step_width", Param::StepWidth)
            .cost(len.div_ceil(64) as u64, 1, 0);
        Ok(Variant::only(launch))
    }
}

/// Cases of awkward sizes in indices and classes, with batches and without, and of more than 65,535 workgroups.
pub fn cases() -> Vec<Case> {
    let case =
        |indices: Type, classes: usize| Case::new(OneHot { classes }, [indices]).domain(0, Domain::Index(classes));
    let edges = EDGES.iter().flat_map(|&n| {
        let batch = case(Type::u32([n, 3]).batched(true), 5).rows(n - n / 3, n);
        [case(Type::u32([n]), 7), case(Type::u32([2, 5]), n.max(1)), batch]
    });
    let large = case(Type::u32([65_537]), 64).brief();
    edges.chain([case(Type::u32([]), 4), case(Type::u32([8, 2]).batched(true), 130).rows(0, 8), large]).collect()
}
