//! Predictions in the words and units of a table, and how far they are from it.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use crate::data::Target;
use crate::tensor::Tensor;

/// What a model gives for rows of a table.
#[derive(Clone, Debug)]
pub struct Predictions {
    target: Target,
    /// Of each row: a probability for each class, or the value in the units of the target's column.
    values: Vec<f64>,
    width: usize,
}

impl Predictions {
    /// Of no rows.
    pub(super) fn none(target: Target) -> Self {
        let width = if let Target::Classes { names, .. } = &target { names.len() } else { 1 };
        Self { target, values: vec![], width }
    }

    /// Adds a model's output for more rows: `[rows, 1]` for two classes and for a value, else `[rows, classes]`.
    pub(super) fn extend(&mut self, output: &Tensor) {
        let given = output.to_f64();
        match &self.target {
            Target::Classes { names, .. } if names.len() == 2 => {
                self.values.extend(given.iter().flat_map(|&p| [1.0 - p, p]));
            }
            Target::Classes { .. } => self.values.extend(given.iter()),
            Target::Value { mean, deviation, .. } => self.values.extend(given.iter().map(|&z| z * deviation + mean)),
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Of a row: a probability for each class, in their order, or the value.
    pub fn row(&self, row: usize) -> &[f64] {
        self.values.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    /// The place of a row's most probable class, the first one of equals; `None` for values.
    pub fn class(&self, row: usize) -> Option<usize> {
        let Target::Classes { .. } = self.target else { return None };
        let row = self.row(row);
        Some((1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best }))
    }

    /// As CSV: a header, then a line for each row: `p_NAME`, the probability of each class, and the target's column with the
    /// name of the most probable one; or that column alone with the value. Probabilities are those of f32 and values those of
    /// f64, in as few digits as say which.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_csv(&self, mut to: impl Write) -> std::io::Result<()> {
        self.write_header(&mut to)?;
        self.write_rows(to)
    }

    /// The first line of [`Predictions::write_csv`].
    pub(crate) fn write_header(&self, mut to: impl Write) -> std::io::Result<()> {
        let classes = if let Target::Classes { names, .. } = &self.target { &names[..] } else { &[] };
        classes.iter().try_for_each(|name| write!(to, "{},", quoted(&format!("p_{name}"))))?;
        writeln!(to, "{}", quoted(self.target.column()))
    }

    /// The other lines.
    pub(crate) fn write_rows(&self, mut to: impl Write) -> std::io::Result<()> {
        match &self.target {
            Target::Classes { names, .. } => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                for row in 0..self.rows() {
                    self.row(row).iter().try_for_each(|&p| write!(to, "{},", p as f32))?;
                    writeln!(to, "{}", names[self.class(row).unwrap_or(0)])?;
                }
            }
            Target::Value { .. } => self.values.iter().try_for_each(|value| writeln!(to, "{value}"))?,
        }
        Ok(())
    }
}

/// A cell of CSV.
fn quoted(cell: &str) -> String {
    let plain = !cell.contains([',', '"', '\n', '\r']) && cell.trim() == cell && !cell.is_empty();
    if plain { cell.into() } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

/// A number from 0 on with six digits that say something, and at most twelve decimals.
fn six_digits(value: f64) -> String {
    let place = if value > 0.0 { value.log10().floor() as i32 } else { 0 };
    format!("{value:.*}", (5 - place).clamp(0, 12) as usize)
}

/// How far predictions are from the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scores {
    /// Of classes.
    Classes {
        /// The share of rows whose most probable class is the right one.
        accuracy: f64,
        /// The names of the classes.
        classes: Vec<String>,
        /// Rows by the right class, then by the predicted one.
        confusion: Vec<Vec<u64>>,
    },
    /// Of values, in the units of the target's column.
    Values {
        /// The mean of the errors' magnitudes.
        mae: f64,
        /// The square root of the mean of their squares.
        rmse: f64,
        /// `1 − Σ (y − p)² / Σ (y − mean y)²`; 0 where all y are equal.
        r2: f64,
    },
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes { accuracy, .. } => write!(f, "accuracy {accuracy:.4}"),
            Self::Values { mae, rmse, r2 } => {
                write!(f, "MAE {}, RMSE {}, R² {r2:.4}", six_digits(*mae), six_digits(*rmse))
            }
        }
    }
}

impl Scores {
    /// The numbers by name: `accuracy`, or `mae`, `rmse` and `r2`.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let named = match *self {
            Self::Classes { accuracy, .. } => vec![("accuracy", accuracy)],
            Self::Values { mae, rmse, r2 } => vec![("mae", mae), ("rmse", rmse), ("r2", r2)],
        };
        named.into_iter()
    }

    /// Of predictions, and what is right of the same rows: the numbers of classes, or values in the units of the column.
    pub(super) fn of(predictions: &Predictions, truth: &[f64]) -> Self {
        let rows = predictions.rows() as f64;
        match &predictions.target {
            Target::Classes { names, .. } => {
                let mut confusion = vec![vec![0; names.len()]; names.len()];
                for (row, &class) in truth.iter().enumerate() {
                    confusion[class as usize][predictions.class(row).unwrap_or(0)] += 1;
                }
                let right: u64 = (0..names.len()).map(|class| confusion[class][class]).sum();
                Self::Classes { accuracy: right as f64 / rows, classes: names.clone(), confusion }
            }
            Target::Value { .. } => {
                let middle = truth.iter().sum::<f64>() / rows;
                let errors = || truth.iter().zip(&predictions.values).map(|(y, p)| y - p);
                let squares: f64 = errors().map(|e| e * e).sum();
                let all: f64 = truth.iter().map(|y| (y - middle) * (y - middle)).sum();
                let is_constant = truth.windows(2).all(|pair| pair[0] == pair[1]);
                let r2 = if all > 0.0 && !is_constant { 1.0 - squares / all } else { 0.0 };
                Self::Values { mae: errors().map(f64::abs).sum::<f64>() / rows, rmse: (squares / rows).sqrt(), r2 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_six_digits_whatever_the_units() {
        let shown = |mae: f64, rmse: f64| Scores::Values { mae, rmse, r2: 0.5 }.to_string();
        assert_eq!(shown(6_228.876_052, 0.0), "MAE 6228.88, RMSE 0.00000, R² 0.5000");
        assert_eq!(shown(0.000_123_456_7, 98_765_432.1), "MAE 0.000123457, RMSE 98765432, R² 0.5000");
    }
}
