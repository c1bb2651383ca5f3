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

/// The notes of a model's file that are of a table.
const PREPROCESSING: &str = "preprocessing";
const ORIGIN: &str = "origin";
/// Bytes of features and predictions that are held at once.
const WINDOW: usize = 32 << 20;
/// Bytes that a feature takes, and a prediction: f32 from the device, f64 as it is read and kept.
const OF_EACH: [usize; 2] = [4, 32];

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The program: its name and version.
    pub program: String,
    /// SHA-256 of the program's file, where it could be read.
    pub program_sha256: Option<String>,
    /// The table's file name, without its folder.
    pub data: String,
    /// SHA-256 of the table's bytes.
    pub data_sha256: String,
    /// Rows of the table that were taken, and how many of them it was trained on.
    pub rows: [usize; 2],
    /// What the training was told, by its options.
    pub settings: serde_json::Value,
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
        Self::of_notes(Model::load(path, device, registry)?, path)
    }

    /// The predictor of a model that was loaded from `path`, with the notes of one.
    pub(crate) fn of_notes(model: Model, path: &Path) -> Result<Self> {
        Self::noted(model).map_err(|reason| Error::Format { path: path.into(), position: "metadata".into(), reason })
    }

    /// Whether a model has the notes of one.
    #[cfg(feature = "cli")]
    pub(crate) fn is_noted(model: &Model) -> bool {
        model.note(PREPROCESSING).is_some()
    }

    fn noted(model: Model) -> std::result::Result<Self, String> {
        let note = model.note(PREPROCESSING);
        let note = note.ok_or("expected a model that was trained on a table, as `wgrad train` saves it")?;
        let preprocessing = Preprocessing::deserialize(note).map_err(|error| error.to_string())?;
        preprocessing.check()?;
        if let Some(note) = model.note(ORIGIN) {
            Origin::deserialize(note).map_err(|error| error.to_string())?;
        }
        Self::new(model, preprocessing).map_err(|error| error.to_string())
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

    /// What rows of the table that it was fitted to are for the model: inputs and targets.
    ///
    /// # Errors
    /// Those of [`Preprocessing::inputs`].
    pub fn rows(&self, table: &Table, rows: &[usize]) -> Result<(Tensor, Tensor)> {
        let target = self.preprocessing.target.column();
        Ok((self.preprocessing.inputs(table, rows)?, self.preprocessing.targets(table, target, rows)?))
    }

    /// Reads a table with the columns that the model takes, and `target` with what is right where that is asked for; leaves
    /// those of `ignore` out.
    ///
    /// # Errors
    /// [`Error::Argument`] for a target that is an input; [`Error::Columns`] with all that do not fit, before any row is read;
    /// those of [`ReadCsv::read`].
    pub fn read(&self, path: impl AsRef<Path>, target: Option<&str>, ignore: &[String]) -> Result<Table> {
        let path = path.as_ref();
        if let Some(name) = target.filter(|&name| self.preprocessing.inputs.iter().any(|input| input.column == name)) {
            return Err(Error::argument("target", "a column that is no input of the model", name));
        }
        let reader = std::fs::File::open(path).map_err(file::at(path))?;
        Table::parse(reader, path, |names| self.preprocessing.kinds(path, names, target, ignore))
    }

    /// What the model gives for every row of a table, in order.
    ///
    /// # Errors
    /// Those of [`Preprocessing::inputs`] and [`Model::predict`]; [`Error::Format`] with the line where that is no finite number.
    pub fn predict(&mut self, table: &Table) -> Result<Predictions> {
        let mut all = Predictions::none(self.preprocessing.target.clone());
        for rows in self.windows(table) {
            let x = self.preprocessing.inputs(table, &rows)?;
            self.give(table, &rows, &x, &mut all)?;
        }
        Ok(all)
    }

    /// The same, a part after the other, in memory that does not grow with the table: `each` gets the first row of a part and
    /// what the model gives. What is wrong with the inputs of any row is found before the first part.
    ///
    /// # Errors
    /// Those of [`Predictor::predict`] and of `each`.
    pub fn predict_each(
        &mut self,
        table: &Table,
        mut each: impl FnMut(usize, &Predictions) -> Result<()>,
    ) -> Result<()> {
        let windows = || self.windows(table);
        if windows().count() > 1 {
            windows().try_for_each(|rows| self.preprocessing.inputs(table, &rows).map(drop))?;
        }
        for rows in self.windows(table) {
            let mut part = Predictions::none(self.preprocessing.target.clone());
            let x = self.preprocessing.inputs(table, &rows)?;
            self.give(table, &rows, &x, &mut part)?;
            each(rows[0], &part)?;
        }
        Ok(())
    }

    /// All rows of a table, as many at once as are predicted at once.
    fn windows(&self, table: &Table) -> impl Iterator<Item = Vec<usize>> + use<> {
        let (rows, window) = (table.rows(), self.window());
        (0..rows).step_by(window).map(move |first| (first..rows.min(first + window)).collect())
    }

    /// How far the predictions for rows of a table are from its column `target`, and the loss.
    ///
    /// # Errors
    /// Those of [`Predictor::predict`], and of [`Model::evaluate`]: the model must be compiled.
    pub fn evaluate(&mut self, table: &Table, target: &str, rows: &[usize]) -> Result<(f64, Scores)> {
        let (mut all, mut truth, mut loss) = (Predictions::none(self.preprocessing.target.clone()), vec![], 0.0);
        for rows in rows.chunks(self.window()) {
            let x = self.preprocessing.inputs(table, rows)?;
            let y = self.preprocessing.targets(table, target, rows)?;
            let logs = self.model.evaluate(&x, &y)?;
            loss += logs.get("loss").copied().unwrap_or(f64::NAN) * rows.len() as f64;
            truth.extend(self.preprocessing.truth(table, target, rows)?);
            self.give(table, rows, &x, &mut all)?;
        }
        Ok((loss / rows.len() as f64, Scores::of(&all, &truth)))
    }

    /// Rows that are predicted at once.
    fn window(&self) -> usize {
        let outputs = if let Target::Classes { names, .. } = &self.preprocessing.target { names.len() } else { 1 };
        let of_row = OF_EACH[0] * self.preprocessing.width() + OF_EACH[1] * outputs;
        (WINDOW / of_row).max(1)
    }

    /// Adds what the model gives for rows, whose inputs are `x`.
    fn give(&mut self, table: &Table, rows: &[usize], x: &Tensor, all: &mut Predictions) -> Result<()> {
        let given = self.model.predict(x)?;
        let width = given.len() / rows.len().max(1);
        if let Some(at) = given.to_f64().iter().position(|v| !v.is_finite()) {
            let (line, got) = (table.line(rows[at / width]), given.to_f64()[at]);
            let reason =
                format!("expected a row that the model has a finite answer to, got {got}; look for a cell far off");
            return Err(Error::Format { path: table.path().into(), position: format!("line {line}"), reason });
        }
        all.extend(&given);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Missing, Task, parse_csv};
    use crate::layers::{Dense, Layer};
    use crate::model::Sequential;

    fn predictor() -> (Predictor, Table) {
        let table = parse_csv("a,y\n1,10\n\n3,20\n2,15\n".as_bytes(), "t.csv").unwrap();
        let fitted = Preprocessing::fit(&table, &[0, 1, 2], "y", Task::Regression, Missing::Error).unwrap();
        let network = Sequential::new().add(Dense::new(1).input_shape([1])).build(&Device::cpu()).unwrap();
        (Predictor::new(network, fitted).unwrap(), table)
    }

    #[test]
    fn an_answer_that_is_no_finite_number_is_an_error_with_its_line() {
        let (mut predictor, table) = predictor();
        predictor.model().set_weight("dense/kernel", &Tensor::full([1, 1], 3e38).unwrap()).unwrap();
        let refused = |error: Error| error.to_string();
        let said = refused(predictor.predict(&table).unwrap_err());
        assert!(
            said.starts_with("t.csv: line 2: expected a row that the model has a finite answer to, got -inf"),
            "{said}"
        );
        let small = parse_csv("a\n2\n2.5\n\n2\n1e38\n".as_bytes(), "new.csv").unwrap();
        let said = refused(predictor.predict(&small).unwrap_err());
        assert!(said.starts_with("new.csv: line 6: expected a row"), "{said}");
    }

    #[test]
    fn rows_are_evaluated_against_the_column_that_is_asked_for() {
        let (mut predictor, _) = predictor();
        predictor.compile(crate::optimizers::Sgd::default()).unwrap();
        let table = parse_csv("a,y,z\n1,10,1\n3,20,2\n".as_bytes(), "t.csv").unwrap();
        predictor.model().set_weight("dense/kernel", &Tensor::full([1, 1], 0.0).unwrap()).unwrap();
        let mae = |(_, scores): (f64, Scores)| scores.named().next().unwrap();
        // It says 15, the mean of the training rows, whatever it is given.
        assert_eq!(mae(predictor.evaluate(&table, "y", &[0, 1]).unwrap()), ("mae", 5.0));
        assert_eq!(mae(predictor.evaluate(&table, "z", &[0, 1]).unwrap()), ("mae", 13.5));
    }

    #[test]
    fn parts_of_a_long_table_are_the_whole() {
        let (mut predictor, _) = predictor();
        let (rows, window) = (1_000_000, predictor.window());
        assert!(window < rows);
        let long = "a\n".to_string() + &(0..rows).map(|i| format!("{}\n", i % 10)).collect::<String>();
        let table = parse_csv(long.as_bytes(), "long.csv").unwrap();
        let whole = predictor.predict(&table).unwrap();
        let (mut firsts, mut next) = (vec![], 0);
        let each = |first: usize, part: &Predictions| {
            firsts.push(first);
            assert!((0..part.rows()).all(|row| part.row(row) == whole.row(first + row)));
            next = first + part.rows();
            Ok(())
        };
        predictor.predict_each(&table, each).unwrap();
        assert_eq!((firsts, next), (vec![0, window], rows));
        // What is wrong in the last row is found before the first part is given.
        let bad = parse_csv((long + "\"\"\n").as_bytes(), "bad.csv").unwrap();
        let refused = predictor.predict_each(&bad, |_, _| panic!("a part is given")).unwrap_err().to_string();
        assert!(refused.starts_with("bad.csv: line 1000002, column a: expected a number, got nothing"), "{refused}");
    }
}
