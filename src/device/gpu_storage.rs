//! The memory of a model on a GPU: its variables, and what its programs keep within a step.

use std::sync::{Arc, Mutex};

use crate::device::gpu::WORD;
use crate::device::lock;
use crate::device::receipt::Receipt;
use crate::error::{Error, Result};
use crate::graph::{Role, Variables, padded};
use crate::program::Program;
use crate::runtime::{Buffer, BufferUse, Gpu, WeakBuffer};

/// The variables of a model on a GPU, an arena per kind, shared by its programs.
#[derive(Clone, Debug)]
pub struct GpuStorage {
    gpu: Gpu,
    arenas: Arc<[Buffer]>,
    slots: Arc<[(usize, usize, usize)]>,
    /// What the programs of the model keep within a step, as long as one of them is there: no two run at a time.
    within_a_step: Arc<Mutex<Vec<WeakBuffer>>>,
    pub(super) receipt: Arc<Receipt>,
}

impl GpuStorage {
    /// Takes the memory, zeros.
    pub fn new(gpu: &Gpu, variables: &Variables, guard: usize) -> Result<Self> {
        let (offsets, ends) = variables.layout(guard);
        let names = ["parameters", "moments", "state"];
        let arenas = names
            .iter()
            .zip(ends)
            .map(|(name, words)| gpu.buffer(name, WORD * padded(words) as u64, BufferUse::Storage));
        let slots = variables.iter().zip(offsets).map(|(v, offset)| (v.kind as usize, offset, v.ty.len()));
        Ok(Self {
            gpu: gpu.clone(),
            arenas: arenas.collect::<Result<_>>()?,
            slots: slots.collect(),
            within_a_step: Arc::default(),
            receipt: Arc::new(Receipt::new(gpu)?),
        })
    }

    /// The memory of a program: that of the variables, then its own, of which what is kept within a step is shared with the
    /// model's other programs where `share` says so.
    pub(super) fn arenas(&self, program: &Program, share: bool) -> Result<Vec<Buffer>> {
        let mut arenas = self.arenas.to_vec();
        let mut pool = lock(&self.within_a_step)?;
        let mut next = 0;
        for (index, arena) in program.arenas.iter().enumerate().skip(arenas.len()) {
            let bytes = WORD * padded(arena.words) as u64;
            let new = || self.gpu.buffer(&format!("{:?} {index}", arena.role), bytes, BufferUse::Storage);
            if !(share && arena.role == Role::Activation) {
                arenas.push(new()?);
                continue;
            }
            let shared = pool.get(next).and_then(WeakBuffer::buffer).filter(|buffer| buffer.bytes() >= bytes);
            let buffer = shared.map_or_else(new, Ok)?;
            match pool.get_mut(next) {
                Some(place) => *place = buffer.weak(), // a program that has a smaller one keeps that
                None => pool.push(buffer.weak()),
            }
            arenas.push(buffer);
            next += 1;
        }
        Ok(arenas)
    }

    fn slot(&self, index: usize) -> Result<(&Buffer, u64, usize)> {
        let unknown = || Error::argument("a variable's index", "one of the model", index);
        let &(arena, offset, len) = self.slots.get(index).ok_or_else(unknown)?;
        Ok((&self.arenas[arena], WORD * offset as u64, len))
    }

    /// Sets a variable.
    pub fn write(&self, index: usize, data: &[f32]) -> Result<()> {
        let (buffer, offset, len) = self.slot(index)?;
        if len != data.len() {
            return Err(Error::shape("variable", format!("{len} elements"), data.len()));
        }
        self.gpu.upload(buffer, offset, bytemuck::cast_slice(data))
    }

    /// Reads a variable.
    pub fn read(&self, index: usize) -> Result<Vec<f32>> {
        let (buffer, offset, len) = self.slot(index)?;
        let words = self.receipt.download(buffer, offset, len)?;
        Ok(words.into_iter().map(f32::from_bits).collect())
    }
}
