//! A dense layer in one launch, and its gradients in another.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, Builder, CHUNK, Float, Inputs, Launch, Measure, Node, OpDef, Operand, Param, Role, Site,
    Squash, StepState, TINY, Tolerance, Value, Variant, shader, sum_bar, term_ranges, ulp,
};
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::matmul::tile_trips;
use crate::ops::rows::{gathered, row_of};
use crate::ops::unary::activations::{Sigmoid, Silu};
use crate::ops::unary::piecewise::{Linear, Relu};
use crate::ops::unary::{Function, Needs, UnaryDef, product_bars, rows, unary_backward};
use crate::ops::{add, same};
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

/// The op `dz = dy f'(z)`, `dw = xᵀ dz`, `db = Σ dz`, `dx = dz wᵀ`: of a batch, dw and db over the rows that count.
///
/// Inputs x (or data and permutation), w, dy `[…, n]`, and z or y, as the derivative wants; outputs dw, db, dx.
#[derive(Clone, Copy, Debug)]
pub struct DenseBackward(pub Dense);

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

/// `dx = dz wᵀ`, by rows of a transposed copy of w: a loop over neighbours is one that a compiler makes vectors of.
fn input_gradient<F: Float>(dx: &mut [F], dz: &[F], w: &[F], [m, k, n]: Extents) {
    let transposed: Vec<F> = (0..n * k).map(|at| w[at % k * n + at / k]).collect();
    let mut part = vec![F::ZERO; k];
    dx.fill(F::ZERO);
    for i in 0..m {
        add_row(&mut dx[i * k..(i + 1) * k], &mut part, &dz[i * n..(i + 1) * n], &transposed);
    }
}

impl DenseBackward {
    /// `dz = dy f'(z)`, all of it.
    fn dz<F: Float>(&self, inputs: &Inputs<'_, F>) -> Vec<F> {
        let (dy, seen) = (inputs.float(self.0.w() + 1), inputs.float(self.0.w() + 2));
        let df = self.0.activation.df::<F>();
        dy.iter().zip(seen).map(|(&dy, &seen)| dy * df(seen, seen)).collect()
    }
}

impl DenseBackward {
    /// What a linear layer gives for the magnitudes of this case's inputs, with `dz` in the place of dy.
    fn linear(&self, case: &Tolerance<'_>, dz: Vec<f64>) -> [Buffer<f64>; 3] {
        let [m, k, n] = self.0.extents(&references(case.types)).unwrap_or_default();
        let ids: Vec<usize> = (0..case.types.len()).collect();
        let mut inputs: Vec<Buffer<f64>> = ids.iter().map(|&i| case.magnitude(i)).collect();
        inputs[self.0.w() + 1] = Buffer::Float(dz);
        let mut outputs = [k * n, n, m * k].map(|len| Buffer::Float(vec![0.0; len]));
        let mut step = case.step.clone();
        let inputs = Inputs::new(&inputs, &ids);
        let args = Args { types: case.types, inputs, outputs: &mut outputs, step: &mut step };
        match DenseBackward(Dense { activation: Linear.into(), ..self.0 }).cpu(args) {
            Ok(()) => outputs,
            Err(_) => Default::default(),
        }
    }
}

impl OpDef for DenseBackward {
    fn name(&self) -> &str {
        "dense_backward"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [_, k, n] = self.0.extents(inputs)?;
        let y = self.0.like_x(inputs, n);
        for i in [1, 2] {
            let dy = inputs.get(self.0.w() + i).ok_or_else(|| Error::shape(self.name(), "dy and y", inputs.len()))?;
            same(self.name(), "dy", dy, &y)?;
        }
        Ok(vec![Type::f32([k, n]), Type::f32([n]), self.0.like_x(inputs, k)])
    }

    fn checks_finite(&self) -> bool {
        true
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let [m, k, n] = self.0.extents(&references(args.types))?;
        let (x, w, dz) = (args.inputs.float(0), args.inputs.float(self.0.w()), self.dz(&args.inputs));
        let rows = if self.0.batched(&references(args.types)) {
            m.min(args.step.rows() * self.0.per_row(args.types))
        } else {
            m
        };
        let [dw, db, dx] = args.outputs else { return Err(Error::shape(self.name(), "3 outputs", args.outputs.len())) };
        let (dw, db, dx) = (dw.float_mut(), db.float_mut(), dx.float_mut());
        [&mut *dw, &mut *db].into_iter().for_each(|d| d.fill(F::ZERO));
        let mut part = vec![F::ZERO; dw.len() + db.len()];
        let (part_w, part_b) = part.split_at_mut(dw.len());
        for chunk in (0..rows).step_by(CHUNK) {
            [&mut *part_w, &mut *part_b].into_iter().for_each(|d| d.fill(F::ZERO));
            for i in chunk..rows.min(chunk + CHUNK) {
                let dz = &dz[i * n..(i + 1) * n];
                part_b.iter_mut().zip(dz).for_each(|(b, &dz)| *b += dz);
                let Some(row) = self.0.row(&args.inputs, args.step, args.types, i) else { continue };
                for (part, &x) in part_w.chunks_mut(n.max(1)).zip(&x[row * k..(row + 1) * k]) {
                    part.iter_mut().zip(dz).for_each(|(w, &dz)| *w += x * dz);
                }
            }
            dw.iter_mut().zip(&*part_w).for_each(|(w, &part)| *w += part);
            db.iter_mut().zip(&*part_b).for_each(|(b, &part)| *b += part);
        }
        if !dx.is_empty() {
            input_gradient(dx, &dz, w, [m, k, n]);
        }
        dx.iter().for_each(|&d| args.step.flag_value(d));
        dw.iter().chain(&*db).for_each(|&d| args.step.flag_gradient(d));
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Parts
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        let [m, _, n] = self.0.extents(&references(case.types)).unwrap_or_default();
        let (w, dz) = (self.0.w(), self.dz(&case.inputs));
        // What each term may be off for f' and its product.
        let off = match self.0.activation.is_linear() {
            true => vec![0.0; dz.len()],
            false => product_bars(&self.0.activation, case.inputs.float(w + 1), case.inputs.float(w + 2)),
        };
        let magnitudes = self.linear(case, dz.iter().map(|v| v.abs()).collect());
        let off = self.linear(case, off);
        let bar = |i: usize, terms: usize| {
            let terms = magnitudes[i].float().iter().map(|&m| sum_bar(terms, m) + TINY);
            terms.zip(off[i].float()).map(|(bar, off)| bar + off).collect()
        };
        let wanted = |i: usize, terms| if case.outputs[i].float().is_empty() { vec![] } else { bar(i, terms) };
        vec![wanted(0, m), wanted(1, m), wanted(2, n)]
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let [m, k, n] = self.0.extents(&references(site.inputs))?;
        let w = self.0.w();
        let dx_tiles = if site.used[2] { m.div_ceil(32) * k.div_ceil(32) } else { 0 };
        let height = k + usize::from(site.used[1]);
        let dw_tiles = if site.used[0] || site.used[1] { height.div_ceil(32) * n.div_ceil(32) } else { 0 };
        let terms = if dx_tiles > 0 { m.max(n) } else { m };
        let flops = 2 * (m * n * if dx_tiles > 0 { 2 * k } else { k }) + m * n;
        let ranges = term_ranges(terms);
        let count = ranges.len();
        let launches = ranges.into_iter().map(|range| {
            let launch = self.0.bind_x(self.0.activation.compose(Launch::new(shader!("dense_backward.wgsl"))));
            let launch = launch
                .flag("GATHERED", self.0.gathered.is_some())
                .flag("BATCHED", self.0.batched(&references(site.inputs)))
                .flag("BIAS", site.used[1])
                .flag("LINEAR", self.0.activation.is_linear())
                .bind(Bind::Step)
                .input(w)
                .input(w + 1)
                .input(w + 2)
                .output(2)
                .bind(Bind::Span(Role::Gradients, vec![Operand::Output(0), Operand::Output(1)]))
                .bind(Bind::FlagWrite)
                .size("m", m)
                .size("n", n)
                .size("k", k)
                .size("begin", range.start)
                .size("end", range.end)
                .size("per_row", self.0.per_row(site.inputs))
                .size("dx_tiles", dx_tiles)
                .param("dw", Param::Offset { bind: 6, member: 0 })
                .param("db", Param::Offset { bind: 6, member: 1 });
            let groups = (dx_tiles + dw_tiles) as u64;
            self.0.param_x(launch, &site.inputs[0]).cost(groups, tile_trips(range.len()), (flops / count) as u64)
        });
        Ok(vec![Variant { name: "default", launches: launches.collect() }])
    }
}

fn inputs(op: &Dense, [m, k, n]: Extents, batched: bool) -> Vec<Type> {
    let mut inputs = vec![Type::f32([m, k]).batched(batched)];
    if op.gathered.is_some() {
        inputs = vec![Type::f32([2 * m + 1, k]), Type::u32([2 * m])];
    }
    inputs.push(Type::f32([k, n]));
    inputs
}

fn pair(op: Dense, extents: Extents, rows: usize) -> [Case; 2] {
    let [m, _, n] = extents;
    let batched = op.gathered.is_some() || rows < m;
    let types = inputs(&op, extents, batched);
    let dy = Type::f32([m, n]).batched(batched);
    let seen = Domain::Seen(op.activation);
    let bias = op.bias.then(|| Type::f32([n]));
    let forward = Case::new(op, types.iter().cloned().chain(bias));
    let backward = Case::new(DenseBackward(op), types.into_iter().chain([dy.clone(), dy]));
    let backward = backward.domain(op.w() + 2, seen);
    [forward, backward].map(|case| {
        let mut case = case.rows(rows, m);
        if op.activation.row.least.is_finite() {
            let numbers = case.inputs.iter_mut().filter(|input| input.domain == Domain::Any);
            numbers.for_each(|input| input.domain = Domain::NotNegative);
        }
        if op.gathered.is_some() { case.domain(1, Domain::Index(2 * m + 1)).step(1) } else { case }
    })
}

/// Cases of awkward sizes in each extent: each activation, gathered or not, with and without a bias, and sums on both
/// sides of the bound on iterations.
pub fn cases() -> Vec<Case> {
    let sizes: Vec<Extents> = EDGES.iter().flat_map(|&n| [[n, 5, 3], [3, n, 5], [5, 3, n]]).collect();
    let relu = |bias, gathered| Dense { activation: Relu.into(), bias, gathered };
    let functions: Vec<Function> = rows().map(Function::from).collect();
    let mut cases = vec![];
    for (i, &extents) in sizes.iter().enumerate() {
        let m = extents[0];
        let activation = functions[i % functions.len()];
        cases.extend(pair(Dense { activation, bias: true, gathered: None }, extents, m));
        if m > 0 {
            cases.extend(pair(relu(i % 2 == 0, Some(m)), extents, m - i % m.min(3)));
        }
    }
    // A function of each need in every kind of case, the others in one kind each.
    let kinds = [(true, None, [33, 31, 65], 33), (false, Some(33), [33, 65, 31], 20), (true, None, [40, 9, 32], 17)];
    let full: [Function; 3] = [Linear.into(), Relu.into(), Silu.into()];
    for (i, activation) in Function::all().enumerate() {
        for (_, (bias, gathered, extents, rows)) in
            kinds.into_iter().enumerate().filter(|(kind, _)| *kind == i % 3 || full.contains(&activation))
        {
            cases.extend(pair(Dense { activation, bias, gathered }, extents, rows));
        }
    }
    for [batch, others, k, n] in [[5, 3, 4, 7], [9, 33, 2, 3], [2, 1, 65, 33], [300, 2, 3, 1], [7, 0, 3, 2]] {
        for (op, batched) in [(relu(true, None), true), (relu(false, None), false)] {
            let ty = |last| Type::f32([batch, others, last]).batched(batched);
            let rows = if batched { batch - batch / 3 } else { batch };
            let forward = Case::new(
                op,
                [ty(k), Type::f32([k, n]), Type::f32([n])].into_iter().take(op.w() + 1 + usize::from(op.bias)),
            );
            let backward = Case::new(DenseBackward(op), [ty(k), Type::f32([k, n]), ty(n), ty(n)]);
            let backward = backward.domain(3, Domain::Seen(op.activation));
            cases.extend([forward, backward].map(|case| case.rows(rows, batch)));
        }
    }
    for extents in [[2, 65_537, 3], [65_537, 2, 3], [3, 2, 65_537]] {
        cases.extend(pair(relu(true, None), extents, extents[0]).map(Case::brief));
    }
    cases
}
