//! The gradients of a dense layer in one launch.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Bind, Buffer, CHUNK, CpuVariant, Float, Inputs, Launch, Measure, OpDef, Operand, Param, Role, Site, TINY,
    Tolerance, Variant, shader, sum_bar, term_ranges,
};
use crate::ops::dense::{Dense, Extents, add_row, references};
use crate::ops::matmul::tile_trips;
use crate::ops::same;
use crate::ops::unary::piecewise::Linear;
use crate::ops::unary::product_bars;
use crate::shape::Type;

/// The op `dz = dy f'(z)`, `dw = xᵀ dz`, `db = Σ dz`, `dx = dz wᵀ`: of a batch, dw and db over the rows that count.
///
/// Inputs x (or data and permutation), w, dy `[…, n]`, and z or y, as the derivative wants; outputs dw, db, dx.
#[derive(Clone, Copy, Debug)]
pub struct DenseBackward(pub Dense);

impl DenseBackward {
    /// `dz = dy f'(z)`, all of it.
    fn dz<F: Float>(&self, inputs: &Inputs<'_, F>) -> Vec<F> {
        let (dy, seen) = (inputs.float(self.0.w() + 1), inputs.float(self.0.w() + 2));
        let df = self.0.activation.df::<F>();
        dy.iter().zip(seen).map(|(&dy, &seen)| dy * df(seen, seen)).collect()
    }

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

    fn is_own(&self) -> bool {
        self.0.activation.is_own()
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

    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        super::fast::backward(self.0, site)
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

/// `dx = dz wᵀ`, by rows of a transposed copy of w: a loop over neighbours is one that a compiler makes vectors of.
fn input_gradient<F: Float>(dx: &mut [F], dz: &[F], w: &[F], [m, k, n]: Extents) {
    let transposed: Vec<F> = (0..n * k).map(|at| w[at % k * n + at / k]).collect();
    let mut part = vec![F::ZERO; k];
    dx.fill(F::ZERO);
    for i in 0..m {
        add_row(&mut dx[i * k..(i + 1) * k], &mut part, &dz[i * n..(i + 1) * n], &transposed);
    }
}
