//! A layer of the program's own: the sigmoid of its input, in a network that learns a curve; saved and loaded again.
//!
//! The curve is made up: 1,000 points of `sin 3a + b²/2`.
//!
//! `cargo run --release --example custom_layer -- --device cpu`

mod common;

use rand::RngExt;
use wgrad::prelude::*;
use wgrad::random::{Philox, Purpose};

/// `y = σ(x)`. It is made of ops, so it needs no gradient of its own.
#[derive(Debug)]
struct MySigmoid;

impl Layer for MySigmoid {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        x.iter().map(|&x| wgrad::ops::unary(scope.builder(), Sigmoid, x)).collect()
    }

    fn config(&self) -> Config {
        Config::new("MySigmoid", ())
    }
}

fn main() -> Result<()> {
    let device = common::device()?;
    let (x, y) = curve(1000)?;

    let mut model = Sequential::new()
        .add(Dense::new(64).activation(Relu).input_shape([2]))
        .add(MySigmoid)
        .add(Dense::new(1))
        .build(&device)?;
    model.compile(Adam::new(0.01), MeanSquaredError, ["mae"])?;
    println!("{}", model.summary());
    model.fit(&x, &y, Fit::epochs(60).validation_split(0.2))?;
    let scores = model.evaluate(&x, &y)?;
    println!("mean squared error {:.5}, mean absolute error {:.4}", scores["loss"], scores["mae"]);

    // A file names the layer; this program says what the name stands for.
    let registry = Registry::default().register("MySigmoid", |_settings| Ok(MySigmoid));
    let bytes = model.to_bytes()?;
    let mut again = Model::from_bytes(&bytes, &device, &registry)?;
    assert_eq!(again.predict(&x)?, model.predict(&x)?);
    println!("saved and loaded: {} bytes, the same predictions", bytes.len());
    Ok(())
}

/// Points (a, b) with `sin 3a + b²/2`.
fn curve(rows: usize) -> Result<(Tensor, Tensor)> {
    let mut random = Philox::new(1, Purpose::Initializer, 0);
    let points: Vec<[f32; 2]> = (0..rows).map(|_| [(); 2].map(|()| random.random_range(-1.0..1.0))).collect();
    let heights = points.iter().map(|[a, b]| (3.0 * a).sin() + b * b / 2.0).collect();
    Ok((Tensor::new([rows, 2], points.concat())?, Tensor::new([rows, 1], heights)?))
}
