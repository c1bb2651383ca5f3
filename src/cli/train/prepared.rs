//! A table made ready for training: read, split, and what its columns are for the model.

use std::fs::File;
use std::io::Read;

use anyhow::Result;
use serde_json::json;
use sha2::{Digest, Sha256};

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
        let split = match task {
            Task::Regression => split(table.rows(), validation, test, seed),
            _ => stratified_split(&table.classes(target).map_err(refuse)?.1, validation, test, seed),
        };
        let (split, moved) = with_every_text(arguments, &table, target, split.map_err(refused)?)?;
        let mut preprocessing = Preprocessing::fit(&table, &split.train, target, task, missing).map_err(refuse)?;
        preprocessing.ignored = names(&arguments.ignore).to_vec();
        warn(arguments, &table, &split, moved);
        Ok(Self { dropped: all - table.rows(), table, name, task, why, split, preprocessing })
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
            program_sha256: program_sha256().ok(),
            data: self.name.clone(),
            data_sha256: self.table.sha256().into(),
            rows: [self.table.rows(), self.split.train.len()],
            settings: settings(arguments),
            device: device.to_string(),
        }
    }
}

/// SHA-256 of this program's file.
fn program_sha256() -> std::io::Result<String> {
    let (mut program, mut hash) = (File::open(std::env::current_exe()?)?, Sha256::new());
    let mut part = vec![0; 1 << 16];
    loop {
        match program.read(&mut part)? {
            0 => return Ok(file::hexadecimal(&hash.finalize())),
            count => hash.update(&part[..count]),
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

/// The split with every text among the rows that are trained on: one that no training row has could not be learned, so the
/// first row with it goes there. And how many these are.
fn with_every_text(arguments: &Arguments, table: &Table, target: &str, mut split: Split) -> Result<(Split, usize)> {
    let held = |split: &Split| [split.validation.len(), split.test.len()];
    let before = held(&split);
    for column in table.columns().iter().filter(|column| column.name() != target) {
        let mut seen = vec![false; column.texts().map_or(0, <[_]>::len)];
        let mut is_new = |row: usize| column.code(row).is_some_and(|code| !std::mem::replace(&mut seen[code], true));
        for &row in &split.train {
            is_new(row);
        }
        for part in [&mut split.validation, &mut split.test] {
            let (new, rest) = part.iter().partition(|&&row| is_new(row));
            *part = rest;
            split.train.extend::<Vec<usize>>(new);
        }
    }
    let [validation, test] = held(&split);
    let moved = before.iter().sum::<usize>() - validation - test;
    let (asked, left) = ([arguments.validation_split, arguments.test_split], [validation, test]);
    if moved > 0 && asked.iter().zip(left).any(|(&share, rows)| share > 0.0 && rows == 0) {
        let texts = |column: &&Column| column.texts().map_or(0, <[_]>::len);
        let widest = table.columns().iter().filter(|column| column.name() != target).max_by_key(texts);
        let (name, count) = widest.map_or(("", 0), |column| (column.name(), texts(&column)));
        let reason = format!(
            "expected texts that several rows have, got {count} in {} rows; leave the column out (ignore)",
            table.rows()
        );
        return Err(refuse(arguments, table.wrong_in(name, reason)));
    }
    Ok((split, moved))
}

/// Says what is odd about a table and its split, and no mistake.
fn warn(arguments: &Arguments, table: &Table, split: &Split, moved: usize) {
    if moved > 0 {
        output::say(&format!("note: {moved} more rows are trained on, for texts that no other training row has"));
    }
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
