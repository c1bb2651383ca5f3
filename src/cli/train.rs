//! `wgrad train`: a model of a table, from its rows to its files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::cli::output::{self, json, line};
use crate::cli::{Refused, refused};
use crate::data::{
    BREAST_CANCER_TARGET, Missing, Preprocessing, ReadCsv, Split, Table, Target, Task, breast_cancer_table, split,
    stratified_split,
};
use crate::device::Device;
use crate::error::Error;
use crate::layers::{Dense, Function, Layer, Placed};
use crate::model::{Model, Sequential};
use crate::ops::{Sigmoid, Softmax};
use crate::optimizers::{Adam, Optimizer};
use crate::program::Explained;
use crate::tabular::{Origin, Predictor, Scores, confusion_matrix_svg};
use crate::train::{Fit, History, Logs, Reporter, Verbosity, learning_curves_svg};

const MODEL: &str = "model.safetensors";
const HISTORY: &str = "history.csv";
const CURVES: &str = "learning_curves.svg";
const CONFUSION: &str = "confusion_matrix.svg";

/// Trains a model on a CSV file, or a classifier on the embedded breast-cancer set.
///
/// Leaves model.safetensors, history.csv, learning_curves.svg and, of classes, confusion_matrix.svg in a folder. The first
/// line of the CSV file names the columns. Columns of numbers are standardised by the training rows, columns of text become
/// a feature for each of their texts. Rows are shuffled by the seed before they are split, and classes are kept in proportion.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// A table as CSV (RFC 4180, UTF-8) with a header; without it, the embedded set.
    #[arg(long, value_name = "FILE", requires = "target", help_heading = "Data")]
    data: Option<PathBuf>,
    /// The column that the model is to give.
    #[arg(long, value_name = "COLUMN", requires = "data", help_heading = "Data")]
    target: Option<String>,
    /// auto, binary, multiclass or regression. auto: text is classes; so are numbers of at most 20 different whole values,
    /// with five rows for each or two values in all; other numbers are a regression.
    #[arg(long, default_value = "auto", value_parser = wanted_task, requires = "data", help_heading = "Data")]
    task: Wanted,
    /// What an empty cell is: error, mean (of the column, by the training rows) or drop (its row is left out).
    #[arg(long, default_value = "error", value_parser = wanted_missing, requires = "data", help_heading = "Data")]
    missing: Empty,
    /// Columns whose cells are text, whatever is in them, separated by commas.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "data", help_heading = "Data")]
    categorical: Vec<String>,
    /// Columns that are left out, separated by commas.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "data", help_heading = "Data")]
    ignore: Vec<String>,
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

const EXAMPLE: &str = "Example: wgrad train --data flowers.csv --target species --epochs 50 --out flowers";

#[derive(Clone, Debug)]
struct Layers(Vec<usize>);

/// The task that is asked for; `None` for the one that fits.
#[derive(Clone, Copy, Debug)]
struct Wanted(Option<Task>);

fn wanted_task(text: &str) -> Result<Wanted, String> {
    let tasks = [Task::Binary, Task::Multiclass, Task::Regression];
    match tasks.into_iter().find(|task| task.name() == text) {
        None if text != "auto" => Err("expected auto, binary, multiclass or regression".into()),
        task => Ok(Wanted(task)),
    }
}

/// What an empty cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    Fill(Missing),
    Drop,
}

fn wanted_missing(text: &str) -> Result<Empty, String> {
    match text {
        "error" => Ok(Empty::Fill(Missing::Error)),
        "mean" => Ok(Empty::Fill(Missing::Mean)),
        "drop" => Ok(Empty::Drop),
        _ => Err("expected error, mean or drop".into()),
    }
}

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
struct DataEvent<'a> {
    event: &'static str,
    name: String,
    sha256: &'a str,
    rows: usize,
    features: usize,
    task: &'static str,
    why: &'a str,
    train: usize,
    validation: usize,
    test: usize,
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
    /// `test_loss`, and `test_accuracy` or `test_mae`, `test_rmse` and `test_r2`, where there are test rows.
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

/// A table, ready for training.
struct Prepared {
    table: Table,
    /// What stands for its file.
    name: String,
    task: Task,
    why: String,
    split: Split,
    preprocessing: Preprocessing,
}

/// A training that has ended.
struct Trained {
    history: History,
    seconds: f64,
    steps_per_second: Option<f64>,
    dispatches_per_step: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let prepared = prepare(arguments)?;
    if arguments.explain {
        return explain(arguments, &prepared);
    }
    let names = [MODEL, HISTORY, CURVES, CONFUSION];
    output::check(&arguments.out, &names).map_err(|error| Refused(format!("--out: {error}")))?;
    let device = Device::named(&arguments.device).map_err(refused)?;
    let start = Instant::now();
    let mut predictor = predictor(arguments, &device, &prepared).map_err(refused)?;
    say_device(arguments, &device)?;
    say_data(arguments, &prepared)?;
    let trained = train(arguments, &mut predictor, &prepared, start)?;
    let test = &prepared.split.test;
    let tested = if test.is_empty() { None } else { Some(predictor.evaluate(&prepared.table, test)?) };
    let bytes = predictor.to_bytes(&origin(arguments, &device, &prepared))?;
    let svg = learning_curves_svg(&trained.history.by_key())?;
    let mut files = vec![(MODEL, bytes), (HISTORY, csv(&trained.history)), (CURVES, svg.into_bytes())];
    if let Some((_, Scores::Classes { classes, confusion, .. })) = &tested {
        files.push((CONFUSION, confusion_matrix_svg(classes, confusion)?.into_bytes()));
    }
    output::save(&arguments.out, &files)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    say_result(arguments, predictor.model(), trained, tested, (test.len(), &names))
}

/// Says what a step of the training would launch.
fn explain(arguments: &Arguments, prepared: &Prepared) -> Result<()> {
    let device = Device::named(&arguments.device).map_err(refused)?;
    let mut predictor = predictor(arguments, &device, prepared).map_err(refused)?;
    let program = predictor.model().explain(arguments.batch_size.min(prepared.split.train.len()))?;
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

/// Reads the table and works out what its columns are. Whatever is wrong with it is said before anything is trained.
fn prepare(arguments: &Arguments) -> Result<Prepared> {
    let refuse = |error: Error| match arguments.data {
        // In the words of the file, not of the command line.
        Some(_) => Refused(error.to_string()).into(),
        None => refused(error),
    };
    let target = arguments.target.as_deref().unwrap_or(BREAST_CANCER_TARGET);
    if arguments.ignore.iter().any(|column| column == target) {
        return Err(Refused(format!("--ignore: expected other columns than the target, got `{target}`")).into());
    }
    let read = ReadCsv::new().text(&arguments.categorical).leave(&arguments.ignore);
    let (table, name) = match &arguments.data {
        Some(path) => {
            let in_file = |error| match error {
                unknown @ Error::Unknown { .. } => Refused(format!("{}: {unknown}", path.display())).into(),
                error => refuse(error),
            };
            let table = read.read(path).and_then(|table| table.column(target).map(|_| ()).map(|()| table));
            (table.map_err(in_file)?, path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        }
        None => (breast_cancer_table().map_err(refuse)?, "breast_cancer.csv (embedded)".into()),
    };
    let (table, missing) = match arguments.missing {
        Empty::Fill(missing) => (table, missing),
        Empty::Drop => (table.whole_rows(), Missing::Error),
    };
    if table.rows() == 0 {
        return Err(
            Refused(format!("{}: expected a row without an empty cell, got none", table.path().display())).into()
        );
    }
    let (task, why) = match arguments.task.0 {
        Some(task) => (task, "asked for".into()),
        None => Task::of(&table, target).map_err(refuse)?,
    };
    let (validation, test, seed) = (arguments.validation_split, arguments.test_split, arguments.seed);
    let split = match task {
        Task::Regression => split(table.rows(), validation, test, seed),
        _ => stratified_split(&table.classes(target).map_err(refuse)?.1, validation, test, seed),
    };
    let split = split.map_err(refused)?;
    let mut preprocessing = Preprocessing::fit(&table, &split.train, target, task, missing).map_err(refuse)?;
    preprocessing.ignored = arguments.ignore.clone();
    let constant = table.constant_columns(&split.train);
    if !constant.is_empty() {
        let columns: Vec<String> = constant.iter().map(|column| format!("`{column}`")).collect();
        let columns = if columns.len() > 8 { format!("{} columns", columns.len()) } else { columns.join(", ") };
        output::say(&format!("warning: {columns} of {}: constant in the training rows", table.path().display()));
    }
    Ok(Prepared { table, name, task, why, split, preprocessing })
}

fn predictor(arguments: &Arguments, device: &Device, prepared: &Prepared) -> Result<Predictor, Error> {
    let hidden = arguments.layers.0.iter().map(|&units| Dense::new(units).activation(arguments.activation));
    let last = match &prepared.preprocessing.target {
        Target::Value { .. } => Dense::new(1),
        Target::Classes { names, .. } if names.len() == 2 => Dense::new(1).activation(Sigmoid),
        Target::Classes { names, .. } => Dense::new(names.len()).activation(Softmax),
    };
    let mut layers = hidden.chain([last]);
    let first = layers.next().map(|layer| layer.input_shape([prepared.preprocessing.width()]));
    let network =
        first.into_iter().chain(layers.map(Placed::from)).fold(Sequential::new().seed(arguments.seed), Sequential::add);
    let mut predictor = Predictor::new(network.build(device)?, prepared.preprocessing.clone())?;
    predictor.compile(Adam::new(arguments.learning_rate))?;
    Ok(predictor)
}

fn origin(arguments: &Arguments, device: &Device, prepared: &Prepared) -> Origin {
    Origin {
        program: concat!("wgrad ", env!("CARGO_PKG_VERSION")).into(),
        data: prepared.name.clone(),
        data_sha256: prepared.table.sha256().into(),
        rows: [prepared.table.rows(), prepared.split.train.len()],
        seed: arguments.seed,
        epochs: arguments.epochs,
        device: device.to_string(),
    }
}

fn train(arguments: &Arguments, predictor: &mut Predictor, prepared: &Prepared, start: Instant) -> Result<Trained> {
    let mut fit = Fit::epochs(arguments.epochs).batch_size(arguments.batch_size).seed(arguments.seed);
    let rows = |rows: &[usize]| predictor.rows(&prepared.table, rows);
    if !prepared.split.validation.is_empty() {
        let (x, y) = rows(&prepared.split.validation)?;
        fit = fit.validation_data(&x, &y)?;
    }
    let (x, y) = rows(&prepared.split.train)?;
    let silent = arguments.json || output::is_quiet();
    let mut reporter = Reporter::new(if silent { Verbosity::Silent } else { Verbosity::Auto });
    let mut run = predictor.model().run(&x, &y, fit).map_err(refused)?;
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

fn say_data(arguments: &Arguments, prepared: &Prepared) -> Result<()> {
    let Prepared { table, name, task, why, split: Split { train, validation, test }, preprocessing } = prepared;
    let (rows, features, task) = (table.rows(), preprocessing.width(), task.name());
    let (train, validation, test) = (train.len(), validation.len(), test.len());
    if arguments.json {
        let (event, name, sha256) = ("data", name.clone(), table.sha256());
        return json(&DataEvent { event, name, sha256, rows, features, task, why, train, validation, test });
    }
    line(&format!(
        "data: {name}: {rows} rows ({train} to train on, {validation} to validate, {test} to test), {features} features"
    ))?;
    line(&format!("task: {task}: {why}"))
}

fn say_result(
    arguments: &Arguments,
    model: &Model,
    trained: Trained,
    tested: Option<(f64, Scores)>,
    (rows, files): (usize, &[&str]),
) -> Result<()> {
    let Trained { history, seconds, steps_per_second, dispatches_per_step } = trained;
    let mut test = BTreeMap::new();
    if let Some((loss, scores)) = &tested {
        test.insert("test_loss".to_string(), *loss);
        test.extend(scores.named().map(|(name, value)| (format!("test_{name}"), value)));
    }
    if arguments.json {
        let device = model.device();
        return json(&ResultEvent {
            event: "result",
            test,
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
    let paths: Vec<String> = files.iter().map(|name| arguments.out.join(name).display().to_string()).collect();
    line(&format!("saved {}", paths.join(", ")))?;
    match tested {
        Some((loss, scores)) => {
            line(&format!("test {scores}, test loss {loss:.4} on {rows} rows that training never saw"))
        }
        None => line("test: not measured, --test-split is 0"),
    }
}
