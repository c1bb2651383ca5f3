//! Two models against each other: one makes points of noise, the other says which points are real.
//!
//! The real points are made up: 2,000 on a ring around (2, 0). A step updates both models, each by an optimizer of its own.
//!
//! `cargo run --release --example adversaries -- --device cpu`

mod common;

use std::time::Duration;

use rand::RngExt;
use wgrad::prelude::*;
use wgrad::random::{Philox, Purpose};

fn main() -> Result<()> {
    let device = common::device()?;
    let mut generator = Sequential::new()
        .name("generator")
        .add(Dense::new(32).activation(Relu).input_shape([4]))
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(2))
        .build(&device)?;
    let judge = Sequential::new()
        .name("judge")
        .add(Dense::new(32).activation(LeakyRelu::default()).input_shape([2]))
        .add(Dense::new(32).activation(LeakyRelu::default()))
        .add(Dense::new(1).activation(Sigmoid))
        .build(&device)?;

    let mut step = Step::trace(&[&generator, &judge], |s| {
        let (noise, real) = (s.input("noise", [4])?, s.input("real", [2])?);
        let made = s.call("generator", &[noise])?[0];
        let (of_real, of_made) = (s.call("judge", &[real])?[0], s.call("judge", &[made])?[0]);
        let (yes, no) = (s.full(1.0, [1])?, s.full(0.0, [1])?);
        let loss = BinaryCrossentropy::default();
        let judged = [s.loss("real", &loss, yes, of_real)?, s.loss("made", &loss, no, of_made)?];
        let fooled = s.loss("fooled", &loss, yes, of_made)?;
        s.minimize(&judged, &Adam::new(0.001).beta1(0.5), &["judge"])?;
        s.minimize(&[fooled], &Adam::new(0.001).beta1(0.5), &["generator"])
    })?;

    let (noise, real) = (points(2000, 4, |p| p.to_vec())?, points(2000, 1, ring)?);
    let mut run = step.run([("noise", &noise), ("real", &real)], Fit::epochs(100).batch_size(64))?;
    loop {
        let progress = run.advance(Duration::from_millis(50))?;
        if progress.epoch_ended && progress.epoch % 20 == 0 {
            println!("epoch {}: {:.3?}", progress.epoch, progress.logs);
        }
        if progress.done {
            break;
        }
    }
    drop(run);
    step.give_back(&mut generator)?;
    for (what, points) in [("real", real), ("made", generator.predict(&noise)?)] {
        let points = points.to_f32().chunks(2).map(|p| (p[0] - 2.0).hypot(p[1])).collect::<Vec<_>>();
        let mean = points.iter().sum::<f32>() / points.len() as f32;
        println!("{what} points are {mean:.3} from (2, 0) on average");
    }
    Ok(())
}

/// Rows made of numbers uniform from -1 to 1.
fn points(rows: usize, numbers: usize, row: impl Fn(&[f32]) -> Vec<f32>) -> Result<Tensor> {
    let mut random = Philox::new(1, Purpose::Initializer, numbers as u64);
    let mut draw = || (0..numbers).map(|_| random.random_range(-1.0..1.0f32)).collect::<Vec<_>>();
    let rows: Vec<Vec<f32>> = (0..rows).map(|_| row(&draw())).collect();
    Tensor::from_rows(&rows)
}

/// A point of the ring, at an angle from -1 to 1 half turns.
fn ring(angle: &[f32]) -> Vec<f32> {
    let angle = angle[0] * std::f32::consts::PI;
    vec![2.0 + angle.cos(), angle.sin()]
}
