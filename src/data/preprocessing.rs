//! How rows of a table become what a model takes and gives: fitted to the rows that it is trained on, and saved with it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::data::encode::{OneHotEncoder, one_of};
use crate::data::scale::statistics;
use crate::data::table::{Column, Kind, MOST_CATEGORIES, Table};
use crate::data::task::Task;
use crate::error::{Error, Result, shown};
use crate::tensor::Tensor;

/// What a table's columns are for a model.
///
/// ```
/// use wgrad::data::{Missing, Preprocessing, Task, parse_csv};
/// let table = parse_csv("size,colour,kind\n1,red,x\n3,blue,y\n".as_bytes(), "t.csv")?;
/// let fitted = Preprocessing::fit(&table, &[0, 1], "kind", Task::Binary, Missing::Error)?;
/// assert_eq!(*fitted.inputs(&table, &[0, 1])?.to_f32(), [-1.0, 0.0, 1.0, 1.0, 1.0, 0.0]); // size, blue, red
/// assert_eq!(*fitted.targets(&table, "kind", &[0, 1])?.to_f32(), [0.0, 1.0]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// The columns that the model looks at, in the order of their features.
    pub inputs: Vec<Input>,
    /// The column that it gives.
    pub target: Target,
    /// Columns that may be there and that it does not look at.
    pub ignored: Vec<String>,
}

/// A column of the inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name.
    pub column: String,
    /// What its cells become.
    pub encoding: Encoding,
}

/// What a cell becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// A number x: one feature, `(x − mean) / deviation`, in f64, rounded to f32.
    Standardized {
        /// The mean of the training rows.
        mean: f64,
        /// Their standard deviation, with their number as the divisor; 1 where all are equal.
        deviation: f64,
        /// What an empty cell is taken for; without it, there may be none.
        fill: Option<f64>,
    },
    /// A text: a feature for each text of the training rows, 1 for the cell's own and 0 for the others.
    OneHot(OneHotEncoder),
}

/// The column that a model gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// A class; with two of them the model gives the probability of the second one, else one for each.
    Classes {
        /// The column's name.
        column: String,
        /// The names of the classes, in the order of their numbers.
        names: Vec<String>,
        /// Whether the cells are numbers: `1` and `1.0` are one class then.
        numbers: bool,
    },
    /// A number x; the model gives `(x − mean) / deviation`.
    Value {
        /// The column's name.
        column: String,
        /// The mean of the training rows.
        mean: f64,
        /// Their standard deviation.
        deviation: f64,
    },
}

/// What an empty cell of an input is; [`Table::whole_rows`] leaves rows with one out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// A mistake.
    #[default]
    Error,
    /// The mean of the column's numbers in the training rows; a mistake in a column of text.
    Mean,
}

/// Classes at most.
const MOST_CLASSES: usize = MOST_CATEGORIES;
/// Features that the columns of a table become at most.
pub const MOST_FEATURES: usize = 65_536;
/// What can be done about an empty cell of a table that a model is given, and before that of the one that it is fitted to.
const FILL_GIVEN: &str = "fill the cell, or leave its row out";
const FILL: &str = "fill the cell, or drop its row (missing)";
const FILL_NUMBER: &str = "fill the cell, let it be the mean, or drop its row (missing)";
impl Table {
    /// The columns that have one value in all of these rows, empty cells left out.
    pub fn constant_columns(&self, rows: &[usize]) -> Vec<&str> {
        let constant = |column: &&Column| match column.texts() {
            Some(_) => same(rows.iter().filter_map(|&row| column.code(row))),
            None => {
                let values = column.numbers().unwrap_or_default();
                same(rows.iter().filter_map(|&row| values.get(row)).filter(|value| !value.is_nan()))
            }
        };
        self.columns().iter().filter(constant).map(Column::name).collect()
    }
}

/// Whether numbers can be standardised by these.
fn is_scale(mean: f64, deviation: f64) -> bool {
    mean.is_finite() && deviation.is_normal() && deviation > 0.0
}

/// Whether these are categories or classes, each of them once.
fn is_list(names: &[String], least: usize) -> bool {
    let different: HashSet<&String> = names.iter().collect();
    (least..=MOST_CLASSES).contains(&names.len()) && different.len() == names.len()
}

fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    let Some(first) = values.next() else { return true };
    values.all(|value| value == first)
}

impl Preprocessing {
    /// Fits to the training rows `rows` of a table: every column but the target is an input. Classes are those of the whole
    /// table.
    ///
    /// # Errors
    /// [`Error::Unknown`] where `target` is no column; [`Error::Format`] for a target that does not fit the task, or is the only
    /// column, for an empty cell in any row that must not be, and for more than [`MOST_FEATURES`] features.
    pub fn fit(table: &Table, rows: &[usize], target: &str, task: Task, missing: Missing) -> Result<Self> {
        let target = Target::fit(table, rows, target, task)?;
        let others = table.columns().iter().filter(|column| column.name() != target.column());
        let inputs = others.map(|column| Input::fit(table, rows, column, missing)).collect::<Result<Vec<_>>>()?;
        if inputs.is_empty() {
            return Err(table.wrong_in(target.column(), "expected columns beside the target, got none"));
        }
        let fitted = Self { inputs, target, ignored: vec![] };
        let widest = fitted.inputs.iter().max_by_key(|input| input.encoding.width());
        if let (true, Some(Input { column, encoding })) = (fitted.width() > MOST_FEATURES, widest) {
            let (all, most) = (fitted.width(), encoding.width());
            let reason =
                format!("expected at most {MOST_FEATURES} features in all, got {all}, {most} of them of this column");
            return Err(table.wrong_in(column, reason + "; leave the column out (ignore)"));
        }
        Ok(fitted)
    }

    /// What is wrong with one that comes from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (mut seen, mut twice) = (HashSet::from([self.target.column()]), None);
        for Input { column, encoding } in &self.inputs {
            if !seen.insert(column) {
                twice.get_or_insert(column);
            }
            let usable = match encoding {
                Encoding::Standardized { mean, deviation, fill } => {
                    is_scale(*mean, *deviation) && fill.is_none_or(f64::is_finite)
                }
                Encoding::OneHot(OneHotEncoder { categories }) => is_list(categories, 1),
            };
            if !usable {
                return Err(format!("the encoding of the column `{}` makes no sense", shown(column)));
            }
        }
        let usable = match &self.target {
            Target::Classes { names, .. } => is_list(names, 2),
            Target::Value { mean, deviation, .. } => is_scale(*mean, *deviation),
        };
        match twice {
            Some(column) => Err(format!("the column `{}` stands there twice", shown(column))),
            None if !usable => Err("what the target is makes no sense".into()),
            None => Ok(()),
        }
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.inputs.iter().map(|input| input.encoding.width()).sum()
    }

    /// What rows are for the model: f32 `[rows, width]`.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a column that the table has not; [`Error::Format`] for a text among numbers, a text that is no
    /// category, an empty cell that must not be, and a number so far from the mean that f32 cannot hold the feature;
    /// [`Error::OutOfMemory`].
    pub fn inputs(&self, table: &Table, rows: &[usize]) -> Result<Tensor> {
        let (width, mut data) = (self.width(), vec![]);
        let need = rows.len().saturating_mul(width);
        let taken = data.try_reserve_exact(need);
        taken.map_err(|_| Error::OutOfMemory { need: (need as u64).saturating_mul(4), held: 0 })?;
        data.resize(need, 0.0);
        let mut at = 0;
        for Input { column, encoding } in &self.inputs {
            let cells = data.iter_mut().skip(at).step_by(width.max(1));
            match encoding {
                Encoding::Standardized { mean, deviation, fill } => {
                    for ((to, value), &row) in cells.zip(numbers(table, column, rows, *fill)?).zip(rows) {
                        *to = scaled(table, (column, row), value, [*mean, *deviation])?;
                    }
                }
                Encoding::OneHot(OneHotEncoder { categories }) => {
                    for (i, place) in places(table, column, rows, ("category", categories))?.into_iter().enumerate() {
                        data[i * width + at + place] = 1.0;
                    }
                }
            }
            at += encoding.width();
        }
        Tensor::new([rows.len(), width], data)
    }

    /// What the model is to give for rows: f32 `[rows, 1]`, the number of a class or a standardised value, from the column
    /// `column` of the table.
    ///
    /// # Errors
    /// Those of [`Preprocessing::inputs`].
    pub fn targets(&self, table: &Table, column: &str, rows: &[usize]) -> Result<Tensor> {
        let truth = self.truth(table, column, rows)?.into_iter();
        let data = match &self.target {
            Target::Classes { .. } => truth.map(|class| class as f32).collect(),
            Target::Value { mean, deviation, .. } => {
                let scaled = |(value, &row)| scaled(table, (column, row), value, [*mean, *deviation]);
                truth.zip(rows).map(scaled).collect::<Result<_>>()?
            }
        };
        Tensor::new([rows.len(), 1], data)
    }

    /// What a column says of rows: the numbers of classes, or values as they stand there.
    pub(crate) fn truth(&self, table: &Table, column: &str, rows: &[usize]) -> Result<Vec<f64>> {
        match &self.target {
            Target::Classes { names, .. } => {
                Ok(places(table, column, rows, ("class", names))?.into_iter().map(|place| place as f64).collect())
            }
            Target::Value { .. } => numbers(table, column, rows, None),
        }
    }

    /// How the columns of another table are read for this; `target` is the one that has what is right, where that is asked
    /// for.
    ///
    /// # Errors
    /// [`Error::Columns`] with all columns that are missing, those that nobody knows, and those of `leave` that are needed or
    /// not there.
    pub(crate) fn kinds(
        &self,
        path: &std::path::Path,
        names: &[String],
        target: Option<&str>,
        leave: &[String],
    ) -> Result<Vec<Kind>> {
        let of = |name: &str| match self.inputs.iter().find(|input| input.column == name) {
            Some(Input { encoding: Encoding::Standardized { .. }, .. }) => Some(Kind::Number),
            Some(Input { encoding: Encoding::OneHot(_), .. }) => Some(Kind::Text),
            None if target == Some(name) => Some(self.target.kind()),
            None if name == self.target.column() => Some(Kind::Left),
            None => self.ignored.iter().chain(leave).any(|other| other == name).then_some(Kind::Left),
        };
        let is_there = |column: &str| names.iter().any(|name| name == column);
        let wanted = || self.inputs.iter().map(|input| input.column.as_str()).chain(target);
        let missing = wanted().filter(|column| !is_there(column));
        let missing = missing.map(|column| format!("`{}` is missing", shown(column)));
        let unknown = names.iter().filter(|name| of(name).is_none());
        let unknown = unknown.map(|name| format!("`{}` is not known to the model", shown(name)));
        let left = leave.iter().filter_map(|name| match wanted().any(|column| column == name) {
            true => Some(format!("`{}` is needed and cannot be ignored", shown(name))),
            false => (!is_there(name)).then(|| format!("`{}` is to be ignored and is not there", shown(name))),
        });
        let differences: Vec<String> = missing.chain(unknown).chain(left).collect();
        match differences.is_empty() {
            true => Ok(names.iter().filter_map(|name| of(name)).collect()),
            false => Err(Error::Columns { path: path.into(), differences }),
        }
    }
}

impl Input {
    fn fit(table: &Table, rows: &[usize], column: &Column, missing: Missing) -> Result<Self> {
        let name = column.name();
        let empty = column.first_empty();
        let encoding = match column.texts() {
            Some(texts) => {
                if let Some(line) = empty {
                    let no_mean = if missing == Missing::Mean { "text has no mean; " } else { "" };
                    return Err(table.wrong(line, name, format!("expected a category, got nothing; {no_mean}{FILL}")));
                }
                let mut seen = vec![false; texts.len()];
                rows.iter().filter_map(|&row| column.code(row)).for_each(|code| seen[code] = true);
                let of_rows = texts.iter().zip(seen).filter(|(_, seen)| *seen);
                Encoding::OneHot(OneHotEncoder::fit(of_rows.map(|((text, _), _)| &**text))?)
            }
            None => {
                if let Some(line) = empty.filter(|_| missing == Missing::Error) {
                    return Err(table.wrong(line, name, format!("expected a number, got nothing; {FILL_NUMBER}")));
                }
                let values = column.numbers().unwrap_or_default();
                let present =
                    || rows.iter().filter_map(|&row| values.get(row)).copied().filter(|value| !value.is_nan());
                let (mean, deviation) = statistics(present, present().count() as f64);
                if !mean.is_finite() || !deviation.is_finite() {
                    let line = column.first_empty().unwrap_or(2);
                    return Err(table.wrong(
                        line,
                        name,
                        "expected a number in one of the training rows, got none; leave the column out (ignore)",
                    ));
                }
                Encoding::Standardized { mean, deviation, fill: (missing == Missing::Mean).then_some(mean) }
            }
        };
        Ok(Self { column: name.into(), encoding })
    }
}

impl Encoding {
    /// The number of features that a column becomes.
    pub fn width(&self) -> usize {
        match self {
            Self::Standardized { .. } => 1,
            Self::OneHot(encoder) => encoder.categories.len(),
        }
    }
}

impl Target {
    fn fit(table: &Table, rows: &[usize], column: &str, task: Task) -> Result<Self> {
        let name = column.to_string();
        if task == Task::Regression {
            // Of all rows: those that are kept back for a test are needed too.
            if let Some(line) = table.column(column)?.first_empty() {
                return Err(table.wrong(line, column, format!("expected a number, got nothing; {FILL}")));
            }
            let values = numbers(table, column, rows, None)?;
            let (mean, deviation) = statistics(|| values.iter().copied(), rows.len() as f64);
            return Ok(Self::Value { column: name, mean, deviation });
        }
        let (names, _) = table.classes(column)?;
        let fits = if task == Task::Binary { names.len() == 2 } else { (2..=MOST_CLASSES).contains(&names.len()) };
        if !fits {
            let most = if task == Task::Binary { "2".into() } else { format!("2 to {MOST_CLASSES}") };
            return Err(table.wrong_in(column, format!("expected {most} classes, got {}", names.len())));
        }
        if names.iter().any(|class| column.strip_prefix("p_") == Some(class)) {
            let reason =
                "expected another name, for predictions have a column of that name for the probability of a class";
            return Err(table.wrong_in(column, format!("{reason}; rename it")));
        }
        Ok(Self::Classes { column: name, names, numbers: !table.column(column)?.is_text() })
    }

    /// The column's name, in the table that it was fitted to.
    pub fn column(&self) -> &str {
        match self {
            Self::Classes { column, .. } | Self::Value { column, .. } => column,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Classes { numbers: false, .. } => Kind::Text,
            _ => Kind::Number,
        }
    }
}

/// A number of a column in a row in the scale of its training rows.
fn scaled(table: &Table, (column, row): (&str, usize), value: f64, [mean, deviation]: [f64; 2]) -> Result<f32> {
    let scaled = ((value - mean) / deviation) as f32;
    if scaled.is_finite() {
        return Ok(scaled);
    }
    let scale = format!("mean {mean:?} and deviation {deviation:?} of the training rows");
    let reason = format!("expected a number that f32 holds in the scale of {scale}, got {value:?}; mend it");
    Err(table.wrong(table.line(row), column, reason))
}

/// The numbers of rows, empty cells as `fill`.
fn numbers(table: &Table, name: &str, rows: &[usize], fill: Option<f64>) -> Result<Vec<f64>> {
    let column = table.column(name)?;
    let text =
        |(line, text): (usize, &str)| table.wrong(line, name, format!("expected a number, got `{}`", shown(text)));
    let values = column.numbers().map_err(text)?;
    let value = |&row: &usize| {
        let value = values.get(row).copied().filter(|value| !value.is_nan()).or(fill);
        value.ok_or_else(|| table.wrong(table.line(row), name, format!("expected a number, got nothing; {FILL_GIVEN}")))
    };
    rows.iter().map(value).collect()
}

/// The places of rows' cells among names.
fn places(table: &Table, column: &str, rows: &[usize], (what, names): (&str, &[String])) -> Result<Vec<usize>> {
    let known: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (&**name, place)).collect();
    let place = |name: &str| known.get(name).copied();
    let other = |got: &str| format!("expected a {what} that training saw, {}; got `{}`", one_of(names), shown(got));
    let cells = table.column(column)?;
    if let Some(texts) = cells.texts() {
        let of_text: Vec<Option<usize>> = texts.iter().map(|(text, _)| place(text)).collect();
        let place = |&row: &usize| {
            let empty =
                || table.wrong(table.line(row), column, format!("expected a {what}, got nothing; {FILL_GIVEN}"));
            let code = cells.code(row).ok_or_else(empty)?;
            of_text[code].ok_or_else(|| table.wrong(table.line(row), column, other(&texts[code].0)))
        };
        return rows.iter().map(place).collect();
    }
    let mut of_number: HashMap<u64, usize> = HashMap::new();
    let seen = |(&row, value): (&usize, f64)| {
        if let Some(&place) = of_number.get(&value.to_bits()) {
            return Ok(place);
        }
        let name = (value + 0.0).to_string();
        let found = place(&name).ok_or_else(|| table.wrong(table.line(row), column, other(&name)))?;
        of_number.insert(value.to_bits(), found);
        Ok(found)
    };
    rows.iter().zip(numbers(table, column, rows, None)?).map(seen).collect()
}
