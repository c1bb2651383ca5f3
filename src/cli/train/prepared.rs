//! A table made ready for training: read, split, and what its columns are for the model.

use anyhow::Result;

use crate::cli::train::{Arguments, Empty};
use crate::cli::{Refused, output, refused};
use crate::data::{
    BREAST_CANCER_TARGET, Missing, Preprocessing, ReadCsv, Split, Table, Target, Task, breast_cancer_table, split,
    stratified_split,
};
use crate::device::Device;
use crate::error::Error;
use crate::layers::{Dense, Layer, Placed};
use crate::model::Sequential;
use crate::ops::{Sigmoid, Softmax};
use crate::optimizers::Adam;
use crate::tabular::{Origin, Predictor};

/// A table, ready for training.
pub(super) struct Prepared {
    pub(super) table: Table,
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
        warn_of_constants(&table, &split.train);
        Ok(Self { table, name, task, why, split, preprocessing })
    }

    /// The model that is to be trained.
    pub(super) fn predictor(&self, arguments: &Arguments, device: &Device) -> Result<Predictor, Error> {
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
            data: self.name.clone(),
            data_sha256: self.table.sha256().into(),
            rows: [self.table.rows(), self.split.train.len()],
            seed: arguments.seed,
            epochs: arguments.epochs,
            device: device.to_string(),
        }
    }
}

/// The table that is asked for, with `target` among its columns, and what stands for its file.
fn table(arguments: &Arguments, target: &str) -> Result<(Table, String)> {
    if arguments.ignore.iter().any(|column| column == target) {
        return Err(Refused(format!("--ignore: expected other columns than the target, got `{target}`")).into());
    }
    let Some(path) = &arguments.data else {
        let table = breast_cancer_table().map_err(|error| refuse(arguments, error))?;
        return Ok((table, "breast_cancer.csv (embedded)".into()));
    };
    let read = ReadCsv::new().text(&arguments.categorical).leave(&arguments.ignore);
    let table = read.read(path).and_then(|table| table.column(target).map(|_| ()).map(|()| table));
    let table = table.map_err(|error| match error {
        unknown @ Error::Unknown { .. } => Refused(format!("{}: {unknown}", path.display())).into(),
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

/// Says which columns have one value alone in the rows that are trained on.
fn warn_of_constants(table: &Table, rows: &[usize]) {
    let constant = table.constant_columns(rows);
    if !constant.is_empty() {
        let columns: Vec<String> = constant.iter().map(|column| format!("`{column}`")).collect();
        let columns = if columns.len() > 8 { format!("{} columns", columns.len()) } else { columns.join(", ") };
        output::say(&format!("warning: {columns} of {}: constant in the training rows", table.path().display()));
    }
}
