//! What is learned of a column.

use crate::data::table::Table;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, shown};

/// Numbers up to so many different ones may be classes, where nobody says what they are.
const CLASSES_OF_NUMBERS: usize = 20;

/// What is learned of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Which of two classes.
    Binary,
    /// Which of several classes.
    Multiclass,
    /// A number.
    Regression,
}

impl Task {
    /// Its name: `binary`, `multiclass`, `regression`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
        }
    }

    /// The task that fits a column, and why: text is classes. Numbers are classes where there are at most 20 different ones,
    /// all of them whole, and five rows for each of them or two in all; else they are what a regression gives. Two classes
    /// are binary, more are multiclass.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown column.
    pub fn of(table: &Table, column: &str) -> Result<(Self, String)> {
        let (cells, rows) = (table.column(column)?, table.rows());
        let classes = |count: usize| if count == 2 { Self::Binary } else { Self::Multiclass };
        if let Some(texts) = cells.texts() {
            return Ok((classes(texts.len()), format!("`{}` is text, {} classes", shown(column), texts.len())));
        }
        let is_whole = |value: &f64| value.fract() == 0.0;
        match cells.different(CLASSES_OF_NUMBERS).filter(|different| different.iter().all(is_whole)) {
            Some(different) if different.len() <= 2 || rows >= 5 * different.len() => {
                let count = different.len();
                Ok((classes(count), format!("`{}` is {count} whole numbers in {rows} rows", shown(column))))
            }
            Some(different) => {
                let why = format!("`{}` is {} whole numbers in only {rows} rows", shown(column), different.len());
                Ok((Self::Regression, why))
            }
            None => Ok((
                Self::Regression,
                format!(
                    "`{}` is more than {CLASSES_OF_NUMBERS} different numbers, or not all are whole",
                    shown(column)
                ),
            )),
        }
    }
}
