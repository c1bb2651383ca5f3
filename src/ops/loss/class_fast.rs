//! Losses of classes on the CPU in f32: the cross-entropy of logits, and hits alone.

use crate::error::{Error, Result};
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
        let cells = vec![Cell::default(); p.len() / classes.max(1)];
        let t = vec![0.0; if op.targets == ClassTargets::OneHot { p.len() } else { 0 }];
        Box::new(Cells { op: op.clone(), level, classes, per_row, e: vec![0.0; p.len()], t, cells })
    };
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

#[derive(Debug)]
struct Cells {
    op: ClassLoss,
    level: Level,
    classes: usize,
    per_row: usize,
    /// `eᵖ⁻ᵐ` of each element, m the largest of its cell; then the slope.
    e: Vec<f32>,
    /// The targets where the data has one for each class.
    t: Vec<f32>,
    cells: Vec<Cell>,
}

/// A cell of a batch.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// The weight of its row and the class that is right, where it counts.
    found: Option<(f32, usize)>,
    /// The sum of its targets.
    targets: f32,
    /// The largest of its predictions m, `Σ eᵖ⁻ᵐ`, and the logarithm of that.
    sums: [f32; 3],
}

/// e and the sums of all cells.
struct Exponentials<'a> {
    p: &'a [f32],
    classes: usize,
    e: &'a mut [f32],
    cells: &'a mut [Cell],
}

impl Work for Exponentials<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { p, classes, e, cells } = self;
        for ((p, e), cell) in p.chunks_exact(classes).zip(e.chunks_exact_mut(classes)).zip(&mut *cells) {
            cell.sums[0] = top(p);
            e.iter_mut().zip(p).for_each(|(e, p)| *e = p - cell.sums[0]);
        }
        e.iter_mut().for_each(|e| *e = Fast::<V>::new(*e).exp().0);
        for (e, cell) in e.chunks_exact(classes).zip(cells) {
            cell.sums[1] = chunked(e);
            cell.sums[2] = Fast::<V>::new(cell.sums[1]).ln().0;
        }
    }
}

/// The slopes of all cells: `scale w (e Σt / Σe − t)`, 0 where one does not count.
struct Slopes<'a> {
    e: &'a mut [f32],
    /// Empty where t is 1 for the class that is right and 0 for the others.
    t: &'a [f32],
    classes: usize,
    cells: &'a [Cell],
    scale: f32,
}

impl Work for Slopes<'_> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        for (at, (e, cell)) in self.e.chunks_exact_mut(self.classes).zip(self.cells).enumerate() {
            let Some((w, truth)) = cell.found else {
                e.fill(0.0);
                continue;
            };
            let (scale, share) = (self.scale * w, cell.targets / cell.sums[1]);
            if self.t.is_empty() {
                let right = scale * V::fma(e[truth], share, -1.0);
                e.iter_mut().for_each(|e| *e = scale * (*e * share));
                e[truth] = right;
            } else {
                let t = &self.t[at * self.classes..(at + 1) * self.classes];
                e.iter_mut().zip(t).for_each(|(e, &t)| *e = scale * V::fma(*e, share, -t));
            }
        }
    }
}

impl Cells {
    /// Fills in the targets of the cell at a place from that in the data; gives their sum and the class that is right,
    /// `None` where that is no class.
    fn targets(&mut self, y: &[f32], at: usize, from: usize) -> Option<(f32, usize)> {
        let classes = self.classes;
        match self.op.targets {
            ClassTargets::Numbers => Some((1.0, class_of(y[from], classes)?)),
            ClassTargets::OneHot => {
                let t = &mut self.t[at * classes..(at + 1) * classes];
                let y = &y[from * classes..(from + 1) * classes];
                t.iter_mut().zip(y).for_each(|(t, &y)| *t = self.op.target(y, classes));
                Some((chunked(t), argmax(y)))
            }
        }
    }

    /// Looks up the targets of all cells of a batch.
    fn find(&mut self, args: &mut Args<'_, f32>, rows: usize) {
        let (y, w) = (args.inputs.float(1), args.inputs.float(2));
        for i in 0..rows {
            let row = data_row(args.step, self.op.gathered, args.inputs.indices(3), &args.types[1], i);
            for c in 0..self.per_row {
                let at = i * self.per_row + c;
                let targets = row.map(|row| self.targets(y, at, row * self.per_row + c));
                if targets == Some(None) {
                    args.step.flag(FLAG_BAD_INDEX);
                }
                let found = row.zip(targets.flatten());
                let cell = &mut self.cells[at];
                cell.found = found.map(|(row, (_, truth))| (w[row], truth));
                cell.targets = found.map_or(0.0, |(_, (sum, _))| sum);
            }
        }
    }

    /// The loss of a cell from its targets: `Σ t (ln Σ eᵖ⁻ᵐ − (p − m))` over those that are not 0.
    fn loss(&self, p: &[f32], cell: usize, class: usize) -> f32 {
        let [top, sum, log] = self.cells[cell].sums;
        let term = |p: f32, t: f32| t * (log - (p - top));
        if self.op.targets == ClassTargets::Numbers {
            return term(p[class], 1.0);
        }
        let t = &self.t[cell * self.classes..(cell + 1) * self.classes];
        let mut total = 0.0;
        for (p, t) in p.chunks(CHUNK).zip(t.chunks(CHUNK)) {
            total += p.iter().zip(t).filter(|(_, t)| **t != 0.0).map(|(&p, &t)| term(p, t)).sum::<f32>();
        }
        if sum.is_nan() { sum } else { total }
    }

    /// Whether the class that is right counts as found.
    fn is_hit(&self, p: &[f32], truth: usize) -> bool {
        match self.op.kind {
            ClassKind::TopK(k) => p.iter().filter(|&&other| larger(other, p[truth])).count() < k,
            _ => {
                let (before, after) = (p[..truth].iter(), p[truth..].iter());
                before.copied().all(|other| larger(p[truth], other)) && !after.copied().any(|o| larger(o, p[truth]))
            }
        }
    }
}

impl CpuKernel for Cells {
    fn run(&mut self, mut args: Args<'_, f32>, _: &mut dyn Team) -> Result<()> {
        let (classes, level, has_loss) = (self.classes, self.level, self.op.has_loss());
        let scale = self.op.scale(&args);
        let rows = args.step.rows_of(&args.types[0]);
        let cells = rows * self.per_row;
        self.find(&mut args, rows);
        let p = &args.inputs.float(0)[..cells * classes];
        if has_loss {
            let Self { e, cells: all, .. } = self;
            level.run(Exponentials { p, classes, e: &mut e[..p.len()], cells: &mut all[..cells] });
        }
        let [gradient, sums, counts] = args.outputs else {
            return Err(Error::shape("a loss of classes", "3 outputs", args.outputs.len()));
        };
        let (sums, counts) = (sums.float_mut(), counts.indices_mut());
        sums.fill(0.0);
        counts.fill(0);
        let mut found = false;
        for (at, p) in p.chunks_exact(classes).enumerate() {
            let Some((w, truth)) = self.cells[at].found else { continue };
            let hit = self.is_hit(p, truth);
            let loss = match has_loss {
                true => w * self.loss(p, at, truth),
                false if hit => w,
                false => 0.0,
            };
            found |= !loss.is_finite();
            sums.iter_mut().skip(at).take(1).for_each(|sum| *sum = loss);
            counts.iter_mut().skip(at).take(1).for_each(|count| *count = u32::from(hit));
        }
        let gradient = gradient.float_mut();
        if self.op.column.is_some() && has_loss {
            let Self { e, t, cells: all, .. } = self;
            let e = &mut e[..p.len()];
            level.run(Slopes { e, t, classes, cells: &all[..cells], scale });
            level.run(Above { x: e, limit: GRADIENT_LIMIT as f32, found: &mut found });
            if found {
                args.step.flag(FLAG_NOT_FINITE);
            }
            gradient.iter_mut().zip(&*e).for_each(|(to, &from)| *to = from);
            gradient.iter_mut().skip(p.len()).for_each(|to| *to = 0.0);
        } else {
            gradient.fill(0.0);
        }
        Ok(())
    }
}
