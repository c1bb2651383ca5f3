//! `wgrad train`: a classifier of the embedded breast-cancer set, from its rows to its files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::cli::output::{self, json, line};
use crate::cli::{Refused, refused};
use crate::data::{Dataset, Split, StandardScaler, breast_cancer, split};
use crate::device::Device;
use crate::error::Error;
use crate::layers::{Dense, Function, Layer, Placed};
use crate::losses::BinaryCrossentropy;
use crate::model::{Model, Sequential};
use crate::ops::Sigmoid;
use crate::optimizers::{Adam, Optimizer};
use crate::program::Explained;
use crate::tensor::Tensor;
use crate::train::{Fit, History, Logs, Reporter, Verbosity, learning_curves_svg};

const MODEL: &str = "model.safetensors";
const HISTORY: &str = "history.csv";
const CURVES: &str = "learning_curves.svg";

/// Trains a classifier on the embedded breast-cancer set.
///
/// Leaves model.safetensors, history.csv and learning_curves.svg in a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Passes over the training rows.
    #[arg(long, default_value = "20", value_parser = positive, allow_hyphen_values = true)]
    epochs: usize,
    /// Rows of a batch.
    #[arg(long, value_name = "ROWS", default_value = "32", value_parser = positive, allow_hyphen_values = true)]
    batch_size: usize,
    /// Units of the hidden layers, separated by commas.
    #[arg(long, value_name = "UNITS", default_value = "64,32", value_parser = layers, allow_hyphen_values = true)]
    layers: Layers,
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = Function::named, help = activations())]
    activation: Function,
    /// Adam's learning rate.
    #[arg(long, value_name = "RATE", default_value = "0.001", value_parser = rate, allow_hyphen_values = true)]
    learning_rate: f64,
    /// The share of all rows that is looked at after every epoch; 0 for none.
    #[arg(long, value_name = "SHARE", default_value = "0.2", allow_hyphen_values = true)]
    validation_split: f64,
    /// The share of all rows that the model is tested on at the end; 0 for none.
    #[arg(long, value_name = "SHARE", default_value = "0.2", allow_hyphen_values = true)]
    test_split: f64,
    /// Decides the split, the first weights and the order of the rows.
    #[arg(long, default_value = "0", allow_hyphen_values = true)]
    seed: u64,
    /// auto (a real GPU, else the CPU), cpu, gpu (a real one), or a part of an adapter's name.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: String,
    /// The folder for the files.
    #[arg(long, value_name = "DIR", default_value = "wgrad-run")]
    out: PathBuf,
    /// Prints JSON lines, and nothing else, on standard output.
    #[arg(long)]
    json: bool,
    /// Prints the launches of a training step, and trains nothing.
    #[arg(long)]
    explain: bool,
}

#[derive(Clone, Debug)]
struct Layers(Vec<usize>);

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number from 1 on".into())
}

fn activations() -> String {
    format!("The activation of the hidden layers: one of {}", Function::names().join(", "))
}

fn layers(text: &str) -> Result<Layers, String> {
    let units: Result<Vec<_>, _> = text.split(',').map(|units| positive(units.trim())).collect();
    units.map(Layers).map_err(|_| "expected whole numbers from 1 on, separated by commas, as 64,32".into())
}

fn rate(text: &str) -> Result<f64, String> {
    let usable = |rate: &f64| *rate as f32 > 0.0 && Adam::new(*rate).check().is_ok();
    text.parse().ok().filter(usable).ok_or_else(|| "expected a finite number above 0".into())
}

#[derive(Serialize)]
struct DeviceEvent<'a> {
    event: &'static str,
    name: &'a str,
    kind: &'a str,
    backend: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct EpochEvent<'a> {
    event: &'static str,
    epoch: usize,
    #[serde(flatten)]
    logs: &'a Logs,
}

#[derive(Serialize)]
struct ResultEvent {
    event: &'static str,
    /// `test_loss` and `test_accuracy`, where there are test rows.
    #[serde(flatten)]
    test: BTreeMap<String, f64>,
    epochs: usize,
    seconds: f64,
    steps_per_second: Option<f64>,
    dispatches_per_step: Option<u64>,
    weights_sha256: String,
    device: Place,
}

#[derive(Serialize)]
struct LaunchEvent<'a> {
    event: &'static str,
    #[serde(flatten)]
    launch: &'a Explained,
}

#[derive(Serialize)]
struct ProgramEvent {
    event: &'static str,
    launches: usize,
    flops: u64,
    bytes: u64,
    memory_bytes: u64,
}

#[derive(Serialize)]
struct Place {
    name: String,
    kind: &'static str,
    backend: String,
}

/// Rows `x` and their targets `y`.
type Rows = (Tensor, Tensor);

/// The three parts of the data, standardised by the training rows.
struct Parts {
    train: Rows,
    validation: Option<Rows>,
    test: Option<Rows>,
}

/// A training that has ended.
struct Trained {
    history: History,
    seconds: f64,
    steps_per_second: Option<f64>,
    dispatches_per_step: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let parts = parts(arguments)?;
    if arguments.explain {
        return explain(arguments, &parts.train.0);
    }
    output::check(&arguments.out, &[MODEL, HISTORY, CURVES]).map_err(|error| Refused(format!("--out: {error}")))?;
    let device = Device::named(&arguments.device).map_err(refused)?;
    let start = Instant::now();
    let mut model = model(arguments, &device, parts.train.0.shape().dims()[1]).map_err(refused)?;
    say_device(arguments, &device)?;
    let trained = train(arguments, &mut model, &parts, start)?;
    let test = match &parts.test {
        Some((x, y)) => model.evaluate(x, y)?,
        None => Logs::new(),
    };
    let svg = learning_curves_svg(&trained.history.by_key())?;
    let files = [(MODEL, model.to_bytes()?), (HISTORY, csv(&trained.history)), (CURVES, svg.into_bytes())];
    output::save(&arguments.out, &files)?;
    say_result(arguments, &model, trained, &test, parts.test.map_or(0, |(x, _)| x.rows()))
}

/// Says what a step of the training would launch.
fn explain(arguments: &Arguments, x: &Tensor) -> Result<()> {
    let device = Device::named(&arguments.device).map_err(refused)?;
    let model = model(arguments, &device, x.shape().dims()[1]).map_err(refused)?;
    let program = model.explain(arguments.batch_size.min(x.rows()))?;
    say_device(arguments, &device)?;
    if !arguments.json {
        return line(&program.to_string());
    }
    let launches = program.explained();
    launches.iter().try_for_each(|launch| json(&LaunchEvent { event: "launch", launch }))?;
    json(&ProgramEvent {
        event: "program",
        launches: launches.len(),
        flops: program.flops(),
        bytes: launches.iter().map(|launch| launch.bytes).sum(),
        memory_bytes: program.memory_bytes(),
    })
}

fn parts(arguments: &Arguments) -> Result<Parts> {
    let Dataset { x, y, .. } = breast_cancer()?;
    let split = split(x.rows(), arguments.validation_split, arguments.test_split, arguments.seed);
    let Split { train, validation, test } = split.map_err(refused)?;
    let scaler = StandardScaler::fit(&x.take_rows(&train)?)?;
    let rows = |of: &[usize]| -> Result<Rows> { Ok((scaler.transform(&x.take_rows(of)?)?, y.take_rows(of)?)) };
    let some = |of: &[usize]| if of.is_empty() { Ok(None) } else { rows(of).map(Some) };
    Ok(Parts { train: rows(&train)?, validation: some(&validation)?, test: some(&test)? })
}

fn model(arguments: &Arguments, device: &Device, features: usize) -> Result<Model, Error> {
    let hidden = arguments.layers.0.iter().map(|&units| Dense::new(units).activation(arguments.activation));
    let mut layers = hidden.chain([Dense::new(1).activation(Sigmoid)]);
    let first = layers.next().map(|layer| layer.input_shape([features]));
    let network =
        first.into_iter().chain(layers.map(Placed::from)).fold(Sequential::new().seed(arguments.seed), Sequential::add);
    let mut model = network.build(device)?;
    model.compile(Adam::new(arguments.learning_rate), BinaryCrossentropy::default(), ["accuracy"])?;
    Ok(model)
}

fn train(arguments: &Arguments, model: &mut Model, parts: &Parts, start: Instant) -> Result<Trained> {
    let mut fit = Fit::epochs(arguments.epochs).batch_size(arguments.batch_size).seed(arguments.seed);
    if let Some((x, y)) = &parts.validation {
        fit = fit.validation_data(x, y)?;
    }
    let mut reporter = Reporter::new(if arguments.json { Verbosity::Silent } else { Verbosity::Auto });
    let mut run = model.run(&parts.train.0, &parts.train.1, fit).map_err(refused)?;
    loop {
        let progress = run.advance(Duration::from_millis(50))?;
        reporter.show(&progress);
        if arguments.json && progress.epoch_ended {
            json(&EpochEvent { event: "epoch", epoch: progress.epoch, logs: &progress.logs })?;
        }
        if progress.done {
            break;
        }
    }
    let (steps_per_second, dispatches_per_step) = (run.steps_per_second(), run.dispatches_per_step());
    let history = run.into_history();
    Ok(Trained { history, seconds: start.elapsed().as_secs_f64(), steps_per_second, dispatches_per_step })
}

/// `epoch` from 1, then the log keys.
fn csv(history: &History) -> Vec<u8> {
    let keys: Vec<&str> = history.epochs().iter().take(1).flat_map(|logs| logs.keys().map(String::as_str)).collect();
    let mut text = ["epoch"].into_iter().chain(keys).collect::<Vec<_>>().join(",") + "\n";
    for (i, logs) in history.epochs().iter().enumerate() {
        let values: String = logs.values().map(|value| format!(",{value}")).collect();
        text += &format!("{}{values}\n", i + 1);
    }
    text.into_bytes()
}

fn say_device(arguments: &Arguments, device: &Device) -> Result<()> {
    let (name, kind, backend, reason) = (device.name(), device.kind(), device.backend(), device.reason());
    match arguments.json {
        true => json(&DeviceEvent { event: "device", name, kind, backend, reason }),
        false => line(&format!("device: {name} ({kind}, {backend}): {reason}")),
    }
}

fn say_result(arguments: &Arguments, model: &Model, trained: Trained, test: &Logs, rows: usize) -> Result<()> {
    let Trained { history, seconds, steps_per_second, dispatches_per_step } = trained;
    if arguments.json {
        let device = model.device();
        return json(&ResultEvent {
            event: "result",
            test: test.iter().map(|(key, &value)| (format!("test_{key}"), value)).collect(),
            epochs: history.epochs().len(),
            seconds,
            steps_per_second,
            dispatches_per_step,
            weights_sha256: model.weights_sha256()?,
            device: Place { name: device.name().into(), kind: device.kind(), backend: device.backend().into() },
        });
    }
    let rate = steps_per_second.map(|rate| format!(", {rate:.0} steps/s")).unwrap_or_default();
    line(&format!("trained in {seconds:.2} s{rate}"))?;
    let path = |name: &str| arguments.out.join(name).display().to_string();
    line(&format!("saved {}, {} and {}", path(MODEL), path(HISTORY), path(CURVES)))?;
    match (test.get("accuracy"), test.get("loss")) {
        (Some(accuracy), Some(loss)) => {
            line(&format!("test accuracy {accuracy:.4}, test loss {loss:.4} on {rows} rows that training never saw"))
        }
        _ => line("test accuracy: not measured, --test-split is 0"),
    }
}
