//! A table: columns of numbers and of text, and what each is asked for.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::lines::Lines;
use crate::error::{Error, Result, shown};
use crate::tensor::Tensor;

/// Different texts that a column holds at most.
pub const MOST_CATEGORIES: usize = 1000;

/// A cell that is empty, among the categories of a column.
const EMPTY: u32 = u32::MAX;

/// Named columns, each of numbers or of text, with a cell in every row.
///
/// The cells of a column are of one kind, that of its first one which is not empty. What is held is 8 bytes for a number and
/// 4 for a text, up to three times that while a column grows, each different text once, and
/// 24 bytes where the distance between the lines of rows changes; the reader holds at most 32 MiB more,
/// and the columns' names a few times, however long a file is.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) path: PathBuf,
    pub(super) rows: usize,
    pub(super) lines: Lines,
    pub(super) columns: Vec<Column>,
    pub(super) sha256: String,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    pub(super) name: String,
    pub(super) cells: Cells,
    /// The line of the first empty cell.
    pub(super) empty: Option<usize>,
}

/// The cells of a column, and the line of its first one that is not empty.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    /// So many, all of them empty.
    Unknown(usize),
    /// NaN where one is empty.
    Numbers(Vec<f64>, usize),
    Text(Text, usize),
    /// Nothing is kept.
    Left,
}

/// Cells of text.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// Of each row, its place among the texts; [`EMPTY`] where there is none.
    codes: Vec<u32>,
    /// Each text once, with the line of the first cell that has it.
    texts: Vec<(Arc<str>, usize)>,
    places: HashMap<Arc<str>, u32>,
}

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What its first cell is.
    First,
    Number,
    Text,
    /// Nothing: it is left out.
    Left,
}

pub(super) fn place(line: usize, column: &str) -> String {
    format!("line {line}, column {}", shown(column))
}

pub(super) fn format(path: &Path, position: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Format { path: path.into(), position: position.into(), reason: reason.into() }
}

/// What a cell says as a number: `None` for what is none.
fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

fn finite(value: f64, cell: &str) -> Result<f64, String> {
    let within = (value as f32).is_finite();
    if within {
        return Ok(value);
    }
    let fix = "mend it, leave it empty if it is missing, or take the column as text (categorical)";
    Err(format!("expected a finite number within f32, got `{}`; {fix}", shown(cell)))
}

impl Cells {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::First => Self::Unknown(0),
            Kind::Number => Self::Numbers(vec![], 0),
            Kind::Text => Self::Text(Text::default(), 0),
            Kind::Left => Self::Left,
        }
    }
}

impl Column {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its cells are text.
    pub fn is_text(&self) -> bool {
        matches!(self.cells, Cells::Text(..))
    }

    /// The line of the first cell that is empty.
    pub fn first_empty(&self) -> Option<usize> {
        self.empty
    }

    /// The numbers, NaN where a cell is empty; else the line of the first text, and that text.
    pub(crate) fn numbers(&self) -> Result<&[f64], (usize, &str)> {
        match &self.cells {
            Cells::Numbers(values, _) => Ok(values),
            Cells::Text(Text { texts, .. }, _) => Err(texts.first().map_or((0, ""), |(text, line)| (*line, &**text))),
            Cells::Unknown(_) | Cells::Left => Ok(&[]),
        }
    }

    /// The different numbers by size, 0 and -0 as one; `None` where there are more than `most`.
    pub(crate) fn different(&self, most: usize) -> Option<Vec<f64>> {
        let mut seen = HashSet::new();
        for value in self.numbers().unwrap_or_default().iter().filter(|value| !value.is_nan()) {
            if seen.insert((value + 0.0).to_bits()) && seen.len() > most {
                return None;
            }
        }
        let mut different: Vec<f64> = seen.into_iter().map(f64::from_bits).collect();
        different.sort_by(f64::total_cmp);
        Some(different)
    }

    /// The different texts with the line where each is first; `None` for numbers.
    pub(crate) fn texts(&self) -> Option<&[(Arc<str>, usize)]> {
        match &self.cells {
            Cells::Text(text, _) => Some(&text.texts),
            _ => None,
        }
    }

    /// The place of a row's text among the different ones; `None` where it is empty, and for numbers.
    pub(crate) fn code(&self, row: usize) -> Option<usize> {
        let Cells::Text(text, _) = &self.cells else { return None };
        text.codes.get(row).filter(|&&code| code != EMPTY).map(|&code| code as usize)
    }

    /// Takes the next cell.
    pub(super) fn push(&mut self, cell: &str, line: usize) -> Result<(), String> {
        if cell.is_empty() {
            if !matches!(self.cells, Cells::Left) {
                self.empty.get_or_insert(line);
            }
            match &mut self.cells {
                Cells::Left => {}
                Cells::Unknown(count) => *count += 1,
                Cells::Numbers(values, _) => values.push(f64::NAN),
                Cells::Text(text, _) => text.codes.push(EMPTY),
            }
            return Ok(());
        }
        if let Cells::Unknown(count) = self.cells {
            self.cells = match number(cell) {
                Some(_) => Cells::Numbers(vec![f64::NAN; count], line),
                None => Cells::Text(Text { codes: vec![EMPTY; count], ..Text::default() }, line),
            };
        }
        match &mut self.cells {
            Cells::Left | Cells::Unknown(_) => Ok(()),
            Cells::Numbers(values, first) => {
                let mixed = || {
                    let (got, fix) =
                        (shown(cell), "leave it empty if it is missing, or take the column as text (categorical)");
                    match *first {
                        // It is to be numbers.
                        0 => format!("expected a number, got `{got}`; mend it"),
                        line => format!("expected a number as in line {line}, got `{got}`; mend it, {fix}"),
                    }
                };
                values.push(finite(number(cell).ok_or_else(mixed)?, cell)?);
                Ok(())
            }
            // Line 0: it is to be text.
            Cells::Text(text, first) if *first > 0 && number(cell).is_some_and(f64::is_finite) => {
                let text = text.texts.first().map_or("", |(text, _)| text);
                let fix = "mend one of them, or take the column as text (categorical)";
                Err(format!(
                    "expected text as `{}` in line {first}, got the number `{}`; {fix}",
                    shown(text),
                    shown(cell)
                ))
            }
            Cells::Text(text, _) => text.push(cell, line),
        }
    }
}

impl Text {
    /// Forgets texts that no cell has.
    fn forget_unused(&mut self, lines: &Lines) {
        let old = std::mem::take(self);
        let mut places = vec![EMPTY; old.texts.len()];
        for (row, code) in old.codes.into_iter().enumerate() {
            let place = places.get_mut(code as usize);
            self.codes.push(place.map_or(EMPTY, |place| {
                if *place == EMPTY {
                    *place = self.texts.len() as u32;
                    let text = &old.texts[code as usize].0;
                    self.texts.push((Arc::clone(text), lines.of(row)));
                    self.places.insert(Arc::clone(text), *place);
                }
                *place
            }));
        }
    }

    fn push(&mut self, cell: &str, line: usize) -> Result<(), String> {
        let code = match self.places.get(cell) {
            Some(&code) => code,
            None if self.texts.len() == MOST_CATEGORIES => {
                let fix = "leave the column out (ignore), or give it fewer";
                return Err(format!(
                    "expected at most {MOST_CATEGORIES} different texts in a column, got one more; {fix}"
                ));
            }
            None => {
                let code = self.texts.len() as u32;
                let text: Arc<str> = cell.into();
                self.texts.push((Arc::clone(&text), line));
                self.places.insert(text, code);
                code
            }
        };
        self.codes.push(code);
        Ok(())
    }
}

impl Table {
    /// What stands for the file in errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file's bytes, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows without an empty cell, as a table of their own.
    pub fn whole_rows(mut self) -> Self {
        let mut whole = vec![true; self.rows];
        for column in self.columns.iter().filter(|column| column.empty.is_some()) {
            match &column.cells {
                Cells::Text(text, _) => {
                    whole.iter_mut().zip(&text.codes).for_each(|(whole, &code)| *whole &= code != EMPTY)
                }
                Cells::Numbers(values, _) => whole.iter_mut().zip(values).for_each(|(whole, v)| *whole &= !v.is_nan()),
                Cells::Unknown(_) | Cells::Left => {}
            }
        }
        let mut lines = Lines::default();
        let kept = whole.iter().enumerate().filter(|(_, whole)| **whole);
        kept.for_each(|(row, _)| lines.push(self.lines.of(row)));
        (self.rows, self.lines) = (whole.iter().filter(|whole| **whole).count(), lines);
        for column in &mut self.columns {
            column.empty = None;
            let mut kept = whole.iter().copied();
            let mut keep = || kept.next().unwrap_or(false);
            match &mut column.cells {
                Cells::Text(text, _) => {
                    text.codes.retain(|_| keep());
                    text.forget_unused(&self.lines);
                }
                Cells::Numbers(values, _) => values.retain(|_| keep()),
                Cells::Unknown(_) | Cells::Left => {}
            }
        }
        self
    }

    /// The line where a row begins.
    pub fn line(&self, row: usize) -> usize {
        self.lines.of(row)
    }

    /// The columns, in the file's order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column `name`.
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names where there is none of this one.
    pub fn column(&self, name: &str) -> Result<&Column> {
        let known = || unknown(name, self.columns.iter().map(|column| column.name.as_str()));
        self.columns.iter().find(|column| column.name == name).ok_or_else(known)
    }

    /// What is wrong at a line of a column.
    pub(crate) fn wrong(&self, line: usize, column: &str, reason: impl Into<String>) -> Error {
        format(&self.path, place(line, column), reason)
    }

    /// What is wrong with a column as a whole.
    pub(crate) fn wrong_in(&self, column: &str, reason: impl Into<String>) -> Error {
        format(&self.path, format!("column {}", shown(column)), reason)
    }

    /// The numbers of a column, none of which may be missing.
    fn whole(&self, name: &str) -> Result<&[f64]> {
        let column = self.column(name)?;
        let text = |(line, text)| self.wrong(line, name, format!("expected a number, got `{}`", shown(text)));
        let values = column.numbers().map_err(text)?;
        match column.empty {
            Some(line) => Err(self.wrong(line, name, "expected a number, got nothing; fill the cell")),
            None => Ok(values),
        }
    }

    /// The columns `names` as numbers in f64, `[rows, names]`.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown name; [`Error::Format`] for a column of text, and for a cell that is empty.
    pub fn numbers(&self, names: &[&str]) -> Result<Tensor> {
        let columns = names.iter().map(|name| self.whole(name)).collect::<Result<Vec<_>>>()?;
        let data = (0..self.rows).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        Tensor::from_f64([self.rows, names.len()], data)
    }

    /// The column `name` as classes: the different cells, texts in alphabetical order and numbers by size, and each row's
    /// place among them.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown name; [`Error::Format`] for an empty cell, and for more than [`MOST_CATEGORIES`].
    pub fn classes(&self, name: &str) -> Result<(Vec<String>, Vec<usize>)> {
        let column = self.column(name)?;
        if let Some(line) = column.empty {
            return Err(self.wrong(
                line,
                name,
                "expected a class, got nothing; fill the cell, or leave its row out (missing)",
            ));
        }
        let Some(texts) = column.texts() else {
            let most = format!("expected at most {MOST_CATEGORIES} classes, got more");
            let classes = column.different(MOST_CATEGORIES).ok_or_else(|| self.wrong_in(name, most))?;
            let place = |value: &f64| classes.partition_point(|class| class < value);
            let places = self.whole(name)?.iter().map(place).collect();
            return Ok((classes.iter().map(f64::to_string).collect(), places));
        };
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&text| &texts[text].0);
        let mut places = vec![0; texts.len()];
        order.iter().enumerate().for_each(|(place, &text)| places[text] = place);
        let classes = order.iter().map(|&text| texts[text].0.to_string()).collect();
        Ok((classes, (0..self.rows).filter_map(|row| column.code(row)).map(|text| places[text]).collect()))
    }
}

pub(super) fn unknown<'a>(name: &str, columns: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<String> = columns.map(shown).collect();
    Error::unknown("column", &shown(name), known.iter().map(String::as_str))
}
