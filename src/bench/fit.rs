//! Ten epochs of `fit` as a user has them: shuffled, the last batch smaller, accuracy, a progress bar.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::bench::data::Data;
use crate::bench::measured::blocks;
use crate::bench::models::small;
use crate::bench::{BLOCKS, Bench, MOST_SECONDS, Measured, Outcome, Statistics};
use crate::device::Work;
use crate::error::Result;
use crate::model::Model;
use crate::train::Fit;

/// Epochs of a call.
const EPOCHS: usize = 10;

/// Seconds of a call.
pub fn run(bench: &Bench<'_>, name: &'static str) -> Result<Outcome> {
    let training = small();
    let (mut model, data) = (training.model(bench.device, ["accuracy"])?, training.data()?);
    fit(&mut model, &data, 1)?; // what a driver puts off
    let (seconds, launches) = fit(&mut model, &data, 1)?;
    if seconds * (EPOCHS * (BLOCKS + 1)) as f64 > MOST_SECONDS {
        return Ok(Outcome::LeftOut(format!("an epoch takes {seconds:.1} s")));
    }
    fit(&mut model, &data, EPOCHS)?;
    let seconds = blocks(|| Ok(fit(&mut model, &data, EPOCHS)?.0))?;
    let (step, batches) = (training.work(launches), (EPOCHS * data.x.rows()) as f64 / training.batch as f64);
    let all = Work { flops: step.flops * batches, bytes: step.bytes * batches, launches: launches * batches, ..step };
    let measured = Measured::new(name, bench.device, "s", Statistics::of(&seconds, false));
    Ok(Outcome::Measured(measured.limit(bench.peaks.seconds(all), false)))
}

/// What `Model::fit` does, with the bar's text written nowhere; gives its seconds, and launches of a step.
fn fit(model: &mut Model, data: &Data, epochs: usize) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut run = model.run(&data.x, &data.y, Fit::epochs(epochs))?;
    let mut bar = std::io::sink();
    loop {
        let progress = run.advance(Duration::from_millis(50))?;
        let logs: String = progress.logs.iter().map(|(key, value)| format!(" - {key}: {value:.4}")).collect();
        let done = "━".repeat(20 * progress.step / progress.steps.max(1));
        // What is written nowhere cannot fail.
        let _ = write!(bar, "\r{}/{} {done:20}{logs}", progress.step, progress.steps);
        if progress.done {
            let launches = run.dispatches_per_step().map_or(0.0, |launches| launches as f64);
            return Ok((start.elapsed().as_secs_f64(), launches));
        }
    }
}
