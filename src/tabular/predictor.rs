//! A model that takes rows of a table.

use std::path::Path;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::data::ReadCsv;
use crate::data::{Preprocessing, Table, Target, file};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::layers::Registry;
use crate::losses::{BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy};
use crate::model::Model;
use crate::optimizers::Optimizer;
use crate::tabular::{Predictions, Scores};
use crate::tensor::Tensor;
use crate::train::Logs;

/// The notes of a model's file that are of a table.
const PREPROCESSING: &str = "preprocessing";
const ORIGIN: &str = "origin";
/// Bytes of features that are predicted at once.
const WINDOW: usize = 32 << 20;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The program: its name and version.
    pub program: String,
    /// The table's file name, without its folder.
    pub data: String,
    /// SHA-256 of the table's bytes.
    pub data_sha256: String,
    /// Rows of the table, and how many of them it was trained on.
    pub rows: [usize; 2],
    /// The seed of split, weights and order.
    pub seed: u64,
    /// Passes over the training rows.
    pub epochs: usize,
    /// The device that it was trained on.
    pub device: String,
}

/// A model with what its table's columns are: raw rows in, predictions out.
///
/// ```
/// use wgrad::data::{Missing, Preprocessing, Task, parse_csv};
/// use wgrad::prelude::*;
/// use wgrad::tabular::Predictor;
/// let table = parse_csv("size,kind\n1,small\n2,small\n8,large\n9,large\n".as_bytes(), "t.csv")?;
/// let rows: Vec<usize> = (0..table.rows()).collect();
/// let fitted = Preprocessing::fit(&table, &rows, "kind", Task::Binary, Missing::Error)?;
/// let network = Sequential::new().add(Dense::new(1).activation(Sigmoid).input_shape([fitted.width()]));
/// let mut predictor = Predictor::new(network.build(&Device::cpu())?, fitted)?;
/// let (x, y) = predictor.rows(&table, &rows)?;
/// predictor.compile(Adam::new(0.1))?;
/// predictor.model().fit(&x, &y, Fit::epochs(60).verbosity(Verbosity::Silent))?;
/// let new = parse_csv("size\n1.5\n7\n".as_bytes(), "new.csv")?;
/// let given = predictor.predict(&new)?;
/// assert_eq!([given.class(0), given.class(1)], [Some(1), Some(0)]); // large, small
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct Predictor {
    model: Model,
    preprocessing: Preprocessing,
}

impl Predictor {
    /// Of a model with one input of as many features as the table gives, and one output: 1 for two classes or a value, else
    /// one for each class.
    ///
    /// # Errors
    /// [`Error::Shape`] where these do not fit.
    pub fn new(model: Model, preprocessing: Preprocessing) -> Result<Self> {
        let outputs = match &preprocessing.target {
            Target::Classes { names, .. } if names.len() > 2 => names.len(),
            _ => 1,
        };
        let (inputs, given) = (model.input_shapes(), model.output_shapes());
        let dims =
            |shapes: &[&crate::shape::Shape]| shapes.iter().map(|s| s.to_string()).collect::<Vec<_>>().join(", ");
        let (width, fits) = (
            preprocessing.width(),
            |shapes: &[&crate::shape::Shape], n: usize| matches!(shapes, [s] if s.dims() == [n]),
        );
        if !fits(&inputs, width) || !fits(&given, outputs) {
            let expected = format!("a model from [{width}] to [{outputs}]");
            return Err(Error::shape("preprocessing", expected, format!("{} to {}", dims(&inputs), dims(&given))));
        }
        Ok(Self { model, preprocessing })
    }

    /// The predictor of a file that [`Predictor::save`] wrote. `registry` makes the layers.
    ///
    /// # Errors
    /// Those of [`Model::load`]; [`Error::Format`] where the model was not trained on a table.
    pub fn load(path: impl AsRef<Path>, device: &Device, registry: &Registry) -> Result<Self> {
        let path = path.as_ref();
        let model = Model::load(path, device, registry)?;
        let wrong = |reason: String| Error::Format { path: path.into(), position: "metadata".into(), reason };
        let note = model.note(PREPROCESSING);
        let note = note
            .ok_or_else(|| wrong("expected a model that was trained on a table, as `wgrad train` saves it".into()))?;
        let preprocessing = Preprocessing::deserialize(note).map_err(|error| wrong(error.to_string()))?;
        preprocessing.check().map_err(wrong)?;
        Self::new(model, preprocessing)
    }

    /// Writes model, preprocessing and origin to a file: see [`Model::save`].
    ///
    /// # Errors
    /// Those of [`Model::save`].
    pub fn save(&mut self, path: impl AsRef<Path>, origin: &Origin) -> Result<()> {
        file::write(path.as_ref(), &self.to_bytes(origin)?)
    }

    /// The bytes that [`Predictor::save`] writes.
    ///
    /// # Errors
    /// Those of [`Model::to_bytes`].
    pub fn to_bytes(&mut self, origin: &Origin) -> Result<Vec<u8>> {
        let json = |value: serde_json::Result<serde_json::Value>| {
            value.map_err(|e| Error::Unsupported {
                what: format!("a note that is no JSON ({e})"),
                fix: "report this as a bug".into(),
            })
        };
        self.model.set_note(PREPROCESSING, json(serde_json::to_value(&self.preprocessing))?);
        self.model.set_note(ORIGIN, json(serde_json::to_value(origin))?);
        self.model.to_bytes()
    }

    /// Where the model comes from, if its file says so.
    pub fn origin(&self) -> Option<Origin> {
        Origin::deserialize(self.model.note(ORIGIN)?).ok()
    }

    /// The model.
    pub fn model(&mut self) -> &mut Model {
        &mut self.model
    }

    /// What the table's columns are.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// Takes the target from another column than that of the training.
    ///
    /// # Errors
    /// [`Error::Argument`] for one that is an input.
    pub fn set_target_column(&mut self, name: &str) -> Result<()> {
        if self.preprocessing.inputs.iter().any(|input| input.column == name) {
            return Err(Error::argument("target", "a column that is no input of the model", name));
        }
        match &mut self.preprocessing.target {
            Target::Classes { column, .. } | Target::Value { column, .. } => *column = name.into(),
        }
        Ok(())
    }

    /// Sets what the model is trained by: the loss of its task, and the accuracy of classes.
    ///
    /// # Errors
    /// Those of [`Model::compile`].
    pub fn compile(&mut self, optimizer: impl Optimizer + 'static) -> Result<()> {
        match &self.preprocessing.target {
            Target::Value { .. } => self.model.compile(optimizer, MeanSquaredError, ["mse"; 0]),
            Target::Classes { names, .. } if names.len() == 2 => {
                self.model.compile(optimizer, BinaryCrossentropy::default(), ["accuracy"])
            }
            Target::Classes { .. } => {
                self.model.compile(optimizer, SparseCategoricalCrossentropy::default(), ["accuracy"])
            }
        }
    }

    /// What rows of a table are for the model: inputs and targets.
    ///
    /// # Errors
    /// Those of [`Preprocessing::inputs`].
    pub fn rows(&self, table: &Table, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        Ok((self.preprocessing.inputs(table, rows)?, self.preprocessing.targets(table, rows)?))
    }

    /// Reads a table with the columns that the model takes, its target only where it is asked for, and leaves those of
    /// `ignore` out.
    ///
    /// # Errors
    /// [`Error::Columns`] with all that do not fit, before any row is read; those of [`ReadCsv::read`].
    pub fn read(&self, path: impl AsRef<Path>, target: bool, ignore: &[String]) -> Result<Table> {
        let path = path.as_ref();
        let reader = std::fs::File::open(path).map_err(file::at(path))?;
        Table::parse(reader, path, |names| self.preprocessing.kinds(path, names, target, ignore))
    }

    /// What the model gives for every row of a table, in order.
    ///
    /// # Errors
    /// Those of [`Preprocessing::inputs`] and [`Model::predict`].
    pub fn predict(&mut self, table: &Table) -> Result<Predictions> {
        self.predict_rows(table, &(0..table.rows()).collect::<Vec<_>>())
    }

    fn predict_rows(&mut self, table: &Table, rows: &[usize]) -> Result<Predictions> {
        let window = (WINDOW / 4 / self.preprocessing.width().max(1)).max(1);
        let target = self.preprocessing.target.clone();
        let mut all = Predictions::new(target.clone(), &Tensor::new([0], vec![])?);
        for rows in rows.chunks(window) {
            let given = self.model.predict(self.preprocessing.inputs(table, rows)?)?;
            all.extend(Predictions::new(target.clone(), &given));
        }
        Ok(all)
    }

    /// How far the predictions for rows of a table are from its target, and the loss.
    ///
    /// # Errors
    /// Those of [`Predictor::predict`], and of [`Model::evaluate`]: the model must be compiled.
    pub fn evaluate(&mut self, table: &Table, rows: &[usize]) -> Result<(f64, Scores)> {
        let (x, y) = self.rows(table, rows)?;
        let logs: Logs = self.model.evaluate(&x, &y)?;
        let predictions = self.predict_rows(table, rows)?;
        Ok((logs.get("loss").copied().unwrap_or(f64::NAN), Scores::of(&predictions, &y)?))
    }
}
