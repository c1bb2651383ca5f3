//! Elementwise ops on the CPU in one pass: all members go over a block that stays in the cache, then over the next.

use std::sync::Arc;

use crate::error::Result;
use crate::graph::{Args, Buffer, CpuKernel, CpuVariant, Op, Site, Team, call};
use crate::ops::chain::{Chain, Member};
use crate::shape::{Shape, Type, Walk};
use crate::simd::Level;

/// Elements of a block: those of some registers fit the first cache.
const BLOCK: usize = 1024;

/// A chain that goes over blocks.
#[derive(Debug)]
struct Blocks {
    inputs: Vec<Reader>,
    members: Vec<Part>,
    /// The inputs of a block, then what each member gives.
    registers: Vec<Buffer<f32>>,
    outputs: Vec<usize>,
    taken: Vec<Buffer<f32>>,
}

/// A member at its place.
#[derive(Debug)]
struct Part {
    op: Arc<dyn Op>,
    /// `None` for the op's own plain one.
    kernel: Option<Box<dyn CpuKernel>>,
    /// Those of the operands, in a whole block and in the last one.
    types: [Vec<Type>; 2],
    operands: Vec<usize>,
    outputs: Vec<Option<usize>>,
}

/// How an input is read: along the axes of the chain's shape, with a stride for each.
#[derive(Debug)]
struct Reader(Vec<(usize, usize)>);

impl Reader {
    fn new(shape: &Shape, input: &Shape) -> Self {
        let walk = Walk::stretched(shape, [input]);
        Self(walk.axes.into_iter().map(|(extent, [stride])| (extent, stride)).collect())
    }

    /// The elements from `from` on.
    fn fill(&self, x: &[f32], from: usize, block: &mut [f32]) {
        let Some((&(extent, stride), outer)) = self.0.split_last() else { return block.fill(x[0]) };
        let mut at = 0;
        while at < block.len() {
            let (mut row, inner) = ((from + at) / extent, (from + at) % extent);
            let run = (extent - inner).min(block.len() - at);
            let mut base = inner * stride;
            for &(extent, stride) in outer.iter().rev() {
                base += row % extent * stride;
                row /= extent;
            }
            let block = &mut block[at..at + run];
            match stride {
                0 => block.fill(x[base]),
                1 => block.copy_from_slice(&x[base..base + run]),
                _ => block.iter_mut().zip(x[base..].iter().step_by(stride)).for_each(|(to, &from)| *to = from),
            }
            at += run;
        }
    }
}

impl CpuKernel for Blocks {
    fn run(&mut self, args: Args<'_, f32>, team: &mut dyn Team) -> Result<()> {
        let len = args.outputs.iter().map(|output| output.float().len()).max().unwrap_or(0);
        for from in (0..len).step_by(BLOCK) {
            let count = BLOCK.min(len - from);
            self.registers.iter_mut().for_each(|register| register.resize(count));
            for (i, (reader, register)) in self.inputs.iter().zip(&mut self.registers).enumerate() {
                reader.fill(args.inputs.float(i), from, register.float_mut());
            }
            for Part { op, kernel, types, operands, outputs } in &mut self.members {
                let run = |args: Args<'_, f32>| match kernel {
                    Some(kernel) => kernel.run(args, team),
                    None => op.cpu_f32(args),
                };
                let types = &types[usize::from(count < BLOCK)];
                call(run, types, &mut self.registers, (operands, outputs), &mut self.taken, args.step)?;
            }
            for (output, &at) in args.outputs.iter_mut().zip(&self.outputs) {
                // One that nothing reads is empty.
                let to = output.float_mut().iter_mut().skip(from);
                to.zip(self.registers[at].float()).for_each(|(to, &value)| *to = value);
            }
        }
        Ok(())
    }
}

/// The kernels of a chain, one for each level of the CPU.
pub(super) fn variants(chain: &Chain, site: &Site<'_>) -> Vec<CpuVariant> {
    let inputs: Vec<&Type> = site.inputs.iter().collect();
    let Some(shape) = site.outputs.first().map(|ty| &ty.shape) else { return vec![] };
    let of = |level: Level| {
        let mut count = inputs.len();
        let parts = chain.members.iter().map(|member| part(member, &mut count, site, level)).collect::<Result<_>>();
        let blocks = parts.map(|members| Blocks {
            inputs: inputs.iter().map(|ty| Reader::new(shape, &ty.shape)).collect(),
            members,
            registers: (0..count).map(|_| Buffer::zeros(&block())).collect(),
            outputs: chain.outputs.clone(),
            taken: Vec::with_capacity(2),
        });
        blocks.ok().map(|kernel| CpuVariant { name: level.name(), kernel: Box::new(kernel) })
    };
    Level::all().filter_map(of).collect()
}

/// The type of a register.
fn block() -> Type {
    Type::f32([BLOCK])
}

/// A member whose outputs are the registers from `count` on.
fn part(Member { op, operands }: &Member, count: &mut usize, site: &Site<'_>, level: Level) -> Result<Part> {
    let last = site.outputs.first().map_or(0, |ty| ty.shape.len() % BLOCK);
    let types = vec![block(); operands.len()];
    let given = op.infer(&types.iter().collect::<Vec<_>>())?.len();
    let outputs = vec![block(); given];
    let site = Site { inputs: &types, outputs: &outputs, used: &vec![true; given], caps: site.caps };
    let kernel = op.cpu_variants(&site).into_iter().find(|variant| variant.name == level.name());
    let outputs = (*count..*count + given).map(Some).collect();
    *count += given;
    let types = [types, vec![Type::f32([last]); operands.len()]];
    Ok(Part { op: Arc::clone(op), kernel: kernel.map(|v| v.kernel), types, operands: operands.clone(), outputs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_the_walk_gives() {
        for (shape, input) in [
            (&[9, 5][..], &[5][..]),
            (&[9, 5], &[9, 1]),
            (&[9, 5], &[9, 5]),
            (&[9, 5], &[]),
            (&[4, 5, 3], &[4, 1, 3]),
            (&[4, 5, 3], &[5, 1]),
        ] {
            let (shape, input) = (Shape::from(shape.to_vec()), Shape::from(input.to_vec()));
            let x: Vec<f32> = (0..input.len()).map(|i| i as f32).collect();
            let want: Vec<f32> = Walk::stretched(&shape, [&input]).offsets().map(|[at]| x[at]).collect();
            let reader = Reader::new(&shape, &input);
            for size in [1, 4, 7, 100] {
                let mut got = vec![];
                for from in (0..want.len()).step_by(size) {
                    let mut block = vec![f32::NAN; size.min(want.len() - from)];
                    reader.fill(&x, from, &mut block);
                    got.extend(block);
                }
                assert_eq!(got, want, "{shape} of {input}, blocks of {size}");
            }
        }
    }
}
