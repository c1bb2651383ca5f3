//! Values from Keras in float64: layers, losses, metrics, optimizers and whole trainings, in f64 and f32 on every device.
//!
//! The values stand in `tests/goldens`, or in the folder that the environment variable `WGRAD_GOLDENS` names. Each case
//! is run by its config; what a config asks for that is not there yet is printed by name.

mod common;
#[path = "goldens/golden.rs"]
mod golden;
#[path = "goldens/layers.rs"]
mod layers;
#[path = "goldens/losses.rs"]
mod losses;
#[path = "goldens/metrics.rs"]
mod metrics;
#[path = "goldens/optimizers.rs"]
mod optimizers;
#[path = "goldens/training.rs"]
mod training;

use wgrad::Device;

#[test]
fn layers_in_f64() {
    layers::check(&Device::cpu_f64());
}

#[test]
fn layers_on_every_device() {
    common::on_every_device("layers_on_every_device", layers::check);
}

#[test]
fn losses_in_f64() {
    losses::check(&Device::cpu_f64());
}

#[test]
fn losses_on_every_device() {
    common::on_every_device("losses_on_every_device", losses::check);
}

#[test]
fn metrics_in_f64() {
    metrics::check(&Device::cpu_f64());
}

#[test]
fn metrics_on_every_device() {
    common::on_every_device("metrics_on_every_device", metrics::check);
}

#[test]
fn optimizers_in_f64() {
    optimizers::check(&Device::cpu_f64());
}

#[test]
fn optimizers_on_every_device() {
    common::on_every_device("optimizers_on_every_device", optimizers::check);
}

#[test]
fn trainings_in_f64() {
    training::check(&Device::cpu_f64());
}

#[test]
fn trainings_on_every_device() {
    common::on_every_device("trainings_on_every_device", training::check);
}
