//! A table made ready for training: read, split, and what its columns are for the model.

use anyhow::Result;
use serde_json::json;

use crate::cli::train::covered::cover;
use crate::cli::train::{Arguments, Empty};
use crate::cli::{Columns, Refused, nothing_left, output, refused};
use crate::data::{
    BREAST_CANCER_TARGET, Column, Missing, Preprocessing, ReadCsv, Split, Table, Target, Task, breast_cancer_table,
    file, split, stratified_split,
};
use crate::device::Device;
use crate::error::{Error, shown};
use crate::layers::{Dense, Layer, Placed};
use crate::model::Sequential;
use crate::ops::{Sigmoid, Softmax};
use crate::optimizers::Adam;
use crate::tabular::{Origin, Predictor};

/// Weights of a model at most: training holds each of them four times.
const MOST_WEIGHTS: usize = 1 << 28;

/// A table, ready for training.
pub(super) struct Prepared {
    pub(super) table: Table,
    /// Rows that were left out for an empty cell.
    pub(super) dropped: usize,
    /// Rows that are trained on for a text that no other training row has.
    pub(super) moved: usize,
    /// What stands for its file.
    pub(super) name: String,
    pub(super) task: Task,
    pub(super) why: String,
    pub(super) split: Split,
    pub(super) preprocessing: Preprocessing,
}

impl Prepared {
    /// Reads the table and works out what its columns are. Whatever is wrong with it is said before anything is trained.
    pub(super) fn read(arguments: &Arguments) -> Result<Self> {
        let target = arguments.target.as_deref().unwrap_or(BREAST_CANCER_TARGET);
        let (table, name) = table(arguments, target)?;
        let refuse = |error| refuse(arguments, error);
        let all = table.rows();
        let (table, missing) = match arguments.missing {
            Empty::Fill(missing) => (table, missing),
            Empty::Drop => (table.whole_rows(), Missing::Error),
        };
        if table.rows() == 0 {
            return Err(nothing_left(&table));
        }
        let (task, why) = task(arguments, &table, target)?;
        check_texts(arguments, &table, target)?;
        let (validation, test, seed) = (arguments.validation_split, arguments.test_split, arguments.seed);
        let classes = match task {
            Task::Regression => vec![],
            _ => table.classes(target).map_err(refuse)?.1,
        };
        let split = match task {
            Task::Regression => split(table.rows(), validation, test, seed),
            _ => stratified_split(&classes, validation, test, seed),
        };
        let mut split = split.map_err(refused)?;
        let moved = with_every_text(arguments, &table, target, &classes, &mut split)?;
        let mut preprocessing = Preprocessing::fit(&table, &split.train, target, task, missing).map_err(refuse)?;
        preprocessing.ignored = names(&arguments.ignore).to_vec();
        warn(arguments, &table, &split);
        Ok(Self { dropped: all - table.rows(), moved, table, name, task, why, split, preprocessing })
    }

    /// The model that is to be trained.
    pub(super) fn predictor(&self, arguments: &Arguments, device: &Device) -> Result<Predictor, Error> {
        let inputs = std::iter::once(self.preprocessing.width()).chain(arguments.layers.0.iter().copied());
        let weights = inputs.zip(&arguments.layers.0).try_fold(0usize, |all, (from, &to)| {
            all.checked_add(from.checked_mul(to)?).filter(|&all| all <= MOST_WEIGHTS)
        });
        if weights.is_none() {
            let got = format!("{:?} units after {} features", arguments.layers.0, self.preprocessing.width());
            return Err(Error::argument("layers", format!("a model of at most {MOST_WEIGHTS} weights"), got));
        }
        let hidden = arguments.layers.0.iter().map(|&units| Dense::new(units).activation(arguments.activation));
        let last = match &self.preprocessing.target {
            Target::Value { .. } => Dense::new(1),
            Target::Classes { names, .. } if names.len() == 2 => Dense::new(1).activation(Sigmoid),
            Target::Classes { names, .. } => Dense::new(names.len()).activation(Softmax),
        };
        let mut layers = hidden.chain([last]);
        let first = layers.next().map(|layer| layer.input_shape([self.preprocessing.width()]));
        let network = first
            .into_iter()
            .chain(layers.map(Placed::from))
            .fold(Sequential::new().seed(arguments.seed), Sequential::add);
        let mut predictor = Predictor::new(network.build(device)?, self.preprocessing.clone())?;
        predictor.compile(Adam::new(arguments.learning_rate))?;
        Ok(predictor)
    }

    /// What the model's file says of where it comes from.
    pub(super) fn origin(&self, arguments: &Arguments, device: &Device) -> Origin {
        Origin {
            program: concat!("wgrad ", env!("CARGO_PKG_VERSION")).into(),
            program_sha256: std::env::current_exe()
                .and_then(|program| file::hash_of(&program))
                .ok()
                .map(|hash| file::hexadecimal(&hash)),
            data: self.name.clone(),
            data_sha256: self.table.sha256().into(),
            rows: [self.table.rows(), self.split.train.len()],
            settings: settings(arguments),
            device: device.to_string(),
        }
    }
}

/// What the training was told.
fn settings(arguments: &Arguments) -> serde_json::Value {
    let missing = match arguments.missing {
        Empty::Fill(Missing::Error) => "error",
        Empty::Fill(Missing::Mean) => "mean",
        Empty::Drop => "drop",
    };
    json!({
        "epochs": arguments.epochs,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "validation_split": arguments.validation_split,
        "test_split": arguments.test_split,
        "seed": arguments.seed,
        "missing": missing,
    })
}

fn names(columns: &Option<Columns>) -> &[String] {
    columns.as_ref().map_or(&[], |Columns(names)| names)
}

/// The table that is asked for, with `target` among its columns, and what stands for its file.
fn table(arguments: &Arguments, target: &str) -> Result<(Table, String)> {
    if names(&arguments.ignore).iter().any(|column| column == target) {
        return Err(Refused(format!("--ignore: expected other columns than the target, got `{target}`")).into());
    }
    let Some(path) = &arguments.data else {
        let table = breast_cancer_table().map_err(|error| refuse(arguments, error))?;
        return Ok((table, "breast_cancer.csv (embedded)".into()));
    };
    let read = ReadCsv::new().text(names(&arguments.categorical)).leave(names(&arguments.ignore));
    let table = read.read(path).and_then(|table| table.column(target).map(|_| ()).map(|()| table));
    let table = table.map_err(|error| match error {
        unknown @ Error::Unknown { .. } => {
            Refused(format!("{}: {unknown} (line 1 is to name the columns)", path.display())).into()
        }
        error => refuse(arguments, error),
    });
    Ok((table?, path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

/// What is wrong with a table, in the words of its file and not of the command line, where there is one.
fn refuse(arguments: &Arguments, error: Error) -> anyhow::Error {
    match arguments.data {
        Some(_) => Refused(error.to_string()).into(),
        None => refused(error),
    }
}

/// Refuses columns of text that nobody has called categories and that have one of their own in most rows.
fn check_texts(arguments: &Arguments, table: &Table, target: &str) -> Result<()> {
    let is_asked_for = |name: &str| name == target || names(&arguments.categorical).iter().any(|other| other == name);
    for column in table.columns().iter().filter(|column| !is_asked_for(column.name())) {
        let (texts, rows) = (column.texts().map_or(0, <[_]>::len), table.rows());
        if is_mostly_different(texts, rows) {
            let reason = format!("expected numbers, or texts of several rows each, got {texts} texts in {rows} rows");
            let fix = "are they numbers in another form (10,5 or $10)? `--ignore` leaves the column out, `--categorical` keeps it";
            return Err(refuse(arguments, table.wrong_in(column.name(), format!("{reason}; {fix}"))));
        }
    }
    Ok(())
}

/// Whether texts are too many to be categories.
fn is_mostly_different(texts: usize, rows: usize) -> bool {
    texts > 20 && 2 * texts > rows
}

/// The task that is asked for or fits, and why.
fn task(arguments: &Arguments, table: &Table, target: &str) -> Result<(Task, String)> {
    let refuse = |error| refuse(arguments, error);
    let (fits, why) = Task::of(table, target).map_err(refuse)?;
    match arguments.task.0 {
        Some(Task::Multiclass) if table.classes(target).map_err(refuse)?.0.len() == 2 => {
            Ok((Task::Binary, "multiclass was asked for, and there are two classes".into()))
        }
        Some(task) => Ok((task, "asked for".into())),
        None => {
            let (texts, rows) = (table.column(target)?.texts().map_or(0, <[_]>::len), table.rows());
            if is_mostly_different(texts, rows) {
                let reason =
                    format!("expected a number, or classes of several rows each, got {texts} texts in {rows} rows");
                let fix = "are they numbers in another form (10,5 or $10)? `--task multiclass` takes them as classes";
                return Err(refuse(table.wrong_in(target, format!("{reason}; {fix}"))));
            }
            Ok((fits, why))
        }
    }
}

/// Sees to it that every text is trained on, by [`cover`]; says how many rows have changed places for that.
fn with_every_text(
    arguments: &Arguments,
    table: &Table,
    target: &str,
    classes: &[usize],
    split: &mut Split,
) -> Result<usize> {
    let columns: Vec<&Column> = table.columns().iter().filter(|c| c.is_text() && c.name() != target).collect();
    let before = split.validation.len() + split.test.len();
    let moved = cover(&columns, classes, split);
    let fewer = before - split.validation.len() - split.test.len();
    let shares = [(arguments.validation_split, &split.validation), (arguments.test_split, &split.test)];
    let is_gone = shares.iter().any(|(share, rows)| *share > 0.0 && rows.is_empty());
    match moved.iter().zip(&columns).max_by_key(|(count, _)| **count) {
        Some((1.., column)) if is_gone => {
            let (texts, rows) = (column.texts().map_or(0, <[_]>::len), table.rows());
            let reason = format!("expected texts that several rows have, got {texts} in {rows} rows");
            let fix = "leave the column out (ignore), or keep no rows back (a split of 0)";
            Err(refuse(arguments, table.wrong_in(column.name(), format!("{reason}; {fix}"))))
        }
        most => {
            if let (1.., Some((_, column))) = (fewer, most) {
                let why = format!("texts of {} and others stand in one row alone", shown(column.name()));
                output::say(&format!("warning: {fewer} rows fewer are kept back, not in proportion of classes: {why}"));
            }
            Ok(moved.iter().sum())
        }
    }
}

/// Says what is odd about a table and its split, and no mistake.
fn warn(arguments: &Arguments, table: &Table, split: &Split) {
    let shares = [arguments.validation_split, arguments.test_split];
    let parts = [("--validation-split", &split.validation), ("--test-split", &split.test)];
    for (share, (option, _)) in shares.iter().zip(parts).filter(|(share, (_, rows))| **share > 0.0 && rows.is_empty()) {
        let rows = table.rows();
        output::say(&format!("warning: {option} {share} of {rows} rows is no row, for each class is trained on"));
    }
    let (path, constant) = (table.path().display(), table.constant_columns(&split.train));
    if !constant.is_empty() {
        let columns = match constant.len() {
            0..=8 => constant.iter().map(|column| format!("`{}`", shown(column))).collect::<Vec<_>>().join(", "),
            count => format!("{count} columns"),
        };
        output::say(&format!("warning: {columns} of {path}: constant in the training rows"));
    }
}
