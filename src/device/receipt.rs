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
/// Bytes of a window that is kept for the next download.
const KEPT: u64 = 1 << 20;
/// Bytes of the words in front of a window.
const WORDS: u64 = 4 * HEADER as u64;

/// Words of a buffer that are wanted on the host: the buffer, the byte where they begin, and how many they are.
pub type Part<'a> = (&'a Buffer, u64, usize);

/// The means to download with a receipt.
#[derive(Debug)]
pub struct Receipt {
    gpu: Gpu,
    count: Dispatch,
    step: Buffer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What the sequence word was at the last download.
    sequence: u32,
    /// Where the last download arrived, unless that was large.
    stage: Option<Buffer>,
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
        Ok(Self { gpu: gpu.clone(), count, step, state: Mutex::new(State { sequence: 0, stage: None }) })
    }

    /// `len` words of a buffer from byte `offset` on, after all that was submitted.
    pub fn download(&self, buffer: &Buffer, offset: u64, len: usize) -> Result<Vec<u32>> {
        let mut parts = self.run(&[], &[(buffer, offset, len)])?;
        Ok(parts.pop().unwrap_or_default())
    }

    /// Runs launches after all that was submitted, then brings the parts, in as few submissions as their size allows.
    pub fn run(&self, launches: &[Dispatch], parts: &[Part<'_>]) -> Result<Vec<Vec<u32>>> {
        let mut state = lock(&self.state)?;
        let mut brought: Vec<Vec<u32>> = parts.iter().map(|&(_, _, len)| Vec::with_capacity(len)).collect();
        let mut launches = [launches, std::slice::from_ref(&self.count)].concat();
        for window in windows(parts) {
            let bytes = WORDS + window.iter().map(|piece| piece.bytes).sum::<u64>();
            let stage = self.stage(&mut state, bytes)?;
            let mut copies = vec![copy(&self.step, 0, &stage, 0, WORDS)];
            let mut to = WORDS;
            for piece in &window {
                copies.push(copy(parts[piece.part].0, piece.offset, &stage, to, piece.bytes));
                to += piece.bytes;
            }
            let submission = self.gpu.submit(&launches, 1, &copies)?;
            launches.drain(..launches.len() - 1);
            let read = ReadBack::start(&self.gpu, &submission, &stage, 0..bytes)?.wait()?;
            state.sequence = state.sequence.wrapping_add(1);
            let words: Vec<u32> = read.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
            let got = Words::from_words(&words).sequence;
            if got != state.sequence {
                return Err(self.gpu.lose(format!("a download brought the receipt {got}, not {}", state.sequence)));
            }
            let mut rest = words.get(HEADER..).unwrap_or_default();
            for piece in &window {
                let (of_piece, more) = rest.split_at((piece.bytes / 4) as usize);
                brought[piece.part].extend_from_slice(of_piece);
                rest = more;
            }
        }
        Ok(brought)
    }

    /// A buffer for `bytes`: the kept one where it is large enough.
    fn stage(&self, state: &mut State, bytes: u64) -> Result<Buffer> {
        if let Some(stage) = state.stage.as_ref().filter(|stage| stage.bytes() >= bytes) {
            return Ok(stage.clone());
        }
        let stage = self.gpu.buffer("download", bytes.next_power_of_two(), BufferUse::ReadBack)?;
        if stage.bytes() <= KEPT {
            state.stage = Some(stage.clone());
        }
        Ok(stage)
    }
}

/// Some of a part's words, in one window.
#[derive(Debug, PartialEq)]
struct Piece {
    part: usize,
    offset: u64,
    bytes: u64,
}

/// The parts in order, cut where a window is full. There is always a window.
fn windows(parts: &[Part<'_>]) -> Vec<Vec<Piece>> {
    let mut windows = vec![vec![]];
    let mut room = WINDOW;
    for (part, &(_, offset, len)) in parts.iter().enumerate() {
        let (mut offset, end) = (offset, offset + 4 * len as u64);
        while offset < end {
            if room == 0 {
                windows.push(vec![]);
                room = WINDOW;
            }
            let bytes = room.min(end - offset);
            if let Some(window) = windows.last_mut() {
                window.push(Piece { part, offset, bytes });
            }
            (offset, room) = (offset + bytes, room - bytes);
        }
    }
    windows
}

fn copy(from: &Buffer, from_offset: u64, to: &Buffer, to_offset: u64, bytes: u64) -> BufferCopy {
    BufferCopy { from: from.clone(), from_offset, to: to.clone(), to_offset, bytes }
}
