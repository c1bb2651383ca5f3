//! Losses of classes on the CPU in f32: the cross-entropy of logits, and hits alone.

use crate::error::Result;
use crate::graph::{
    Args, CHUNK, CpuKernel, CpuVariant, FLAG_BAD_INDEX, FLAG_NOT_FINITE, Float, GRADIENT_LIMIT, Site, Team,
};
use crate::ops::loss::class::{argmax, cells_per_row, class_of, classes, larger};
use crate::ops::loss::{ClassKind, ClassLoss, ClassTargets, data_row};
use crate::ops::softmax::top;
use crate::simd::{Above, Fast, Lanes, Level, Work, chunked};

/// The kernels of a loss; none for probabilities.
pub(super) fn variants(op: &ClassLoss, site: &Site<'_>) -> Vec<CpuVariant> {
    let Some(p) = site.inputs.first().filter(|_| op.kind != ClassKind::Probabilities) else { return vec![] };
    let (classes, per_row) = (classes(p), cells_per_row(p));
    let kernel = |level| {
        let (e, sums) = (vec![0.0; p.len()], vec![[0.0; 3]; p.len() / classes.max(1)]);
        Box::new(Cells { op: op.clone(), level, classes, per_row, e, sums, t: vec![0.0; classes] })
    };
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

#[derive(Debug)]
struct Cells {
    op: ClassLoss,
    level: Level,
    classes: usize,
    per_row: usize,
    /// `eᵖ⁻ᵐ` of each element, m the largest of its cell.
    e: Vec<f32>,
    /// m, the sum of these, and its logarithm, of each cell.
    sums: Vec<[f32; 3]>,
    /// The targets of a cell.
    t: Vec<f32>,
}

/// e and the sums of all cells.
struct Exponentials<'a> {
    p: &'a [f32],
    classes: usize,
    e: &'a mut [f32],
    sums: &'a mut [[f32; 3]],
}

impl Work for Exponentials<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { p, classes, e, sums } = self;
        for ((p, e), sums) in p.chunks_exact(classes).zip(e.chunks_exact_mut(classes)).zip(&mut *sums) {
            sums[0] = top(p);
            e.iter_mut().zip(p).for_each(|(e, p)| *e = p - sums[0]);
        }
        e[..p.len()].iter_mut().for_each(|e| *e = Fast::<V>::new(*e).exp().0);
        for (e, sums) in e.chunks_exact(classes).zip(&mut *sums) {
            sums[1] = chunked(e);
        }
        sums.iter_mut().for_each(|sums| sums[2] = Fast::<V>::new(sums[1]).ln().0);
    }
}

/// The slopes of a cell: `scale (e share − t)`.
struct Slopes<'a> {
    e: &'a mut [f32],
    t: &'a [f32],
    share: f32,
    scale: f32,
}

impl Work for Slopes<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (e, &t) in self.e.iter_mut().zip(self.t) {
            *e = self.scale * V::fma(*e, self.share, -t);
        }
    }
}

impl Cells {
    /// Fills in the targets of a cell; gives their sum and the class that is right, `None` where that is no class.
    fn targets(&mut self, y: &[f32], from: usize) -> Option<(f32, usize)> {
        let classes = self.classes;
        match self.op.targets {
            ClassTargets::Numbers => {
                self.t.fill(0.0);
                let class = class_of(y[from], classes)?;
                self.t[class] = 1.0;
                Some((1.0, class))
            }
            ClassTargets::OneHot => {
                let y = &y[from * classes..(from + 1) * classes];
                for (t, &y) in self.t.iter_mut().zip(y) {
                    *t = self.op.target(y, classes);
                }
                Some((chunked(&self.t), argmax(y)))
            }
        }
    }

    /// The loss of a cell from its targets: `Σ t (ln Σ eᵖ⁻ᵐ − (p − m))` over those that are not 0.
    fn loss(&self, p: &[f32], cell: usize, class: usize) -> f32 {
        let [top, sum, log] = self.sums[cell];
        let term = |p: f32, t: f32| t * (log - (p - top));
        if self.op.targets == ClassTargets::Numbers {
            return term(p[class], 1.0);
        }
        let mut total = 0.0;
        for (p, t) in p.chunks(CHUNK).zip(self.t.chunks(CHUNK)) {
            total += p.iter().zip(t).filter(|(_, t)| **t != 0.0).map(|(&p, &t)| term(p, t)).sum::<f32>();
        }
        if sum.is_nan() { sum } else { total }
    }
}

impl Cells {
    /// Whether the class that is right counts as found.
    fn is_hit(&self, p: &[f32], truth: usize) -> bool {
        match self.op.kind {
            ClassKind::TopK(k) => p.iter().filter(|&&other| larger(other, p[truth])).count() < k,
            _ => argmax(p) == truth,
        }
    }
}

impl CpuKernel for Cells {
    fn run(&mut self, args: Args<'_, f32>, _: &mut dyn Team) -> Result<()> {
        let (classes, has_loss) = (self.classes, self.op.has_loss());
        let training = self.op.column.is_some() && has_loss;
        let scale = self.op.scale(&args);
        let rows = args.step.rows_of(&args.types[0]);
        let (p, y, w) = (args.inputs.float(0), args.inputs.float(1), args.inputs.float(2));
        let p = &p[..rows * self.per_row * classes];
        if has_loss {
            let Self { e, sums, .. } = self;
            self.level.run(Exponentials { p, classes, e, sums: &mut sums[..rows * self.per_row] });
        }
        args.outputs.iter_mut().for_each(|out| out.float_mut().fill(0.0));
        args.outputs[2].indices_mut().fill(0);
        let mut found = false;
        for cell in 0..rows * self.per_row {
            let (i, c) = (cell / self.per_row, cell % self.per_row);
            let row = data_row(args.step, self.op.gathered, args.inputs.indices(3), &args.types[1], i);
            let Some(row) = row else { continue };
            let Some((targets, truth)) = self.targets(y, row * self.per_row + c) else {
                args.step.flag(FLAG_BAD_INDEX);
                continue;
            };
            let range = cell * classes..(cell + 1) * classes;
            let hit = self.is_hit(&p[range.clone()], truth);
            let loss = match has_loss {
                true => w[row] * self.loss(&p[range.clone()], cell, truth),
                false if hit => w[row],
                false => 0.0,
            };
            if training {
                found |= !loss.is_finite();
                let (e, share) = (&mut self.e[range.clone()], targets / self.sums[cell][1]);
                self.level.run(Slopes { e, t: &self.t, share, scale: scale * w[row] });
                self.level.run(Above { x: &self.e[range.clone()], limit: GRADIENT_LIMIT as f32, found: &mut found });
                if let Some(gradient) = args.outputs[0].float_mut().get_mut(range.clone()) {
                    gradient.copy_from_slice(&self.e[range.clone()]);
                }
            }
            if let Some(sum) = args.outputs[1].float_mut().get_mut(cell) {
                *sum = loss;
            }
            if let Some(count) = args.outputs[2].indices_mut().get_mut(cell) {
                *count = u32::from(hit);
            }
        }
        if found {
            args.step.flag(FLAG_NOT_FINITE);
        }
        Ok(())
    }
}
