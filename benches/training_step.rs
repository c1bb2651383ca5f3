//! The training step of the 64-32-1 classifier on 10 inputs, batch 32, 10,000 rows: steps per second on every device.
//!
//! `cargo bench --bench training_step [-- --json]`

use std::time::{Duration, Instant};

use anyhow::Result;
use wgrad::losses::BinaryCrossentropy;
use wgrad::optimizers::Adam;
use wgrad::runtime::adapters;
use wgrad::train::Run;
use wgrad::{Dense, Device, Fit, Gpu, Layer, Relu, Sequential, Sigmoid, Tensor};

const ROWS: usize = 10_000;
const INPUTS: usize = 10;
const BLOCKS: usize = 7;
const BLOCK: Duration = Duration::from_millis(500);
const WARM_UP: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    // Only `cargo bench` says --bench: a test run that starts this program is done with it at once.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let json = std::env::args().any(|argument| argument == "--json");
    if !json {
        println!("{:>10} {:>10} {:>8}  device", "median/s", "best/s", "launches");
    }
    let gpus = adapters()?.iter().map(Gpu::open).collect::<wgrad::Result<Vec<_>>>()?;
    for device in [Device::cpu()].into_iter().chain(gpus.into_iter().map(Device::gpu)) {
        let (mut rates, launches) = measure(&device)?;
        rates.sort_by(f64::total_cmp);
        let (median, best) = (rates[BLOCKS / 2], rates[BLOCKS - 1]);
        if json {
            let (name, kind) = (device.name(), device.kind());
            println!(
                "{}",
                serde_json::json!({ "bench": "training_step", "device": name, "kind": kind, "blocks": BLOCKS,
                    "median_steps_per_second": median, "best_steps_per_second": best, "launches_per_step": launches })
            );
        } else {
            let launches = launches.map_or("-".into(), |launches| launches.to_string());
            println!("{median:>10.0} {best:>10.0} {launches:>8}  {device}");
        }
    }
    Ok(())
}

/// Steps per second of each block, and launches of a step.
fn measure(device: &Device) -> Result<(Vec<f64>, Option<u64>)> {
    let (x, y) = data()?;
    let mut model = Sequential::new()
        .add(Dense::new(64).activation(Relu).input_shape([INPUTS]))
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(device)?;
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"])?;
    let mut run = model.run(&x, &y, Fit::epochs(usize::MAX))?;
    block(&mut run, WARM_UP)?;
    let rates = (0..BLOCKS).map(|_| block(&mut run, BLOCK)).collect::<Result<Vec<_>>>()?;
    Ok((rates, run.dispatches_per_step()))
}

/// Trains for about `length`, the begin of epochs included; gives steps per second.
fn block(run: &mut Run<'_>, length: Duration) -> Result<f64> {
    let finished = |run: &mut Run<'_>, budget| -> Result<f64> {
        let progress = run.advance(budget)?;
        Ok((progress.epoch.saturating_sub(1) * progress.steps + progress.step) as f64)
    };
    let (before, start) = (finished(run, Duration::ZERO)?, Instant::now());
    let mut after = before;
    while start.elapsed() < length {
        after = finished(run, length.saturating_sub(start.elapsed()))?;
    }
    Ok((after - before) / start.elapsed().as_secs_f64())
}

/// Rows on a grid of fractions, of class 1 where two of their columns have the same sign.
fn data() -> Result<(Tensor, Tensor)> {
    let x: Vec<f32> = (0..ROWS * INPUTS).map(|i| ((i * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
    let y = x.chunks(INPUTS).map(|row| if row[0] * row[1] > 0.0 { 1.0 } else { 0.0 }).collect();
    Ok((Tensor::new([ROWS, INPUTS], x)?, Tensor::new([ROWS, 1], y)?))
}
