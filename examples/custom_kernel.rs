//! A kernel of the program's own: an activation as a WGSL expression and its derivative, and the same two in Rust.
//!
//! `compile` holds the two to each other before anything is trained: a wrong derivative or a wrong expression is an error
//! that shows the worst point. The points are made up: 1,000 of two spirals.
//!
//! `cargo run --release --example custom_kernel -- --device cpu`

mod common;

use wgrad::prelude::*;

/// `x / √(1 + x²)`: like a hyperbolic tangent, without an exponential.
struct Isru;

impl Elementwise for Isru {
    const NAME: &'static str = "isru";
    const F: &'static str = "x * inverseSqrt(1.0 + x * x)";
    const DF: &'static str = "inverseSqrt(1.0 + x * x) / (1.0 + x * x)";
    fn f<F: Float>(x: F) -> F {
        x / (F::ONE + x * x).sqrt()
    }
    fn df<F: Float>(x: F) -> F {
        F::ONE / ((F::ONE + x * x).sqrt() * (F::ONE + x * x))
    }
}

fn main() -> Result<()> {
    let device = common::device()?;
    let (x, y) = spirals(1000)?;
    let mut model = Sequential::new()
        .add(Dense::new(32).activation(Custom(Isru)).input_shape([2]))
        .add(Dense::new(32).activation(Custom(Isru)))
        .add(Dense::new(1).activation(Sigmoid))
        .build(&device)?;
    model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["accuracy"])?;
    println!("{}", model.explain(32)?);
    model.fit(&x, &y, Fit::epochs(60).verbosity(Verbosity::Silent))?;
    let scores = model.evaluate(&x, &y)?;
    println!("accuracy {:.4}, loss {:.4}", scores["accuracy"], scores["loss"]);
    Ok(())
}

/// Points on two spirals, one the other turned by half a circle, and which of them each is on.
fn spirals(rows: usize) -> Result<(Tensor, Tensor)> {
    let point = |i: usize| {
        let (arm, t) = ((i % 2) as f32, (i / 2) as f32 / (rows / 2) as f32);
        let angle = 6.0 * t + std::f32::consts::PI * arm;
        ([(0.2 + t) * angle.cos(), (0.2 + t) * angle.sin()], arm)
    };
    let (points, arms): (Vec<_>, Vec<f32>) = (0..rows).map(point).unzip();
    Ok((Tensor::new([rows, 2], points.concat())?, Tensor::new([rows, 1], arms)?))
}
