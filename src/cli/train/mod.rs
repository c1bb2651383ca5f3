//! `wgrad train`: a model of a table, from its rows to its files.

mod covered;
mod prepared;
mod say;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::train::prepared::Prepared;
use crate::cli::{Columns, Refused, bad_input, columns, output, refused};
use crate::data::{Missing, Task};
use crate::device::Device;
use crate::error::Error;
use crate::layers::Function;
use crate::optimizers::{Adam, Optimizer};
use crate::tabular::{MOST_DRAWN, Predictor, Scores, confusion_matrix_svg};
use crate::tensor::Tensor;
use crate::train::{Fit, History, Reporter, Verbosity, learning_curves_svg};

const MODEL: &str = "model.safetensors";
const HISTORY: &str = "history.csv";
const CURVES: &str = "learning_curves.svg";
const CONFUSION: &str = "confusion_matrix.svg";

/// Trains a model on a CSV file, or a classifier on the embedded breast-cancer set.
///
/// Leaves model.safetensors, history.csv, learning_curves.svg and, of classes, confusion_matrix.svg in a folder. The first
/// line of the CSV file names the columns. A column is of numbers or of text as its first cell is: numbers are standardised by the
/// training rows, a text becomes a feature for each text of the training rows. Rows are shuffled by the seed before they are
/// split, and classes are kept in proportion.
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
    /// Columns whose cells are text, whatever is in them, separated by commas: codes, as `--categorical zip`. A name with a comma
    /// stands in quotes: `--ignore 'id,"City, State"'`.
    #[arg(long, value_name = "COLUMNS", value_parser = columns, requires = "data", help_heading = "Data")]
    categorical: Option<Columns>,
    /// Columns that are left out, separated by commas.
    #[arg(long, value_name = "COLUMNS", value_parser = columns, requires = "data", help_heading = "Data")]
    ignore: Option<Columns>,
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
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, allow_hyphen_values = true)]
    validation_split: f64,
    /// The share of all rows that the model is tested on at the end; 0 for none.
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = share, allow_hyphen_values = true)]
    test_split: f64,
    /// Decides the split, the first weights and the order of the rows.
    #[arg(long, default_value = "0", value_parser = seed, allow_hyphen_values = true)]
    seed: u64,
    /// auto (a real GPU, else the CPU), cpu, cpu_f64 (slow and exact), gpu (a real one), or a part of an adapter's name.
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
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| format!("expected a whole number from 1 to {}", usize::MAX))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 on and below 1, as 0.2 for a fifth of the rows".into())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
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

/// A training that has ended.
struct Trained {
    history: History,
    seconds: f64,
    steps_per_second: Option<f64>,
    dispatches_per_step: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let prepared = Prepared::read(arguments)?;
    if arguments.explain {
        return explain(arguments, &prepared);
    }
    let names = [MODEL, HISTORY, CURVES, CONFUSION];
    let inputs: Vec<&Path> = arguments.data.iter().map(PathBuf::as_path).collect();
    output::check(&arguments.out, &names, &inputs).map_err(|error| Refused(format!("--out: {error}")))?;
    output::go_on_unread();
    let device = Device::named(&arguments.device).map_err(refused)?;
    let start = Instant::now();
    let mut predictor = prepared.predictor(arguments, &device).map_err(refused)?;
    let rows = Rows::of(&prepared, &predictor).map_err(bad_input)?;
    say::device(arguments, &device)?;
    say::data(arguments, &prepared)?;
    let trained = train(arguments, &mut predictor, rows, start)?;
    let test = &prepared.split.test;
    let target = prepared.preprocessing.target.column();
    let tested = if test.is_empty() { None } else { Some(predictor.evaluate(&prepared.table, target, test)?) };
    let bytes = predictor.to_bytes(&prepared.origin(arguments, &device))?;
    let svg = learning_curves_svg(&trained.history.by_key())?;
    let mut files = vec![(MODEL, bytes), (HISTORY, csv(&trained.history)), (CURVES, svg.into_bytes())];
    match &tested {
        Some((_, Scores::Classes { classes, confusion, .. })) if classes.len() <= MOST_DRAWN => {
            files.push((CONFUSION, confusion_matrix_svg(classes, confusion)?.into_bytes()));
        }
        // That of an earlier run says nothing of this one.
        _ => output::remove(&arguments.out.join(CONFUSION))?,
    }
    output::save(&arguments.out, &files)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    say::result(arguments, predictor.model(), trained, tested, (test.len(), &names))
}

/// Says what a step of the training would launch.
fn explain(arguments: &Arguments, prepared: &Prepared) -> Result<()> {
    let device = Device::named(&arguments.device).map_err(refused)?;
    let mut predictor = prepared.predictor(arguments, &device).map_err(refused)?;
    let program = predictor.model().explain(arguments.batch_size.min(prepared.split.train.len()))?;
    say::device(arguments, &device)?;
    say::program(arguments, &program)
}

/// Rows for training, and those that it is validated on.
struct Rows {
    train: (Tensor, Tensor),
    validation: Option<(Tensor, Tensor)>,
}

impl Rows {
    /// Those of a table. What is wrong with any of its rows is found here, with those of the test.
    fn of(prepared: &Prepared, predictor: &Predictor) -> Result<Self, Error> {
        let Prepared { table, split, .. } = prepared;
        split.test.chunks(1 << 16).try_for_each(|rows| predictor.rows(table, rows).map(drop))?;
        let validation = (!split.validation.is_empty()).then(|| predictor.rows(table, &split.validation));
        Ok(Self { train: predictor.rows(table, &split.train)?, validation: validation.transpose()? })
    }
}

fn train(arguments: &Arguments, predictor: &mut Predictor, rows: Rows, start: Instant) -> Result<Trained> {
    let mut fit = Fit::epochs(arguments.epochs).batch_size(arguments.batch_size).seed(arguments.seed);
    if let Some((x, y)) = &rows.validation {
        fit = fit.validation_data(x, y)?;
    }
    let (x, y) = rows.train;
    let silent = arguments.json || output::is_quiet();
    let mut reporter = Reporter::new(if silent { Verbosity::Silent } else { Verbosity::Auto });
    let mut run = predictor.model().run(&x, &y, fit).map_err(refused)?;
    loop {
        let progress = run.advance(Duration::from_millis(50))?;
        reporter.show(&progress);
        if progress.epoch_ended {
            say::epoch(arguments, progress.epoch, &progress.logs)?;
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
