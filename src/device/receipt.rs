//! Downloads that prove that they ran: a submission without steps ends with the kernel that ends a step, told to count
//! and do nothing else, and its bytes count only if the sequence word that comes with them is the one expected.

use std::sync::{Arc, Mutex};

use crate::device::bind::bind;
use crate::device::lock;
use crate::error::{Error, Result};
use crate::graph::{Builder, Caps, HEADER, Variables, Words, padded};
use crate::ops::{COUNT_ONLY, step_end};
use crate::program::{Memory, Options, plan};
use crate::runtime::{Buffer, BufferCopy, BufferUse, Dispatch, Gpu, ReadBack};

/// Bytes of a window: larger downloads take several.
const WINDOW: u64 = 16 << 20;

/// The means to download with a receipt.
#[derive(Debug)]
pub struct Receipt {
    gpu: Gpu,
    count: Dispatch,
    step: Buffer,
    /// What the sequence word was at the last download.
    sequence: Mutex<u32>,
}

impl Receipt {
    /// Compiles the kernel and gives it words of its own.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        let builder = Builder::new(Arc::new(Variables::default()));
        step_end(&builder, 1)?;
        let program = plan(Arc::new(builder.finish()), &Caps::default(), &Options::default())?;
        let mut launches: Vec<_> = program.launches().cloned().collect();
        for param in launches.iter_mut().flat_map(|launch| &mut launch.params) {
            if param.0 == COUNT_ONLY {
                param.1 = 1;
            }
        }
        let step = gpu.buffer("receipt", 4 * padded(HEADER + 1) as u64, BufferUse::Storage)?;
        let unused: Vec<Buffer> = (0..=program.arenas.len())
            .map(|_| gpu.buffer("receipt", 256, BufferUse::Storage))
            .collect::<Result<_>>()?;
        let dispatches = bind(gpu, &launches.iter().collect::<Vec<_>>(), &["receipt"], |memory| {
            let buffer = match memory {
                Memory::Step => &step,
                Memory::Arena { arena, .. } => &unused[arena],
                Memory::Flag => &unused[program.arenas.len()],
            };
            (buffer.clone(), 0, buffer.bytes())
        })?;
        let none = || Error::Unsupported { what: "receipts".into(), fix: "report this as a bug".into() };
        let count = dispatches.into_iter().next().ok_or_else(none)?;
        Ok(Self { gpu: gpu.clone(), count, step, sequence: Mutex::new(0) })
    }

    /// `len` words of a buffer from byte `offset` on, after all that was submitted.
    pub fn download(&self, buffer: &Buffer, offset: u64, len: usize) -> Result<Vec<u32>> {
        let mut sequence = lock(&self.sequence)?;
        let (mut words, end) = (Vec::with_capacity(len), offset + 4 * len as u64);
        let stage = self.gpu.buffer("download", 16 + WINDOW.min(4 * len as u64), BufferUse::ReadBack)?;
        let mut at = offset;
        while at < end {
            let bytes = WINDOW.min(end - at);
            let copy = |from: &Buffer, from_offset, to_offset, bytes| BufferCopy {
                from: from.clone(),
                from_offset,
                to: stage.clone(),
                to_offset,
                bytes,
            };
            let copies = [copy(&self.step, 0, 0, 16), copy(buffer, at, 16, bytes)];
            let submission = self.gpu.submit(std::slice::from_ref(&self.count), 1, &copies)?;
            let read = ReadBack::start(&self.gpu, &submission, &stage, 0..16 + bytes)?.wait()?;
            let window: Vec<u32> = read.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
            *sequence = sequence.wrapping_add(1);
            let got = Words::from_words(&window).sequence;
            if got != *sequence {
                return Err(self.gpu.lose(format!("a download brought the receipt {got}, not {}", *sequence)));
            }
            words.extend_from_slice(window.get(HEADER..).unwrap_or_default());
            at += bytes;
        }
        Ok(words)
    }
}
