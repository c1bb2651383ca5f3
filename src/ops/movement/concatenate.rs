//! Tensors one after the other along an axis.

use crate::error::{Error, Result};
use crate::graph::{Args, Builder, Float, Measure, Node, OpDef, Site, Tolerance, Value, Variant};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::movement::copy::{Axis, Copy};
use crate::ops::movement::split::split;
use crate::ops::movement::{batch_stays, extent, put, strides, walk};
use crate::shape::{Shape, Type};

/// The op that puts any number of inputs one after the other along `axis`, in either dtype: a launch each, which writes
/// its part of the output. Batches are not put one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concatenate {
    /// The axis.
    pub axis: usize,
}

/// The inputs one after the other along `axis`, in either dtype: all extents but this one are the same. The result has
/// a batch where an input has one. Source: numpy's `concatenate`.
///
/// # Errors
/// [`Error::Shape`] where the inputs do not fit, where there is none, and along a batch.
pub fn concatenate(g: &Builder, inputs: &[Value], axis: usize) -> Result<Value> {
    match inputs {
        [x] if axis < g.ty(*x).shape.rank() => Ok(*x),
        _ => g.op1(Concatenate { axis }, inputs),
    }
}

impl Concatenate {
    /// The type of the output.
    fn output(&self, inputs: &[&Type]) -> Result<Type> {
        let Some(first) = inputs.first() else { return Err(Error::shape("concatenate", "an input", "none")) };
        let mut all = 0usize;
        for x in inputs {
            let here = extent("concatenate", x, self.axis)?;
            let mut like = first.shape.dims().to_vec();
            if let Some(extent) = like.get_mut(self.axis) {
                *extent = here;
            }
            if like != x.shape.dims() || x.dtype != first.dtype {
                let expected = format!("inputs as {first} but for axis {}", self.axis);
                return Err(Error::shape("concatenate", expected, x));
            }
            batch_stays("concatenate", x, self.axis != 0)?;
            all = all.saturating_add(here);
        }
        let mut dims = first.shape.dims().to_vec();
        dims[self.axis] = all;
        let batched = inputs.iter().any(|x| x.batched);
        Ok(Type { shape: Shape::from(dims), dtype: first.dtype, batched })
    }

    /// Where each input begins along the axis.
    fn begins(&self, inputs: &[Type]) -> impl Iterator<Item = usize> {
        inputs.iter().scan(0, |end, x| {
            let begin = *end;
            *end += x.shape.dims()[self.axis];
            Some(begin)
        })
    }
}

impl OpDef for Concatenate {
    fn name(&self) -> &str {
        "concatenate"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![self.output(inputs)?])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let Some(dy) = dy[0] else { return Ok(vec![None; node.inputs.len()]) };
        let sizes: Vec<usize> = node.inputs.iter().map(|&x| g.ty(x).shape.dims()[self.axis]).collect();
        Ok(split(g, dy, self.axis, &sizes)?.into_iter().map(Some).collect())
    }

    fn cpu<F: Float>(&self, mut args: Args<'_, F>) -> Result<()> {
        let steps = strides(self.output(&args.types.iter().collect::<Vec<_>>())?.shape.dims());
        for (i, begin) in self.begins(args.types).enumerate() {
            let (walk, first) = (walk(args.types[i].shape.dims(), &steps), begin * steps[self.axis]);
            put(&mut args, i, |at| first + walk(at));
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
        let to = strides(site.outputs[0].shape.dims());
        let copy = |(i, begin): (usize, usize)| {
            let dims = site.inputs[i].shape.dims();
            let from = strides(dims);
            let axes = (0..dims.len()).map(|axis| Axis::new(dims[axis], from[axis], to[axis])).collect();
            Copy { to: begin * to[self.axis], ..Copy::new(axes) }.launch("concatenate", i, 0)
        };
        let launches = self.begins(site.inputs).enumerate().map(copy).collect::<Result<_>>()?;
        Ok(vec![Variant { name: "default", launches }])
    }
}

/// Cases of one to many inputs, empty ones among them, along each axis.
pub fn cases() -> Vec<Case> {
    let case = |axis: usize, inputs: Vec<Type>| Case::new(Concatenate { axis }, inputs);
    let f32 = |dims: &[usize]| Type::f32(dims);
    let edges = EDGES.iter().flat_map(|&n| {
        [
            case(0, vec![f32(&[n]), f32(&[3])]),
            case(1, vec![f32(&[3, 2]), f32(&[3, n])]),
            case(1, vec![f32(&[2, n, 3]), f32(&[2, 0, 3]), f32(&[2, 5, 3])]),
        ]
    });
    let batched = |features: usize| f32(&[5, features, 2]).batched(true);
    let others = [
        case(0, vec![f32(&[1, 5]); 12]), // more inputs than a launch has bindings
        case(3, vec![f32(&[2, 3, 4, 2]), f32(&[2, 3, 4, 3])]),
        case(0, vec![f32(&[2, 3, 4])]),
        case(1, vec![batched(3), batched(1)]).rows(3, 5),
        case(2, vec![batched(3), f32(&[5, 3, 7])]).rows(4, 5),
        case(1, vec![Type::u32([9, 30]), Type::u32([9, 1])])
            .domain(0, Domain::Index(1 << 30))
            .domain(1, Domain::Index(7)),
    ];
    edges.chain(others).collect()
}
