//! Losses of single elements on the CPU in f32.

use crate::error::Result;
use crate::graph::{Args, CpuKernel, CpuVariant, FLAG_NOT_FINITE, GRADIENT_LIMIT, Site, Team};
use crate::ops::loss::pointwise::GROUP;
use crate::ops::loss::row::Elements;
use crate::ops::loss::{PointwiseLoss, data_row};
use crate::simd::{Above, Level, chunked};

/// The kernels of a loss.
pub(super) fn variants(op: &PointwiseLoss, site: &Site<'_>) -> Vec<CpuVariant> {
    let len = site.inputs.first().map_or(0, |p| p.len());
    let cols = PointwiseLoss::cols(site.inputs);
    let kernel = |level| {
        let [y, w, loss, slope, hit] = [(); 5].map(|()| vec![0.0; len]);
        Box::new(Fast { op: op.clone(), level, cols, y, w, loss, slope, hit })
    };
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

/// Of each element of a batch: target and weight, then what is worked out.
#[derive(Debug)]
struct Fast {
    op: PointwiseLoss,
    level: Level,
    cols: usize,
    y: Vec<f32>,
    w: Vec<f32>,
    loss: Vec<f32>,
    slope: Vec<f32>,
    hit: Vec<f32>,
}

impl Fast {
    /// Calls `each` for the rows that count: the row, and that of the data, where there is one.
    fn rows(&mut self, args: &mut Args<'_, f32>, mut each: impl FnMut(&mut Self, usize, Option<usize>)) {
        for i in 0..args.step.rows_of(&args.types[0]) {
            let row = data_row(args.step, self.op.gathered, args.inputs.indices(3), &args.types[1], i);
            each(self, i, row);
        }
    }

    /// Works out all elements; gives how many count.
    fn work(&mut self, args: &mut Args<'_, f32>) -> usize {
        let (y, w, cols) = (args.inputs.float(1), args.inputs.float(2), self.cols);
        let mut all = true;
        self.rows(args, |this, i, row| match row {
            Some(row) => {
                this.y[i * cols..(i + 1) * cols].copy_from_slice(&y[row * cols..(row + 1) * cols]);
                this.w[i * cols..(i + 1) * cols].fill(w[row]);
            }
            None => all = false,
        });
        let len = args.step.rows_of(&args.types[0]) * cols;
        let scale = self.op.column.map_or(0.0, |column| args.step.column(column) / len as f32);
        let elements = Elements {
            p: &args.inputs.float(0)[..len],
            y: &self.y,
            w: &self.w,
            targets: [self.op.targets.0 as f32, self.op.targets.1 as f32],
            scale,
            loss: &mut self.loss,
            slope: &mut self.slope,
            hit: &mut self.hit,
            ..Elements::default()
        };
        self.op.function.slices(self.level, elements);
        if !all {
            self.rows(args, |this, i, row| {
                for out in [&mut this.loss, &mut this.slope, &mut this.hit].into_iter().filter(|_| row.is_none()) {
                    out[i * cols..(i + 1) * cols].fill(0.0);
                }
            });
        }
        len
    }
}

impl CpuKernel for Fast {
    fn run(&mut self, mut args: Args<'_, f32>, _: &mut dyn Team) -> Result<()> {
        let len = self.work(&mut args);
        let training = self.op.column.is_some() && self.op.function.row.has_loss;
        if !training {
            self.slope[..len].fill(0.0);
        }
        let mut found = false;
        if self.op.column.is_some() {
            self.level.run(Above { x: &self.loss[..len], limit: f32::INFINITY, found: &mut found });
            self.level.run(Above { x: &self.slope[..len], limit: GRADIENT_LIMIT as f32, found: &mut found });
        }
        if found {
            args.step.flag(FLAG_NOT_FINITE);
        }
        let gradient = args.outputs[0].float_mut();
        if !gradient.is_empty() {
            gradient[..len].copy_from_slice(&self.slope[..len]);
            gradient[len..].fill(0.0);
        }
        let group = |group: usize| (group * GROUP).min(len)..((group + 1) * GROUP).min(len);
        for (i, sum) in args.outputs[1].float_mut().iter_mut().enumerate() {
            *sum = chunked(&self.loss[group(i)]);
        }
        for (i, count) in args.outputs[2].indices_mut().iter_mut().enumerate() {
            *count = chunked(&self.hit[group(i)]) as u32;
        }
        Ok(())
    }
}
