//! Dense layers and their gradients on the CPU in f32: products in tiles, f and f' on what is near.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::graph::{Args, CpuKernel, CpuVariant, FLAG_NOT_FINITE, GRADIENT_LIMIT, Inputs, Site, StepState, Team};
use crate::ops::dense::{Dense, Extents, references};
use crate::ops::unary::{PIECE, each};
use crate::shape::Type;
use crate::simd::{Above, Level, Matrix, Product, Shared, column_sums};

/// The kernels of a layer.
pub(super) fn forward(op: Dense, site: &Site<'_>) -> Vec<CpuVariant> {
    let Ok(extents) = op.extents(&references(site.inputs)) else { return vec![] };
    let kernel = |level| Box::new(Forward { op, level, extents, x: op.room(extents) });
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

/// The kernels of its gradients.
pub(super) fn backward(op: Dense, site: &Site<'_>) -> Vec<CpuVariant> {
    let Ok(extents) = op.extents(&references(site.inputs)) else { return vec![] };
    let [m, _, n] = extents;
    let batched = op.batched(&references(site.inputs));
    let dz = if op.activation.is_linear() { 0 } else { m * n };
    let kernel = |level| {
        let (dz, part) = (vec![0.0; dz], vec![0.0; n]);
        Box::new(Backward { op, level, extents, batched, x: op.room(extents), dz, part })
    };
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}

impl Dense {
    /// Room for the rows of a batch, where they are gathered.
    fn room(&self, [m, k, _]: Extents) -> Vec<f32> {
        vec![0.0; if self.gathered.is_some() { m * k } else { 0 }]
    }

    /// The first `rows` rows of x: where they are, or gathered into `room`, those that are none as zeros.
    fn rows_of_x<'a>(
        &self,
        (inputs, types): (Inputs<'a, f32>, &[Type]),
        step: &mut StepState<f32>,
        (rows, k): (usize, usize),
        room: &'a mut [f32],
    ) -> &'a [f32] {
        let x = inputs.float(0);
        if self.gathered.is_none() {
            return x;
        }
        for i in 0..rows {
            let to = &mut room[i * k..(i + 1) * k];
            match self.row(&inputs, step, types, i) {
                Some(row) => to.copy_from_slice(&x[row * k..(row + 1) * k]),
                None => to.fill(0.0),
            }
        }
        room
    }
}

#[derive(Debug)]
struct Forward {
    op: Dense,
    level: Level,
    extents: Extents,
    x: Vec<f32>,
}

impl CpuKernel for Forward {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        let (op, level, [m, k, n]) = (&self.op, self.level, self.extents);
        if n == 0 {
            return Ok(());
        }
        let x = op.rows_of_x((args.inputs, args.types), args.step, (m, k), &mut self.x);
        let [y, z] = args.outputs else { return Err(Error::shape("dense", "2 outputs", args.outputs.len())) };
        let product = Product {
            level,
            a: Matrix::new(x, k),
            b: Matrix::new(args.inputs.float(op.w()), n),
            extents: self.extents,
            bias: op.bias.then(|| args.inputs.float(op.w() + 1)),
        };
        let (y, z) = (y.float_mut(), z.float_mut());
        let linear = op.activation.is_linear();
        let f = |y: &mut [f32]| {
            if !linear {
                op.activation.apply(level, y)
            }
        };
        match (y.is_empty(), z.is_empty()) {
            (true, true) => {}
            (true, false) => product.run(z, team, &|_, _| {}),
            (false, true) => product.run(y, team, &|_, y| f(y)),
            (false, false) => {
                let y = Shared::new(y);
                product.run(z, team, &|at, z| {
                    // SAFETY: the product gives each place of z once, and y has the same.
                    let y = unsafe { y.part(at..at + z.len()) };
                    for (y, z) in y.chunks_mut(PIECE).zip(z.chunks(PIECE)) {
                        y.copy_from_slice(z);
                        f(y);
                    }
                });
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Backward {
    op: Dense,
    level: Level,
    extents: Extents,
    batched: bool,
    x: Vec<f32>,
    dz: Vec<f32>,
    part: Vec<f32>,
}

impl CpuKernel for Backward {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        let (op, level, [m, k, n]) = (&self.op, self.level, self.extents);
        let rows = if self.batched { m.min(args.step.rows() * op.per_row(args.types)) } else { m };
        let x = op.rows_of_x((args.inputs, args.types), args.step, (rows, k), &mut self.x);
        let (dy, w) = (args.inputs.float(op.w() + 1), args.inputs.float(op.w()));
        let dz = if op.activation.is_linear() {
            dy
        } else {
            let seen = args.inputs.float(op.w() + 2);
            each(&mut self.dz, team, &|at, dz| {
                dz.copy_from_slice(&dy[at..at + dz.len()]);
                op.activation.differentiate(level, dz, &seen[at..at + dz.len()]);
            });
            &self.dz
        };
        let [dw, db, dx] = args.outputs else {
            return Err(Error::shape("dense_backward", "3 outputs", args.outputs.len()));
        };
        let (dw, db, dx) = (dw.float_mut(), db.float_mut(), dx.float_mut());
        let found = AtomicBool::new(false);
        let look = |x: &[f32], limit: f32| {
            let mut above = false;
            level.run(Above { x, limit, found: &mut above });
            found.fetch_or(above, Ordering::Relaxed);
        };
        if !dw.is_empty() {
            let (a, b) = (Matrix::new(x, k).transposed(), Matrix::new(dz, n));
            let product = Product { level, a, b, extents: [k, rows, n], bias: None };
            product.run(dw, team, &|_, dw| look(dw, GRADIENT_LIMIT as f32));
        }
        if !db.is_empty() {
            column_sums(level, db, dz, rows, &mut self.part);
            look(db, GRADIENT_LIMIT as f32);
        }
        if !dx.is_empty() {
            let (a, b) = (Matrix::new(dz, n), Matrix::new(w, n).transposed());
            let product = Product { level, a, b, extents: [m, n, k], bias: None };
            product.run(dx, team, &|_, dx| look(dx, f32::INFINITY));
        }
        if found.into_inner() {
            args.step.flag(FLAG_NOT_FINITE);
        }
        Ok(())
    }
}
