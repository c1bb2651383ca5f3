//! A dense layer in one launch, and its gradients in another.

mod backward;
mod cases;
mod fast;

pub use backward::DenseBackward;
pub use cases::cases;

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, CHUNK, CpuVariant, Float, Inputs, Launch, Measure, Node, OpDef, Operand, Param, Role,
    Site, Squash, StepState, TINY, Tolerance, Value, Variant, shader, sum_bar, term_ranges, ulp,
};
use crate::ops::add;
use crate::ops::matmul::tile_trips;
use crate::ops::rows::{gathered, row_of};
use crate::ops::unary::activations::Sigmoid;
use crate::ops::unary::piecewise::Linear;
use crate::ops::unary::{Function, Needs, UnaryDef, unary_backward};
use crate::shape::{Dtype, Type};

/// The op `z = x w + b`, `y = f(z)`: x `[…, k]`, w `[k, n]`, b `[n]`, outputs y and z `[…, n]`.
///
/// What stands before the last axis is m rows; of a batch `[batch, …, k]` each row has the same number of them.
///
/// Gathered, it reads x as rows of resident data: inputs data `[rows, k]` and permutation u32 in the place of x.
#[derive(Clone, Copy, Debug)]
pub struct Dense {
    /// f.
    pub activation: Function,
    /// Whether there is a b.
    pub bias: bool,
    /// Rows of a batch, where x is gathered.
    pub gathered: Option<usize>,
}

/// `f(x w + b)`: x `[…, k]`, w `[k, n]`, b `[n]`. The logits of a sigmoid are remembered for the loss.
///
/// # Errors
/// [`Error::Shape`] where these do not fit.
pub fn dense(g: &Builder, x: Value, w: Value, b: Option<Value>, activation: impl Into<Function>) -> Result<Value> {
    let activation = activation.into();
    let rows = g.ty(x).shape.dims().first().copied();
    let taken = gathered(g, x).filter(|[data, _]| g.ty(*data).shape.rank() == 2);
    let op = Dense { activation, bias: b.is_some(), gathered: taken.and(rows) };
    let mut inputs = taken.map_or(vec![x], |t| t.to_vec());
    inputs.push(w);
    inputs.extend(b);
    let outputs = g.op(std::sync::Arc::new(op), &inputs)?;
    if activation.name() == Sigmoid::NAME {
        g.tag_logits(outputs[0], outputs[1], Squash::Sigmoid);
    }
    Ok(outputs[0])
}

/// `[m, k, n]`.
type Extents = [usize; 3];

impl Dense {
    /// The place of w among the inputs.
    fn w(&self) -> usize {
        1 + usize::from(self.gathered.is_some())
    }

    fn extents(&self, inputs: &[&Type]) -> Result<Extents> {
        let get = |i: usize| inputs.get(i).copied().ok_or_else(|| Error::shape("dense", "x, w and b", inputs.len()));
        let (rows, k) = match (get(0)?.dtype, get(0)?.shape.dims()) {
            (Dtype::F32, [first, others @ .., k]) if self.gathered.is_none() || others.is_empty() => {
                (first * others.iter().product::<usize>(), *k)
            }
            _ => return Err(Error::shape("dense", "x as f32 […, features]", get(0)?)),
        };
        let w = get(self.w())?;
        let [kw, n] = w.matrix("dense", "w")?;
        if kw != k {
            return Err(Error::shape("dense", format!("w as f32 [{k}, units] for inputs of {k} features"), w));
        }
        if self.gathered.is_some() && get(1)?.dtype != Dtype::U32 {
            return Err(Error::shape("dense", "permutation as u32 [n]", get(1)?));
        }
        Ok([self.gathered.unwrap_or(rows), k, n])
    }

    /// The first output in f64.
    fn run(&self, case: &Tolerance<'_>) -> Result<Vec<f64>> {
        let y = self.infer(&references(case.types))?;
        let mut outputs: Vec<Buffer<f64>> = y.iter().map(Buffer::zeros).collect();
        let mut step = case.step.clone();
        self.cpu(Args { types: case.types, inputs: case.inputs, outputs: &mut outputs, step: &mut step })?;
        Ok(outputs.swap_remove(0).float().to_vec())
    }

    /// The rows of x, `[…, k]`, as a result of `n` columns has them.
    fn like_x(&self, inputs: &[&Type], n: usize) -> Type {
        let mut dims = inputs.first().map_or(vec![], |x| x.shape.dims().to_vec());
        if let Some(last) = dims.last_mut() {
            *last = n;
        }
        if let (Some(batch), Some(first)) = (self.gathered, dims.first_mut()) {
            *first = batch;
        }
        Type::f32(dims).batched(self.batched(inputs))
    }

    /// Rows of x of a row of the batch.
    fn per_row(&self, inputs: &[Type]) -> usize {
        let dims = inputs.first().map_or(&[][..], |x| x.shape.dims());
        dims.get(1..dims.len().max(2) - 1).map_or(1, |others| others.iter().product())
    }

    fn batched(&self, inputs: &[&Type]) -> bool {
        self.gathered.is_some() || inputs.first().is_some_and(|x| x.batched)
    }

    /// Row i of x: `None` is a row of zeros.
    fn row<F: Float>(
        &self,
        inputs: &Inputs<'_, F>,
        step: &mut StepState<F>,
        types: &[Type],
        i: usize,
    ) -> Option<usize> {
        match self.gathered {
            None => Some(i),
            Some(_) if i >= step.rows() => None,
            Some(batch) => row_of(step, inputs.indices(1), batch, types[0].shape.dims()[0], i),
        }
    }

    /// Binds x: itself, or data and permutation.
    fn bind_x(&self, launch: Launch) -> Launch {
        match self.gathered {
            None => launch.input(0),
            Some(_) => launch.bind(Bind::Span(Role::Data, vec![Operand::Input(0), Operand::Input(1)])),
        }
    }

    /// Where data and permutation stand.
    fn param_x(&self, launch: Launch, data: &Type) -> Launch {
        let (begin, permutation) = match self.gathered {
            None => (Param::U32(0), Param::U32(0)),
            Some(_) => (Param::Offset { bind: 0, member: 0 }, Param::Offset { bind: 0, member: 1 }),
        };
        let launch = launch.param("data", begin).size("data_rows", data.shape.dims()[0]);
        launch.param("permutation", permutation).param("step_width", Param::StepWidth)
    }
}

fn references(types: &[Type]) -> Vec<&Type> {
    types.iter().collect()
}

impl OpDef for Dense {
    fn name(&self) -> &str {
        "dense"
    }

    fn is_own(&self) -> bool {
        self.activation.is_own()
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [_, _, n] = self.extents(inputs)?;
        if self.bias {
            let b = inputs.get(self.w() + 1).ok_or_else(|| Error::shape("dense", "x, w and b", inputs.len()))?;
            if b.vector("dense", "b")? != n {
                return Err(Error::shape("dense", format!("b as f32 [{n}]"), b));
            }
        }
        let y = self.like_x(inputs, n);
        Ok(vec![y.clone(), y])
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let (y, z) = (node.outputs[0], node.outputs[1]);
        let (activation, dy) = match (dy[0], dy[1]) {
            (Some(dy), None) => (self.activation, dy),
            (None, Some(dz)) => (Function::from(Linear), dz),
            (Some(dy), Some(dz)) => {
                (Function::from(Linear), add(g, unary_backward(g, self.activation, dy, z, y)?, dz)?)
            }
            (None, None) => return Ok(vec![None; node.inputs.len()]),
        };
        let seen = match activation.row.needs {
            Needs::Nothing => dy,
            Needs::Input => z,
            Needs::Output => y,
        };
        let w = self.w();
        let mut inputs = node.inputs[..=w].to_vec();
        inputs.extend([dy, seen]);
        let outputs = g.op(std::sync::Arc::new(DenseBackward(Dense { activation, ..*self })), &inputs)?;
        let mut gradients = vec![None; node.inputs.len()];
        gradients[w] = Some(outputs[0]);
        if self.bias {
            gradients[w + 1] = Some(outputs[1]);
        }
        if self.gathered.is_none() {
            gradients[0] = Some(outputs[2]);
        }
        Ok(gradients)
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [m, k, n] = self.extents(&references(args.types))?;
        let (x, w) = (args.inputs.float(0), args.inputs.float(self.w()));
        let b = if self.bias { args.inputs.float(self.w() + 1) } else { &[] };
        let f = self.activation.f::<F>();
        let [y, z] = args.outputs else { return Err(Error::shape("dense", "2 outputs", args.outputs.len())) };
        let (y, z) = (y.float_mut(), z.float_mut());
        if n == 0 {
            return Ok(()); // nothing to compute, and no index is looked at
        }
        let mut sums = vec![F::ZERO; 2 * n];
        let (total, part) = sums.split_at_mut(n);
        let zeros = vec![F::ZERO; k];
        for i in 0..m {
            total.fill(F::ZERO);
            let row = self.row(&args.inputs, args.step, args.types, i);
            add_row(total, part, row.map_or(&zeros, |row| &x[row * k..(row + 1) * k]), w);
            for j in 0..n {
                let sum = if self.bias { total[j] + b[j] } else { total[j] };
                if let Some(z) = z.get_mut(i * n + j) {
                    *z = sum;
                }
                if let Some(y) = y.get_mut(i * n + j) {
                    *y = f(sum);
                }
            }
        }
        Ok(())
    }

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        fast::forward(*self, site)
    }

    fn measure(&self) -> Measure {
        if self.activation.is_linear() { Measure::Sum } else { Measure::Parts }
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let terms = self.extents(&references(case.types)).map_or(0, |[_, k, _]| k + 1);
        let linear = Dense { activation: Linear.into(), ..*self };
        let magnitudes = case.magnitudes(&linear).unwrap_or_default();
        let bars: Vec<f64> =
            magnitudes.first().map_or(&[][..], |m| m.float()).iter().map(|&m| sum_bar(terms, m)).collect();
        // What y may be off: f where z is off, and f's own bar.
        let (f, row) = (self.activation.f::<f64>(), self.activation.row);
        let z = linear.run(case).unwrap_or_default();
        let y_bar = |(&bar, &z): (&f64, &f64)| moved(f, z, bar) + row.ulps[0] * ulp(f(z)) + row.floors[0] + TINY;
        let y_bars = if self.activation.is_linear() { bars.clone() } else { bars.iter().zip(&z).map(y_bar).collect() };
        vec![y_bars, bars]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [m, k, n] = self.extents(&references(site.inputs))?;
        let groups = (m.div_ceil(32) * n.div_ceil(32)) as u64;
        let w = self.w();
        let launches = term_ranges(k).into_iter().map(|range| {
            let launch = self.bind_x(self.activation.compose(Launch::new(shader!("dense.wgsl"))));
            let launch = launch
                .flag("GATHERED", self.gathered.is_some())
                .flag("BIAS", self.bias)
                .flag("WRITE_Y", site.used[0])
                .flag("WRITE_Z", site.used[1])
                .bind(Bind::Step)
                .input(w)
                .input(if self.bias { w + 1 } else { w })
                .output(0)
                .output(1)
                .bind(Bind::FlagWrite)
                .size("m", m)
                .size("n", n)
                .size("terms", k)
                .size("begin", range.start)
                .size("end", range.end);
            self.param_x(launch, &site.inputs[0]).cost(
                groups,
                tile_trips(range.len()),
                (2 * m * n * range.len()) as u64,
            )
        });
        Ok(vec![Variant { name: "default", launches: launches.collect() }])
    }
}

/// How far f may move where z is off by `bar`: infinite where it has no value, or a pole, in between.
fn moved(f: impl Fn(f64) -> f64, z: f64, bar: f64) -> f64 {
    if !z.is_finite() {
        return 0.0;
    }
    let kink = if z.abs() <= bar { 0.0 } else { z };
    let distances = [z - bar, z + bar, kink].map(|near| (f(near) - f(z)).abs());
    distances.into_iter().fold(0.0, |most, d| if d.is_nan() { f64::INFINITY } else { d.max(most) })
}

/// `total += x w` for one row, in chunks of terms; `part` is scratch of the same length.
fn add_row<F: Float>(total: &mut [F], part: &mut [F], x: &[F], w: &[F]) {
    let n = total.len();
    for (chunk, x) in x.chunks(CHUNK).enumerate() {
        part.fill(F::ZERO);
        for (t, &x) in x.iter().enumerate() {
            let at = (chunk * CHUNK + t) * n;
            for (part, &w) in part.iter_mut().zip(&w[at..at + n]) {
                *part += x * w;
            }
        }
        for (total, &part) in total.iter_mut().zip(&*part) {
            *total += part;
        }
    }
}
