//! Benign or malignant: a network of 64-32-1 units, trained on the device of your choice.
//!
//! `cargo run --release --example binary_classifier -- --device cpu`

use anyhow::{Result, bail};
use wgrad::data::{StandardScaler, breast_cancer, split};
use wgrad::losses::BinaryCrossentropy;
use wgrad::optimizers::Adam;
use wgrad::{Dense, Device, Fit, Layer, Relu, Sequential, Sigmoid};

fn main() -> Result<()> {
    let device = device()?;
    println!("device: {device}: {}", device.reason());

    let set = breast_cancer()?;
    let rows = split(set.x.rows(), 0.0, 0.2, 0)?;
    let scaler = StandardScaler::fit(&set.x.take_rows(&rows.train)?)?;
    let x_train = scaler.transform(&set.x.take_rows(&rows.train)?)?;
    let x_test = scaler.transform(&set.x.take_rows(&rows.test)?)?;
    let (y_train, y_test) = (set.y.take_rows(&rows.train)?, set.y.take_rows(&rows.test)?);

    let mut model = Sequential::new()
        .add(Dense::new(64).activation(Relu).input_shape([set.columns.len()]))
        .add(Dense::new(32).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid)) // a probability, for binary classification
        .build(&device)?;
    model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"])?;
    println!("{}", model.summary());

    model.fit(&x_train, &y_train, Fit::epochs(10).validation_split(0.2))?;
    let scores = model.evaluate(&x_test, &y_test)?;
    println!("test accuracy {:.4}, test loss {:.4}", scores["accuracy"], scores["loss"]);

    let first = model.predict(&x_test.slice_rows(0..1)?)?;
    println!("{} with probability {:.3}", set.classes[1], first.to_f32()[0]);
    Ok(())
}

fn device() -> Result<Device> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(Device::auto()?),
        ["--device", name] => Ok(Device::named(name)?),
        _ => bail!("usage: binary_classifier [--device auto|cpu|gpu|NAME]"),
    }
}
