//! A GPU: a program as pipelines and bind groups made once, and submissions of many steps, each with a receipt.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::device::bind::bind;
use crate::device::gpu_storage::GpuStorage;
use crate::device::receipt::{Part, Receipt};
use crate::device::{Executable, Image, Row, Status, Upload};
use crate::error::{Error, Result};
use crate::graph::{Buffer as Host, HEADER, StepState, StepTable, Value, Words, padded};
use crate::program::{Memory, Program};
use crate::runtime::clock::Clock;
use crate::runtime::{Buffer, BufferCopy, BufferUse, DeviceSlice, Dispatch, Gpu, PATIENCE, ReadBack};
use crate::shape::Dtype;

/// Submissions in flight at most.
const RING: usize = 3;
/// Steps of a submission at most; more gained nothing where it was measured.
const MOST_STEPS: u32 = 64;
/// Device work that a submission stays below; where it is less than half of it, the next one grows.
const SUBMISSION: Duration = Duration::from_millis(100);
/// Bytes of a word.
pub(super) const WORD: u64 = 4;
/// Words of a window of an upload: less than what the runtime sends off by itself.
const WINDOW: usize = 8 << 20;

/// A submission that has not been looked at.
#[derive(Debug)]
struct Pending {
    bytes: ReadBack,
    first: u32,
    count: u32,
    sequence: u32,
}

/// A program on a GPU.
#[derive(Debug)]
pub struct GpuExecutable {
    gpu: Gpu,
    program: Program,
    arenas: Vec<Buffer>,
    step: Buffer,
    flag: Buffer,
    dispatches: Vec<Dispatch>,
    /// The launches of each node, as a range of the dispatches.
    nodes: Vec<std::ops::Range<usize>>,
    ring: Vec<Buffer>,
    receipt: Arc<Receipt>,
    pending: VecDeque<Pending>,
    turn: usize,
    /// What the sequence word will be once all that was submitted has run.
    sequence: u32,
    /// Steps of the table, and those that were sent off.
    steps: (u32, u32),
    words: Words,
    per_submission: u32,
    /// How long a submission may take, and how long to wait for one.
    paced: (Duration, Duration),
    clock: Clock,
}

impl GpuExecutable {
    /// Takes the memory, compiles and binds: nothing of that happens again. Other programs of the model use the memory within
    /// a step as well where `share` says so.
    pub fn new(gpu: &Gpu, program: Program, storage: &GpuStorage, share: bool) -> Result<Self> {
        let arenas = storage.arenas(&program, share)?;
        let words = HEADER + program.graph.steps().max(1) * program.graph.step_width();
        let step = gpu.buffer("step", WORD * words as u64, BufferUse::Storage)?;
        let flag = gpu.buffer("flag", WORD * padded(1) as u64, BufferUse::Storage)?;
        let launches: Vec<_> = program.launches().collect();
        let labels: Vec<&str> = program
            .steps
            .iter()
            .flat_map(|s| std::iter::repeat_n(program.graph.nodes[s.node].op.name(), s.launches.len()))
            .collect();
        let dispatches = bind(gpu, &launches, &labels, |memory| match memory {
            Memory::Arena { arena, offset, words } => {
                (arenas[arena].clone(), WORD * offset as u64, WORD * words as u64)
            }
            Memory::Step => (step.clone(), 0, step.bytes()),
            Memory::Flag => (flag.clone(), 0, flag.bytes()),
        })?;
        let mut nodes = vec![];
        for step in &program.steps {
            let begin = nodes.last().map_or(0, |r: &std::ops::Range<usize>| r.end);
            nodes.push(begin..begin + step.launches.len());
        }
        let row: usize = program.graph.results.map_or(0, |r| r.iter().map(|&v| width(&program, v)).sum());
        let bytes = WORD * (HEADER + row * MOST_STEPS as usize) as u64;
        let ring = (0..RING).map(|_| gpu.buffer("results", bytes, BufferUse::ReadBack)).collect::<Result<_>>()?;
        Ok(Self {
            gpu: gpu.clone(),
            arenas,
            step,
            flag,
            dispatches,
            nodes,
            ring,
            receipt: Arc::clone(&storage.receipt),
            pending: VecDeque::new(),
            turn: 0,
            sequence: 1,
            steps: (0, 0),
            words: Words::default(),
            per_submission: 1,
            paced: (SUBMISSION, Duration::MAX),
            clock: Clock::start(),
            program,
        })
    }

    fn buffer(&self, value: Value) -> Option<(&Buffer, u64, usize)> {
        let slot = self.program.slot(value)?;
        Some((&self.arenas[slot.arena], WORD * slot.offset as u64, slot.len))
    }

    /// Uploads with a receipt after every window, so that none is lost before the first step brings one.
    fn upload_words(&self, buffer: &Buffer, offset: u64, words: &[u32]) -> Result<()> {
        for (i, window) in words.chunks(WINDOW).enumerate() {
            let at = offset + WORD * (i * WINDOW) as u64;
            self.gpu.upload(buffer, at, bytemuck::cast_slice(window))?;
            if window.len() == WINDOW {
                self.receipt.download(buffer, at, 1)?;
            }
        }
        Ok(())
    }

    /// The step protocol's memory.
    fn step_parts(&self) -> [Part<'_>; 2] {
        [(&self.step, 0, (self.step.bytes() / WORD) as usize), (&self.flag, 0, 1)]
    }

    /// What the words of [`step_parts`](Self::step_parts) say.
    fn step_of(&self, words: &[Vec<u32>]) -> StepState<f64> {
        let flag = words.get(1).and_then(|flag| flag.first()).copied().unwrap_or(0);
        StepState::from_words(words.first().map_or(&[], Vec::as_slice), self.program.graph.step_width(), flag)
    }

    /// The copies at the end of a submission: words, then the rows of its steps.
    fn copies(&self, first: u32, count: u32) -> Vec<BufferCopy> {
        let to = &self.ring[self.turn];
        let words = WORD * HEADER as u64;
        let mut copies = vec![copy(&self.step, 0, to, 0, words)];
        let mut at = words;
        for value in self.program.graph.results.iter().flatten() {
            let width = WORD * width(&self.program, *value) as u64;
            let bytes = width * u64::from(count);
            if let (Some((from, offset, _)), true) = (self.buffer(*value), bytes > 0) {
                copies.push(copy(from, offset + width * u64::from(first), to, at, bytes));
                at += bytes;
            }
        }
        copies
    }

    /// What a submission brought, if its receipt is right.
    fn take(&mut self, pending: (u32, u32, u32), bytes: &[u8]) -> Result<Vec<Row>> {
        let (first, count, sequence) = pending;
        let words: Vec<u32> = bytes.chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
        self.words = Words::from_words(&words);
        if self.words.sequence != sequence {
            let got = self.words.sequence;
            return Err(self.gpu.lose(format!("a submission brought the receipt {got}, not {sequence}")));
        }
        let done = (self.words.step.saturating_sub(first)).min(count) as usize;
        let widths = self.program.graph.results.map_or([0, 0], |r| r.map(|v| width(&self.program, v)));
        let counts = HEADER + widths[0] * count as usize;
        let row = |i: usize| Row {
            sums: words[HEADER + i * widths[0]..][..widths[0]].iter().map(|&w| f32::from_bits(w).into()).collect(),
            counts: words[counts + i * widths[1]..][..widths[1]].to_vec(),
        };
        Ok((0..done).map(row).collect())
    }

    /// Fits the number of steps of a submission to the time that the last one took: at most the time since it was sent
    /// off or the one before it was taken. A program that looks seldom sees too long a time, and shrinks nothing.
    fn pace(&mut self, count: u32, waited: bool) {
        let took = self.clock.elapsed();
        self.clock = Clock::start();
        if took > self.paced.0 && waited {
            self.per_submission = (count / 2).max(1);
        } else if took < self.paced.0 / 2 && count == self.per_submission {
            self.per_submission = (count * 2).min(MOST_STEPS);
        }
    }

    /// The oldest submission, if it has finished or `wait` says to wait for it.
    fn oldest(&mut self, wait: bool) -> Result<Option<Vec<Row>>> {
        let Some(mut front) = self.pending.pop_front() else { return Ok(None) };
        let what = (front.first, front.count, front.sequence);
        let taken = match front.bytes.try_take()? {
            Some(bytes) => Some((bytes, false)),
            None if wait => front.bytes.wait_for(self.paced.1)?.map(|bytes| (bytes, true)),
            None => None,
        };
        let Some((bytes, waited)) = taken else {
            if self.clock.elapsed() > self.paced.0 {
                self.per_submission = self.per_submission.min((front.count / 2).max(1)); // it takes too long already
            }
            self.pending.push_front(front);
            return match self.clock.elapsed() {
                late if late >= PATIENCE => Err(self.gpu.lose(format!("it did not answer for {} s", late.as_secs()))),
                _ => Ok(None),
            };
        };
        let rows = self.take(what, &bytes)?;
        self.pace(what.1, waited);
        Ok(Some(rows))
    }
}

fn copy(from: &Buffer, from_offset: u64, to: &Buffer, to_offset: u64, bytes: u64) -> BufferCopy {
    BufferCopy { from: from.clone(), from_offset, to: to.clone(), to_offset, bytes }
}

/// The columns of a table of results.
fn width(program: &Program, value: Value) -> usize {
    program.graph.ty(value).shape.without_batch().len()
}

impl Executable for GpuExecutable {
    fn upload(&mut self, value: Value, data: Upload<'_>) -> Result<()> {
        data.check(self.program.graph.ty(value))?;
        let Some((buffer, offset, _)) = self.buffer(value) else { return Ok(()) };
        match data {
            Upload::Tensor(tensor) => self.upload_words(buffer, offset, bytemuck::cast_slice(&tensor.to_f32())),
            Upload::Index(index) => self.upload_words(buffer, offset, index),
        }
    }

    fn begin(&mut self, table: &StepTable) -> Result<()> {
        table.check(&self.program.graph)?;
        while !self.pending.is_empty() {
            self.oldest(true)?;
        }
        let words = Words { step: table.first, sequence: self.sequence, ..Words::default() };
        let table_words = table.to_words(self.program.graph.step_width());
        let step = [&words.to_words()[..], &table_words].concat();
        self.gpu.upload(&self.step, 0, bytemuck::cast_slice(&step))?;
        self.gpu.upload(&self.flag, 0, bytemuck::cast_slice(&[0u32]))?;
        (self.words, self.steps) = (words, (table.len() as u32, table.first));
        Ok(())
    }

    fn pace(&mut self, submission: Duration, wait: Duration) {
        let submission = submission.min(SUBMISSION);
        if submission < self.paced.0 {
            // Those that were good so far are too long now, by as much as it is less.
            let share = submission.as_secs_f64() / self.paced.0.as_secs_f64();
            self.per_submission = ((f64::from(self.per_submission) * share) as u32).max(1);
        }
        self.paced = (submission, wait);
    }

    fn warm(&mut self) -> Result<()> {
        // Halted: nothing is written that lasts but the sequence word.
        let words = Words { halt: 1, sequence: self.sequence, ..Words::default() };
        self.gpu.upload(&self.step, 0, bytemuck::cast_slice(&words.to_words()))?;
        self.steps = (1, 0);
        self.submit(1)?;
        while !self.pending.is_empty() {
            self.oldest(true)?;
        }
        Ok(())
    }

    fn submit(&mut self, most: u32) -> Result<u32> {
        let (all, first) = self.steps;
        let count = most.min(self.per_submission).min(all - first);
        if count == 0 || self.pending.len() >= RING {
            return Ok(0);
        }
        if self.pending.is_empty() {
            self.clock = Clock::start();
        }
        let copies = self.copies(first, count);
        let submission = self.gpu.submit(&self.dispatches, count, &copies)?;
        self.sequence = self.sequence.wrapping_add(count);
        let bytes: u64 = copies.iter().map(|c| c.bytes).sum();
        let bytes = ReadBack::start(&self.gpu, &submission, &self.ring[self.turn], 0..bytes)?;
        self.pending.push_back(Pending { bytes, first, count, sequence: self.sequence });
        self.turn = (self.turn + 1) % RING;
        self.steps.1 += count;
        Ok(count)
    }

    fn poll(&mut self, wait: bool) -> Result<Status> {
        let mut rows = vec![];
        let mut wait = wait;
        while let Some(more) = self.oldest(wait)? {
            rows.extend(more);
            wait = false;
        }
        Ok(Status { words: self.words, rows, in_flight: self.pending.len() })
    }

    fn download(&mut self, value: Value) -> Result<Host<f64>> {
        let missing = || Error::argument("value", "one that the program keeps", value.0);
        let (buffer, offset, len) = self.buffer(value).ok_or_else(missing)?;
        let words = self.receipt.download(buffer, offset, len)?;
        Ok(match self.program.graph.ty(value).dtype {
            Dtype::F32 => Host::Float(words.into_iter().map(|w| f32::from_bits(w).into()).collect()),
            Dtype::U32 => Host::Index(words),
        })
    }

    fn slice(&self, value: Value) -> Option<DeviceSlice> {
        let (buffer, offset, len) = self.buffer(value)?;
        Some(DeviceSlice::new(buffer.clone(), offset..offset + WORD * len as u64))
    }

    fn run_node(&mut self, node: usize) -> Result<()> {
        let launches = self.nodes.get(node).cloned().unwrap_or_default();
        self.receipt.run(&self.dispatches[launches], &[]).map(drop)
    }

    fn step(&mut self) -> Result<StepState<f64>> {
        let words = self.receipt.run(&[], &self.step_parts())?;
        Ok(self.step_of(&words))
    }

    fn flag(&mut self) -> Result<u32> {
        Ok(self.receipt.run(&[], &[(&self.flag, 0, 1)])?.concat().first().copied().unwrap_or(0))
    }

    fn program(&self) -> Option<&Program> {
        Some(&self.program)
    }

    fn run_on(&mut self, node: usize, arenas: &[Vec<u32>], table: &StepTable) -> Result<Option<Image>> {
        for (buffer, words) in self.arenas.iter().zip(arenas) {
            self.upload_words(buffer, 0, words)?;
        }
        self.begin(table)?;
        let launches = self.nodes.get(node).cloned().unwrap_or_default();
        let memory = self.arenas.iter().zip(&self.program.arenas);
        let memory = memory.map(|(buffer, arena)| (buffer, 0, arena.words));
        let parts: Vec<Part<'_>> = self.step_parts().into_iter().chain(memory).collect();
        let mut brought = self.receipt.run(&self.dispatches[launches], &parts)?;
        let arenas = brought.split_off(2);
        Ok(Some(Image { arenas, step: self.step_of(&brought) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, Caps, Variables};
    use crate::ops::step_end;
    use crate::program::{Options, plan};
    use crate::runtime::tests::each_gpu;

    fn executable(gpu: &Gpu, steps: usize) -> GpuExecutable {
        let variables = Arc::new(Variables::default());
        let builder = Builder::new(Arc::clone(&variables));
        step_end(&builder, steps).unwrap();
        let program = plan(Arc::new(builder.finish()), &Caps::default(), &Options::default()).unwrap();
        GpuExecutable::new(gpu, program, &GpuStorage::new(gpu, &variables, 0).unwrap(), true).unwrap()
    }

    fn table(steps: usize) -> StepTable {
        StepTable { rows: vec![1; steps], columns: vec![vec![]; steps], first: 0 }
    }

    #[test]
    fn a_wrong_receipt_is_a_lost_device() {
        each_gpu(|gpu| {
            let mut run = executable(gpu, 4);
            run.begin(&table(4)).unwrap();
            assert_eq!(run.submit(1).unwrap(), 1);
            assert_eq!(run.poll(true).unwrap().words.step, 1);
            run.sequence += 1; // as if a submission had not run
            run.submit(1).unwrap();
            assert!(matches!(run.poll(true), Err(Error::DeviceLost { .. })));
        });
    }

    #[test]
    fn a_table_that_does_not_fit_is_refused() {
        each_gpu(|gpu| {
            let mut run = executable(gpu, 4);
            assert!(run.begin(&table(4)).is_ok());
            assert!(matches!(run.begin(&table(5)), Err(Error::Argument { .. })));
            let wide = StepTable { rows: vec![1], columns: vec![vec![0.5]], first: 0 };
            assert!(matches!(run.begin(&wide), Err(Error::Argument { .. })));
        });
    }
}
