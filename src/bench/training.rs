//! Steps of training: blocks of whole passes over the batches.

use std::time::Instant;

use crate::bench::data::Data;
use crate::bench::measured::blocks;
use crate::bench::models::{BUDGET, small};
use crate::bench::{BLOCK_SECONDS, BLOCKS, Bench, MOST_SECONDS, Measured, Outcome, Statistics, Training};
use crate::error::Result;
use crate::model::Model;
use crate::train::{Fit, Progress, Run};

/// Seconds after which a block ends in the middle of a pass: on a device so slow, single steps tell enough.
const LONGEST_BLOCK: f64 = 4.0 * BLOCK_SECONDS;

/// What was timed.
struct Timed {
    losses: [f64; 2],
    /// Of a step, in each block.
    seconds: Vec<f64>,
    /// Of a step; 0 on a CPU.
    launches: f64,
}

/// Units of work a second.
pub fn rate(bench: &Bench<'_>, training: &Training) -> Result<Outcome> {
    timed(bench, training, |timed| {
        let units = training.units_per_step;
        let rates: Vec<f64> = timed.seconds.iter().map(|seconds| units / seconds).collect();
        let measured = Measured::new(training.name, bench.device, training.unit, Statistics::of(&rates, true));
        let [first, last] = timed.losses;
        measured
            .limit(units / bench.peaks.seconds(training.work(timed.launches)), true)
            .losses(first, Some((training.warm_steps, last)))
    })
}

/// Microseconds of a step of the first model.
pub fn microseconds(bench: &Bench<'_>, name: &'static str) -> Result<Outcome> {
    let training = small();
    timed(bench, &training, |timed| {
        let times: Vec<f64> = timed.seconds.iter().map(|seconds| 1e6 * seconds).collect();
        let measured = Measured::new(name, bench.device, "us/step", Statistics::of(&times, false));
        measured.limit(1e6 * bench.peaks.seconds(training.work(timed.launches)), false)
    })
}

/// Launches of a step of the first model, as the recorder counts them.
pub fn launches(bench: &Bench<'_>, name: &'static str) -> Result<Outcome> {
    let (training, device) = (small(), bench.device);
    let (mut model, data) = (training.model(device, ["mse"; 0])?, training.data()?);
    let (x, y) = data.batches(0..1, training.batch)?;
    let mut run = model.run(&x, &y, Fit::epochs(1).batch_size(training.batch))?;
    while !run.advance(BUDGET)?.done {}
    Ok(match run.dispatches_per_step() {
        Some(launches) => {
            let of = Statistics::of(&[launches as f64], false);
            Outcome::Measured(Measured::new(name, device, "launches/step", of))
        }
        None => Outcome::LeftOut("a CPU launches nothing".into()),
    })
}

/// Bytes that the launches of a step of the first model bind; at least each tensor is read once and written once.
pub fn bytes(bench: &Bench<'_>, name: &'static str) -> Result<Outcome> {
    let (training, device) = (small(), bench.device);
    let program = training.model(device, ["mse"; 0])?.explain(training.batch)?;
    let bytes: u64 = program.launches().map(|launch| launch.bytes()).sum();
    let measured = Measured::new(name, device, "bytes/step", Statistics::of(&[bytes as f64], false));
    Ok(Outcome::Measured(measured.limit(training.work(0.0).bytes, false)))
}

/// Warms up, and times blocks, unless that would take too long.
fn timed(bench: &Bench<'_>, training: &Training, show: impl FnOnce(Timed) -> Measured) -> Result<Outcome> {
    let (mut model, data) = (training.model(bench.device, ["mse"; 0])?, training.data()?);
    let (first, _) = training.train(&mut model, &data, 0..1)?;
    let (_, seconds) = training.train(&mut model, &data, 1..2)?;
    if seconds * (training.warm_steps + BLOCKS) as f64 > MOST_SECONDS {
        return Ok(Outcome::LeftOut(format!("a step takes {seconds:.2} s")));
    }
    let last = training.warm_up(&mut model, &data, 2)?;
    let (seconds, launches) = passes(training, &mut model, &data)?;
    Ok(Outcome::Measured(show(Timed { losses: [first, last], seconds, launches })))
}

/// Seconds of a step in each block, after one that is not counted, and launches of a step.
fn passes(training: &Training, model: &mut Model, data: &Data) -> Result<(Vec<f64>, f64)> {
    let (x, y) = data.batches(0..data.x.rows() / training.batch, training.batch)?;
    let fit = Fit::epochs(usize::MAX).batch_size(training.batch).shuffle(false);
    let mut run = model.run(&x, &y, fit)?;
    let mut finished = 0;
    block(&mut run, &mut finished)?;
    let seconds = blocks(|| block(&mut run, &mut finished))?;
    Ok((seconds, run.dispatches_per_step().map_or(0.0, |launches| launches as f64)))
}

/// Trains for half a second and until a pass ends: then no step is under way. What a pass begins with is part of it.
/// Gives the seconds of a step.
fn block(run: &mut Run<'_>, finished: &mut usize) -> Result<f64> {
    let (before, start) = (*finished, Instant::now());
    loop {
        let progress = run.advance(BUDGET)?;
        *finished = steps(&progress);
        let seconds = start.elapsed().as_secs_f64();
        let whole = progress.epoch_ended && seconds >= BLOCK_SECONDS;
        if *finished > before && (whole || seconds >= LONGEST_BLOCK) {
            return Ok(seconds / (*finished - before) as f64);
        }
    }
}

/// Steps since the begin of a run.
fn steps(progress: &Progress) -> usize {
    progress.epoch.saturating_sub(1) * progress.steps + progress.step
}
