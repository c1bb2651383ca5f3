//! Rows over slices in f32: each function compiled for many numbers at once.

use std::hint::black_box;
use std::marker::PhantomData;

use crate::error::Result;
use crate::graph::{Args, CpuKernel, CpuVariant, Team};
use crate::ops::unary::{Function, Params, UnaryDef};
use crate::simd::{Fast, Lanes, Level, Shared, Work, spread};

/// A row's function and its derivative over slices.
#[derive(Debug)]
pub(super) struct Slices {
    /// `y = f(y)`.
    pub f: fn(Level, &mut [f32], &Params<f32>),
    /// `d = d f'(seen)`.
    pub df: fn(Level, &mut [f32], &[f32], &Params<f32>),
}

impl Slices {
    /// Of a row.
    pub const fn of<U: UnaryDef>() -> Self {
        Self {
            f: |level, y, p| level.run(Apply::<U> { y, p, of: PhantomData }),
            df: |level, d, seen, p| level.run(Differentiate::<U> { d, seen, p, of: PhantomData }),
        }
    }
}

struct Apply<'a, U> {
    y: &'a mut [f32],
    p: &'a Params<f32>,
    of: PhantomData<U>,
}

impl<U: UnaryDef> Work for Apply<'_, U> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let p = self.p.map(Fast::<V>::new);
        let f = |x: f32| U::f(Fast::<V>::new(x), &p).0;
        let (blocks, rest) = self.y.as_chunks_mut::<BLOCK>();
        for block in blocks {
            // Through other memory: where f gives its argument, a compiler would make masked stores of this, which are slow.
            let mut y = [0.0; BLOCK];
            y.iter_mut().zip(&*block).for_each(|(y, &x)| *y = f(x));
            *block = *black_box(&mut y);
        }
        rest.iter_mut().for_each(|y| *y = f(*y));
    }
}

struct Differentiate<'a, U> {
    d: &'a mut [f32],
    seen: &'a [f32],
    p: &'a Params<f32>,
    of: PhantomData<U>,
}

impl<U: UnaryDef> Work for Differentiate<'_, U> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let p = self.p.map(Fast::<V>::new);
        for (d, &seen) in self.d.iter_mut().zip(self.seen) {
            let seen = Fast::<V>::new(seen);
            *d *= U::df(seen, seen, &p).0;
        }
    }
}

impl Function {
    /// `y = f(y)` of each element.
    pub(in crate::ops) fn apply(&self, level: Level, y: &mut [f32]) {
        (self.row.slices.f)(level, y, &self.params.map(|p| p as f32));
    }

    /// `d = d f'(seen)` of each element.
    pub(in crate::ops) fn differentiate(&self, level: Level, d: &mut [f32], seen: &[f32]) {
        (self.row.slices.df)(level, d, seen, &self.params.map(|p| p as f32));
    }
}

/// Elements that a function is applied to at once.
const BLOCK: usize = 64;

/// Elements that a member of a team takes at once: they stay in the first cache, and a copy of them is below the size from
/// which on the C library copies by an instruction that is slow on some CPUs.
pub(in crate::ops) const PIECE: usize = 768;

/// `y = f(x)`, or `y = x f'(seen)`.
#[derive(Debug)]
struct Elementwise {
    level: Level,
    function: Function,
    backward: bool,
}

impl CpuKernel for Elementwise {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        let Some(y) = args.outputs.first_mut() else { return Ok(()) };
        each(y.float_mut(), team, &|at, y| {
            let range = at..at + y.len();
            y.copy_from_slice(&args.inputs.float(0)[range.clone()]);
            match self.backward {
                false => self.function.apply(self.level, y),
                true => self.function.differentiate(self.level, y, &args.inputs.float(1)[range]),
            }
        });
        Ok(())
    }
}

/// Calls `work` for pieces of a slice, with where each begins.
pub(in crate::ops) fn each(y: &mut [f32], team: &mut dyn Team, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
    let (len, y) = (y.len(), Shared::new(y));
    spread(len, team, &|range| {
        for at in range.clone().step_by(PIECE) {
            // SAFETY: the ranges, and the pieces of each, do not overlap.
            work(at, unsafe { y.part(at..range.end.min(at + PIECE)) });
        }
    });
}

/// The kernels of `y = f(x)`, or of `y = x f'(seen)`.
pub(super) fn variants(function: Function, backward: bool) -> Vec<CpuVariant> {
    let kernel = |level| Box::new(Elementwise { level, function, backward });
    Level::all().map(|level| CpuVariant { name: level.name(), kernel: kernel(level) }).collect()
}
