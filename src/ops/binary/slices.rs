//! Functions of two arguments over slices in f32: each compiled for many numbers at once.

use std::marker::PhantomData;

use crate::error::Result;
use crate::graph::{Args, CpuKernel, CpuVariant, Team};
use crate::ops::binary::BinaryDef;
use crate::simd::{Fast, Lanes, Level, Work};

/// `c = f(a, b)`, or `(da, db) = df(dy, a, b)`; all of one shape.
#[derive(Debug)]
struct Kernel<B> {
    level: Level,
    backward: bool,
    of: PhantomData<B>,
}

struct Apply<'a, B> {
    c: &'a mut [f32],
    operands: [&'a [f32]; 2],
    of: PhantomData<B>,
}

impl<B: BinaryDef> Work for Apply<'_, B> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let [a, b] = self.operands;
        for (c, (&a, &b)) in self.c.iter_mut().zip(a.iter().zip(b)) {
            *c = B::f(Fast::<V>::new(a), Fast::<V>::new(b)).0;
        }
    }
}

struct Differentiate<'a, B> {
    gradients: [&'a mut [f32]; 2],
    operands: [&'a [f32]; 3],
    of: PhantomData<B>,
}

impl<B: BinaryDef> Work for Differentiate<'_, B> {
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let [dy, a, b] = self.operands;
        for (place, gradients) in self.gradients.into_iter().enumerate() {
            // One that nothing reads is empty.
            for (d, (&dy, (&a, &b))) in gradients.iter_mut().zip(dy.iter().zip(a.iter().zip(b))) {
                *d = B::df(Fast::<V>::new(dy), Fast::<V>::new(a), Fast::<V>::new(b))[place].0;
            }
        }
    }
}

impl<B: BinaryDef> CpuKernel for Kernel<B> {
    fn run(&mut self, args: Args<'_, f32>, _: &mut dyn Team) -> Result<()> {
        let x = |i: usize| args.inputs.float(i);
        match args.outputs {
            [c] if !self.backward => {
                self.level.run(Apply::<B> { c: c.float_mut(), operands: [x(0), x(1)], of: PhantomData });
            }
            [da, db] => {
                let gradients = [da.float_mut(), db.float_mut()];
                self.level.run(Differentiate::<B> { gradients, operands: [x(0), x(1), x(2)], of: PhantomData });
            }
            _ => {}
        }
        Ok(())
    }
}

/// The kernels of a function, or of its derivatives, one for each level of the CPU.
pub(super) fn kernels<B: BinaryDef>(backward: bool) -> Vec<CpuVariant> {
    let of = |level: Level| CpuVariant {
        name: level.name(),
        kernel: Box::new(Kernel::<B> { level, backward, of: PhantomData }),
    };
    Level::all().map(of).collect()
}
