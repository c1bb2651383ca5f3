//! Two answers from one network: is a point inside of the circle, and in which of five sectors is it?
//!
//! The points are made up: 2,000 of them, uniform in the square around a circle, with both answers computed from them.
//!
//! `cargo run --release --example multi_output -- --device cpu`

mod common;

use rand::RngExt;
use wgrad::prelude::*;
use wgrad::random::{Philox, Purpose};

fn main() -> Result<()> {
    let device = common::device()?;
    let (x, inside, sector) = points(2000)?;

    let input = Symbol::input([2]);
    let hidden = Dense::new(64).activation(Relu).on(&input);
    let trunk = Dense::new(32).activation(Relu).on(&hidden);
    let binary = Dense::new(1).activation(Sigmoid).named("binary_output").on(&trunk);
    let multiclass = Dense::new(5).activation(Softmax).named("multiclass_output").on(&trunk);
    let mut model = Model::new(&input, [&binary, &multiclass]).build(&device)?;
    model.compile(
        Adam::new(0.01),
        Losses::new()
            .output("binary_output", BinaryCrossentropy::default())
            .output("multiclass_output", CategoricalCrossentropy::default())
            .weights([("binary_output", 0.7), ("multiclass_output", 0.3)]),
        Metrics::new().output("binary_output", ["accuracy"]).output("multiclass_output", ["accuracy"]),
    )?;
    println!("{}", model.summary());

    let y = [("binary_output", &inside), ("multiclass_output", &sector)];
    let history = model.fit(&x, y, Fit::epochs(20).validation_split(0.2))?;
    for (key, values) in history.by_key() {
        println!("{key:30} {:.4} -> {:.4}", values[0], values[values.len() - 1]);
    }
    let point = Tensor::new([1, 2], vec![0.1, 0.6])?;
    for (name, output) in model.predict_all(&point)? {
        println!("{name} of (0.1, 0.6): {:.3?}", output.to_f32());
    }
    Ok(())
}

/// Points, whether each is inside of a circle of radius 0.8, and its sector as one of five.
fn points(rows: usize) -> Result<(Tensor, Tensor, Tensor)> {
    let mut random = Philox::new(1, Purpose::Initializer, 0);
    let (mut x, mut inside, mut sector) = (vec![], vec![], vec![0.0; 5 * rows]);
    for row in 0..rows {
        let [a, b] = [random.random_range(-1.0..1.0f32), random.random_range(-1.0..1.0)];
        x.extend([a, b]);
        inside.push(f32::from(a.hypot(b) < 0.8));
        let turn = b.atan2(a) / std::f32::consts::TAU + 0.5;
        sector[5 * row + ((5.0 * turn) as usize).min(4)] = 1.0;
    }
    Ok((Tensor::new([rows, 2], x)?, Tensor::new([rows, 1], inside)?, Tensor::new([rows, 5], sector)?))
}
