//! Tables from CSV (RFC 4180): a header, then rows. What is wrong is an error with its line and column.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Named columns of text cells: every row has a cell in every column.
#[derive(Clone, Debug)]
pub struct Table {
    path: PathBuf,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    line: usize,
    cells: Vec<String>,
}

/// The table in the file `path`, which is read whole.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read, and the errors of [`parse_csv`].
pub fn read_csv(path: impl AsRef<Path>) -> Result<Table> {
    let path = path.as_ref();
    let file = std::fs::File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
    parse_csv(file, path)
}

/// The table that `reader` gives; `name` stands for the file in errors.
///
/// The separator is a comma, the encoding UTF-8 (a byte order mark is skipped); blank lines count as lines, not as rows.
///
/// # Errors
/// [`Error::Io`] from the reader; [`Error::Format`] for no header or no row, a column without a name or with another's,
/// a row of another length than the header, a quote that is not closed, and bytes that are NUL or not UTF-8.
pub fn parse_csv(mut reader: impl Read, name: impl AsRef<Path>) -> Result<Table> {
    let path = name.as_ref();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|source| Error::Io { path: path.into(), source })?;
    let mut records = records(&bytes, path)?.into_iter();
    let Some((line, header)) = records.next() else {
        return Err(format(path, "line 1", "expected a header with the columns' names, got an empty file"));
    };
    let columns = header_names(&header, line, path)?;
    let rows: Vec<Row> = records.map(|(line, record)| row(&record, line, &columns, path)).collect::<Result<_>>()?;
    if rows.is_empty() {
        return Err(format(path, format!("line {}", line + 1), "expected at least one row after the header, got none"));
    }
    Ok(Table { path: path.into(), columns, rows })
}

/// Every record with the line that it starts on, from 1.
fn records(bytes: &[u8], path: &Path) -> Result<Vec<(usize, ByteRecord)>> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut records = Vec::new();
    let (mut line, mut counted) = (1, 0);
    loop {
        // The reader's own line count is off by one after a blank line and after `\r\n`.
        let rest = bytes.get(offset(&reader)..).unwrap_or_default();
        let start = bytes.len() - rest.len() + rest.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
        line += newlines(bytes.get(counted..start).unwrap_or_default());
        counted = start;
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|e| format(path, format!("line {line}"), e.to_string()))? {
            return Ok(records);
        }
        let raw = bytes.get(start..offset(&reader)).unwrap_or_default();
        if raw.iter().filter(|&&b| b == b'"').count() % 2 == 1 {
            return Err(format(path, format!("line {line}"), "expected quotes in pairs, got one that is not closed"));
        }
        records.push((line, record));
    }
}

fn offset(reader: &csv::Reader<&[u8]>) -> usize {
    usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

fn header_names(header: &ByteRecord, line: usize, path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(header.len());
    let mut seen = HashSet::new();
    for (i, cell) in header.iter().enumerate() {
        let position = format!("line {line}, column {}", i + 1);
        let name = text(cell, &position, path)?;
        if name.is_empty() {
            return Err(format(path, position, "expected the column's name, got nothing"));
        }
        if !seen.insert(name.clone()) {
            let reason = format!("expected a name of its own, got `{}` once more", shown(&name));
            return Err(format(path, position, reason));
        }
        names.push(name);
    }
    Ok(names)
}

fn row(record: &ByteRecord, line: usize, columns: &[String], path: &Path) -> Result<Row> {
    if record.len() != columns.len() {
        let position = match columns.get(record.len()) {
            Some(missing) => place(line, missing),
            None => format!("line {line}, column {}", columns.len() + 1),
        };
        let reason = format!("expected {} cells as in the header, got {}", columns.len(), record.len());
        return Err(format(path, position, reason));
    }
    let cells = record.iter().zip(columns).map(|(cell, column)| text(cell, &place(line, column), path));
    Ok(Row { line, cells: cells.collect::<Result<_>>()? })
}

fn text(cell: &[u8], position: &str, path: &Path) -> Result<String> {
    let cell = std::str::from_utf8(cell)
        .map_err(|e| format(path, position, format!("expected UTF-8, got another byte after {}", e.valid_up_to())))?;
    if cell.contains('\0') {
        return Err(format(path, position, "expected text, got a NUL byte"));
    }
    Ok(cell.trim().to_string())
}

fn place(line: usize, column: &str) -> String {
    format!("line {line}, column {}", shown(column))
}

/// At most 40 characters, so that a message stays a line.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() { short + "…" } else { short }
}

fn format(path: &Path, position: impl Into<String>, reason: impl Into<String>) -> Error {
    Error::Format { path: path.into(), position: position.into(), reason: reason.into() }
}

impl Table {
    /// The columns' names, in the file's order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The columns `names` as numbers, `[rows, names]`.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name; [`Error::Format`] for a cell that is empty, not a number, NaN, infinite or
    /// beyond f32.
    pub fn numbers(&self, names: &[&str]) -> Result<Tensor> {
        let picked: Vec<usize> = names.iter().map(|name| self.index(name)).collect::<Result<_>>()?;
        let mut data = Vec::with_capacity(self.rows.len().saturating_mul(picked.len()));
        for row in &self.rows {
            for (&i, name) in picked.iter().zip(names) {
                let cell = row.cells.get(i).map_or("", String::as_str);
                data.push(number(cell).map_err(|reason| format(&self.path, place(row.line, name), reason))?);
            }
        }
        Tensor::new([self.rows.len(), names.len()], data)
    }

    /// The column `name` as classes: the distinct cells in alphabetical order, and each row's place among them.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name; [`Error::Format`] for an empty cell.
    pub fn classes(&self, name: &str) -> Result<(Vec<String>, Vec<usize>)> {
        let i = self.index(name)?;
        let mut cells = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            match row.cells.get(i).map_or("", String::as_str) {
                "" => return Err(format(&self.path, place(row.line, name), "expected a class, got nothing")),
                cell => cells.push(cell),
            }
        }
        let classes: Vec<&str> = cells.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        // Every cell is a class, so the place where it would be inserted is its own.
        let indices = cells.iter().map(|&cell| classes.partition_point(|&class| class < cell)).collect();
        Ok((classes.into_iter().map(String::from).collect(), indices))
    }

    fn index(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| {
            let known: Vec<String> = self.columns.iter().map(|column| shown(column)).collect();
            Error::argument("column", format!("one of {}", known.join(", ")), shown(name))
        })
    }
}

fn number(cell: &str) -> Result<f32, String> {
    if cell.is_empty() {
        return Err("expected a number, got nothing".into());
    }
    match cell.parse::<f32>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!("expected a finite number within f32, got `{}`", shown(cell))),
        Err(_) => Err(format!("expected a number, got `{}`", shown(cell))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: impl AsRef<[u8]>) -> Result<Table> {
        parse_csv(bytes.as_ref(), "t.csv")
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        match result {
            Err(error @ Error::Format { .. }) => error.to_string(),
            other => panic!("expected Error::Format, got {other:?}"),
        }
    }

    #[test]
    fn columns_become_numbers_and_classes() {
        let t = table("\u{feff}a,kind,b\r\n1, y ,-2.5e1\n\n+.5,\"x, \"\"z\"\"\",0\n1e-60,y,3").unwrap();
        assert_eq!(t.columns(), ["a", "kind", "b"]);
        assert_eq!(*t.numbers(&["b", "a"]).unwrap().to_f32(), [-25.0, 1.0, 0.0, 0.5, 3.0, 0.0]);
        assert_eq!(t.classes("kind").unwrap(), (vec!["x, \"z\"".into(), "y".into()], vec![1, 0, 1]));
        assert!(matches!(t.numbers(&["c"]), Err(Error::Argument { .. })));
    }

    #[test]
    fn tables_that_are_not_whole_are_refused_with_their_place() {
        for (bytes, place) in [
            (&b""[..], "t.csv: line 1: expected a header"),
            (b"\n\r\n", "t.csv: line 1: expected a header"),
            (b"a,b\n", "t.csv: line 2: expected at least one row"),
            (b"a,,c\n1,2,3\n", "t.csv: line 1, column 2: expected the column's name"),
            (b"a,b,a\n1,2,3\n", "t.csv: line 1, column 3: expected a name of its own, got `a`"),
            (b"a,b\n1,2\n3\n", "t.csv: line 3, column b: expected 2 cells as in the header, got 1"),
            (b"a,b\r\n1,2\r\n3,4,5\r\n", "t.csv: line 3, column 3: expected 2 cells as in the header, got 3"),
            (b"a,b\n\n\r\n1\n", "t.csv: line 4, column b: expected 2 cells"),
            (b"a,b\n\"1\n\n\",2\n3\n", "t.csv: line 5, column b: expected 2 cells"),
            (b"a,b\n1,\xff\n", "t.csv: line 2, column b: expected UTF-8"),
            (b"a,\xff\n1,2\n", "t.csv: line 1, column 2: expected UTF-8"),
            (b"a,b\n1,2\n3,\0\n", "t.csv: line 3, column b: expected text, got a NUL byte"),
            (b"a,b\n1,\"2\n3,4\n", "t.csv: line 2: expected quotes in pairs"),
        ] {
            let message = refusal(table(bytes));
            assert!(message.starts_with(place), "{message}");
        }
    }

    #[test]
    fn cells_that_are_no_finite_number_are_refused_with_their_place() {
        for cell in ["", " ", "x", "1,5", "0x10", "1 2", "NaN", "-nan", "inf", "-Infinity", "1e39", "1_000", "٣"] {
            let t = table(format!("a,b\n1,2\n\n3,\"{cell}\"\n")).unwrap();
            let message = refusal(t.numbers(&["a", "b"]));
            assert!(message.starts_with("t.csv: line 4, column b: expected a "), "{cell}: {message}");
        }
        assert!(refusal(table("a\n\"\"\n").unwrap().classes("a")).starts_with("t.csv: line 2, column a"));
    }

    #[test]
    fn long_cells_and_names_are_cut_in_messages() {
        let long = "x".repeat(100_000);
        let t = table(format!("{long}\n{long}\n")).unwrap();
        assert!(refusal(t.numbers(&[&long])).len() < 200);
    }

    #[test]
    fn a_missing_file_is_an_io_error_with_its_path() {
        let error = read_csv("no/such/file.csv").unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("file.csv")), "{error}");
    }
}
