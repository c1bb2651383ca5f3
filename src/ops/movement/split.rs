//! A tensor cut along an axis: several outputs, one after the other.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::movement::concatenate::concatenate;
use crate::ops::movement::pad::pad;
use crate::ops::movement::{batch_stays, extent, fetch, slice};
use crate::ops::{add, arity};
use crate::shape::{Shape, Type};

/// The op that cuts x along `axis` into outputs of `sizes`, in either dtype, a launch each. A batch is not cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The axis.
    pub axis: usize,
    /// The extent of each output along it.
    pub sizes: Vec<usize>,
}

/// `x` cut along `axis` into parts of `sizes`, in either dtype. Source: numpy's `split`.
///
/// # Errors
/// [`Error::Shape`] where the sizes do not add up to the extent, and for a batch.
pub fn split(g: &Builder, x: Value, axis: usize, sizes: &[usize]) -> Result<Vec<Value>> {
    match sizes {
        [all] if g.ty(x).shape.dims().get(axis) == Some(all) => Ok(vec![x]),
        _ => g.op(Arc::new(Split { axis, sizes: sizes.to_vec() }), &[x]),
    }
}

impl Split {
    /// Where each output begins in x, and its extents.
    fn parts(&self, x: &Type) -> impl Iterator<Item = (Vec<usize>, Vec<usize>)> {
        let mut first = 0;
        self.sizes.iter().map(move |&size| {
            let (mut begin, mut dims) = (vec![0; x.shape.rank()], x.shape.dims().to_vec());
            (begin[self.axis], dims[self.axis]) = (first, size);
            first += size;
            (begin, dims)
        })
    }
}

impl OpDef for Split {
    fn name(&self) -> &str {
        "split"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("split", inputs)?;
        let all = extent("split", x, self.axis)?;
        let total = self.sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        if self.sizes.is_empty() || total != Some(all) {
            return Err(Error::shape("split", format!("an extent of {:?} along axis {}", self.sizes, self.axis), x));
        }
        batch_stays("split", x, self.axis != 0)?;
        Ok(self.parts(x).map(|(_, dims)| Type { shape: Shape::from(dims), ..x.clone() }).collect())
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let all: Vec<Value> = dy.iter().copied().flatten().collect();
        if all.len() == dy.len() {
            return Ok(vec![Some(concatenate(g, &all, self.axis)?)]);
        }
        // A part that nothing depends on has a gradient of 0.
        let x = g.ty(node.inputs[0]);
        let mut total = None;
        for ((begin, dims), dy) in self.parts(&x).zip(dy) {
            let Some(dy) = *dy else { continue };
            let behind = x.shape.dims().iter().zip(begin.iter().zip(&dims));
            let after: Vec<usize> = behind.map(|(extent, (begin, n))| extent - begin - n).collect();
            let padded = pad(g, dy, &begin, &after, 0.0)?;
            total = Some(total.map_or(Ok(padded), |sum| add(g, sum, padded))?);
        }
        Ok(vec![total])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let x = args.types[0].clone();
        for (output, (begin, dims)) in self.parts(&x).enumerate() {
            fetch(&mut args, (output, 0), slice::source(&x, &begin, &dims));
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
        let x = &site.inputs[0];
        let read = self.parts(x).enumerate().filter(|(output, _)| site.used[*output]);
        let launches = read.map(|(output, (begin, dims))| slice::copy(x, &begin, &dims).launch("split", 0, output));
        Ok(vec![Variant { name: "default", launches: launches.collect::<Result<_>>()? }])
    }
}

/// Cases of one to many parts, empty ones among them, along each axis.
pub fn cases() -> Vec<Case> {
    let case = |ty: Type, axis: usize, sizes: &[usize]| Case::new(Split { axis, sizes: sizes.to_vec() }, [ty]);
    let edges = EDGES.iter().flat_map(|&n| {
        let [a, b] = [n / 3, n - n / 3];
        [
            case(Type::f32([n]), 0, &[a, b]),
            case(Type::f32([3, n]), 1, &[b, a]),
            case(Type::f32([2, n, 3]), 1, &[a, 0, b]),
        ]
    });
    let others = [
        case(Type::f32([12, 5]), 0, &[1; 12]), // more outputs than a launch has bindings
        case(Type::f32([2, 3, 4, 5]), 3, &[2, 3]),
        case(Type::f32([2, 3, 4, 5]), 0, &[2]),
        case(Type::f32([5, 7, 2]).batched(true), 1, &[3, 3, 1]).rows(3, 5),
        case(Type::u32([9, 31]), 1, &[30, 1]).domain(0, Domain::Index(1 << 30)),
    ];
    edges.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Buffer, StepTable, Variables};
    use crate::oracle::Oracle;

    #[test]
    fn a_part_that_nothing_reads_has_a_gradient_of_0() {
        let g = Builder::new(Arc::new(Variables::default()));
        let x = g.data(Type::f32([2, 6]));
        let parts = split(&g, x, 1, &[2, 1, 3]).unwrap();
        let seeds = [parts[0], parts[2]].map(|y| (y, g.data(g.ty(y))));
        let dx = g.gradients(&seeds, &[x]).unwrap()[0].unwrap();
        let none = g.gradients(&[], &[x]).unwrap();
        assert_eq!(none, [None]);
        g.output(dx);
        let mut oracle = Oracle::new(Arc::new(g.finish()));
        oracle.begin(&StepTable { rows: vec![1], columns: vec![vec![]], first: 0 });
        oracle.set(seeds[0].1, Buffer::Float(vec![1.0, 2.0, 3.0, 4.0])).unwrap();
        oracle.set(seeds[1].1, Buffer::Float(vec![5.0, 6.0, 7.0, 8.0, 9.0, 10.0])).unwrap();
        (0..oracle.graph().nodes.len()).try_for_each(|node| oracle.run_node(node)).unwrap();
        let want = [1.0, 2.0, 0.0, 5.0, 6.0, 7.0, 3.0, 4.0, 0.0, 8.0, 9.0, 10.0];
        assert_eq!(oracle.get(dx).float(), want);
    }
}
