//! `y[c] = x[c permuted]`: axes in another order.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::movement::copy::{Axis, Copy};
use crate::ops::movement::{batch_stays, fetch, strides, walk};
use crate::shape::{Shape, Type};

/// The op that makes axis `axes[i]` of x axis i of y, in either dtype. A batch stays axis 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpose {
    /// The axes of x in the order of y's: each once.
    pub axes: Vec<usize>,
}

/// `x` with axis `axes[i]` as axis i, in either dtype: `[a, b, c]` by `[0, 2, 1]` is `[a, c, b]`. Source: numpy's
/// `transpose`.
///
/// # Errors
/// [`Error::Argument`] where `axes` does not hold each axis of x once; [`Error::Shape`] where it moves a batch.
pub fn transpose(g: &Builder, x: Value, axes: &[usize]) -> Result<Value> {
    let stays = axes.iter().copied().eq(0..g.ty(x).shape.rank());
    if stays { Ok(x) } else { g.op1(Transpose { axes: axes.to_vec() }, &[x]) }
}

impl Transpose {
    /// What undoes it.
    fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.axes.len()];
        self.axes.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
        inverse
    }

    /// Extents and elements between neighbours in x, by the axes of y.
    fn permuted(&self, x: &Type) -> (Vec<usize>, Vec<usize>) {
        let strides = strides(x.shape.dims());
        self.axes.iter().map(|&axis| (x.shape.dims()[axis], strides[axis])).unzip()
    }
}

impl OpDef for Transpose {
    fn name(&self) -> &str {
        "transpose"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [x] = arity("transpose", inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.shape.rank()) {
            let expected = format!("each axis of {x} once");
            return Err(Error::argument("axes of transpose", expected, format!("{:?}", self.axes)));
        }
        batch_stays("transpose", x, self.axes.first() == Some(&0))?;
        Ok(vec![Type { shape: Shape::from(self.permuted(x).0), ..x.clone() }])
    }

    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![dy[0].map(|dy| transpose(g, dy, &self.inverse())).transpose()?])
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let (dims, strides) = self.permuted(&args.types[0]);
        fetch(&mut args, (0, 0), walk(&dims, &strides));
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (dims, from) = self.permuted(&site.inputs[0]);
        let to = strides(&dims);
        let axes = (0..dims.len()).map(|i| Axis::new(dims[i], from[i], to[i])).collect();
        Ok(Variant::only(Copy::new(axes).launch("transpose", 0, 0)?))
    }
}

/// Cases of awkward sizes and of every number of axes up to 6, with batches and of either dtype.
pub fn cases() -> Vec<Case> {
    let op = |axes: &[usize]| Transpose { axes: axes.to_vec() };
    let f32 = |axes: &[usize], dims: &[usize]| Case::new(op(axes), [Type::f32(dims)]);
    let edges = EDGES.iter().flat_map(|&n| [f32(&[1, 0], &[n, 3]), f32(&[2, 1, 0], &[2, n, 5])]);
    let ranks = [
        f32(&[], &[]),
        f32(&[0], &[7]),
        f32(&[2, 0, 1], &[3, 4, 5]),
        f32(&[0, 2, 1, 3], &[2, 3, 4, 5]),
        f32(&[3, 2, 1, 0], &[2, 3, 4, 5]),
        f32(&[1, 0, 4, 3, 2], &[3, 2, 1, 5, 4]),
        f32(&[5, 4, 3, 2, 1, 0], &[2, 3, 2, 3, 2, 3]),
        // Eight axes, of which five are left.
        f32(&[1, 0, 2, 3, 5, 4, 6, 7], &[2, 3, 1, 4, 3, 2, 2, 5]),
    ];
    let batch = [[0, 4], [1, 1], [5, 8], [33, 33]].map(|[rows, batch]| {
        let ty = Type::f32([batch, 3, 4, 2]).batched(true);
        Case::new(op(&[0, 3, 1, 2]), [ty]).rows(rows, batch)
    });
    let index = Case::new(op(&[1, 0]), [Type::u32([9, 31])]).domain(0, Domain::Index(1 << 30));
    let large = f32(&[1, 0], &[2049, 2048]).brief(); // more than 65,535 workgroups of the kernel that copies
    edges.chain(ranks).chain(batch).chain([index, large]).collect()
}
