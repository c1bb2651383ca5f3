//! Tables from CSV (RFC 4180): a header, then rows, read as a stream. What is wrong is an error with its line and column.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use crate::data::file::at;
use crate::data::lines::Lines;
use crate::data::records::{Record, Records};
#[cfg(doc)]
use crate::data::table::MOST_CATEGORIES;
use crate::data::table::{Cells, Column, Kind, Table, format, place, unknown};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, shown};

/// How a table is read.
///
/// ```
/// use wgrad::data::ReadCsv;
/// let csv = "zip,id,price\n01067,a,1.5\n04103,b,2\n";
/// let table = ReadCsv::new().text(["zip"]).leave(["id"]).parse(csv.as_bytes(), "prices.csv")?;
/// assert_eq!((table.rows(), table.columns().len()), (2, 2));
/// assert_eq!(table.classes("zip")?, (vec!["01067".into(), "04103".into()], vec![0, 1]));
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReadCsv {
    text: Vec<String>,
    leave: Vec<String>,
}

impl ReadCsv {
    /// All columns, of the kinds that their first cells have.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes columns as text whatever is in them.
    pub fn text(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.text.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Leaves columns out.
    pub fn leave(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.leave.extend(columns.into_iter().map(Into::into));
        self
    }

    /// The table in a file.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, and those of [`ReadCsv::parse`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        self.parse(std::fs::File::open(path).map_err(at(path))?, path)
    }

    /// The table that `reader` gives; `name` stands for the file in errors.
    ///
    /// The separator is a comma, the encoding UTF-8 (a byte order mark is skipped); blank lines count as lines, not as rows;
    /// blanks around a cell do not count. A number is what Rust's `f64` parses, but for infinities and NaN.
    ///
    /// # Errors
    /// [`Error::Io`] from the reader; [`Error::Unknown`] for a column that is asked for and not there; [`Error::Format`]
    /// for no header or no row, a column without a name or with another's, a row of another length than the header, quotes
    /// that are not those of RFC 4180, bytes that are NUL or not UTF-8, a number beyond f32, a text among numbers or a number among
    /// texts, more than [`MOST_CATEGORIES`] texts, a row of more than 16 MiB or 100,000 cells.
    pub fn parse(&self, reader: impl Read, name: impl AsRef<Path>) -> Result<Table> {
        Table::parse(reader, name.as_ref(), |names| {
            let mut kinds = vec![Kind::First; names.len()];
            for (asked, kind) in [(&self.text, Kind::Text), (&self.leave, Kind::Left)] {
                for name in asked {
                    let at = names.iter().position(|other| other == name);
                    kinds[at.ok_or_else(|| unknown(name, names.iter().map(String::as_str)))?] = kind;
                }
            }
            Ok(kinds)
        })
    }
}

impl Table {
    /// A table whose columns are read as `kinds` says from their names, before any row is.
    pub(crate) fn parse(
        reader: impl Read,
        path: &Path,
        kinds: impl FnOnce(&[String]) -> Result<Vec<Kind>>,
    ) -> Result<Self> {
        let mut records = Records::new(reader, path)?;
        let names = match records.next()? {
            Some(header) => header_names(&header, path)?,
            None => return Err(format(path, "line 1", "expected a header with the columns' names, got an empty file")),
        };
        let kinds = kinds(&names)?;
        let column = |(name, kind)| Column { name, cells: Cells::new(kind), empty: None };
        let mut columns: Vec<Column> = names.into_iter().zip(kinds).map(column).collect();
        let (mut rows, mut lines) = (0, Lines::default());
        let mut cell = String::new();
        while let Some(record) = records.next()? {
            check_length(&record, &columns, path)?;
            for (bytes, column) in record.cells().zip(&mut columns) {
                let done = take_text(bytes, &mut cell).and_then(|()| column.push(&cell, record.line));
                done.map_err(|reason| format(path, place(record.line, &column.name), reason))?;
            }
            lines.push(record.line);
            rows += 1;
        }
        if rows == 0 {
            let reason = "expected at least one row after the header, got none";
            return Err(format(path, format!("line {}", records.line()), reason));
        }
        columns.retain(|column| !matches!(column.cells, Cells::Left));
        for column in &mut columns {
            if let Cells::Unknown(count) = column.cells {
                column.cells = Cells::Numbers(vec![f64::NAN; count], 0);
            }
        }
        Ok(Table { path: path.into(), rows, lines, columns, sha256: records.sha256() })
    }
}

/// The table in the file `path`: [`ReadCsv::read`] without options.
///
/// # Errors
/// Those of [`ReadCsv::read`].
pub fn read_csv(path: impl AsRef<Path>) -> Result<Table> {
    ReadCsv::new().read(path)
}

/// The table that `reader` gives: [`ReadCsv::parse`] without options.
///
/// # Errors
/// Those of [`ReadCsv::parse`].
pub fn parse_csv(reader: impl Read, name: impl AsRef<Path>) -> Result<Table> {
    ReadCsv::new().parse(reader, name)
}

/// The cells of one line.
#[cfg(feature = "cli")]
pub(crate) fn cells(line: &str) -> Result<Vec<String>> {
    let path = Path::new("line");
    let mut records = Records::new(line.as_bytes(), path)?;
    let Some(record) = records.next()? else { return Ok(vec![]) };
    let mut cell = String::new();
    let taken = record.cells().map(|bytes| take_text(bytes, &mut cell).map(|()| cell.clone()));
    taken.collect::<Result<_, _>>().map_err(|reason| format(path, "line 1", reason))
}

fn header_names(header: &Record<'_>, path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(header.len());
    let (mut seen, mut name) = (HashSet::new(), String::new());
    for (i, cell) in header.cells().enumerate() {
        let wrong = |reason| format(path, format!("line {}, column {}", header.line, i + 1), reason);
        take_text(cell, &mut name).map_err(wrong)?;
        if name.is_empty() {
            return Err(wrong(
                "expected the column's name, got nothing; name it, or write the table without it".into(),
            ));
        }
        if !seen.insert(name.clone()) {
            return Err(wrong(format!("expected a name of its own, got `{}` once more", shown(&name))));
        }
        names.push(name.clone());
    }
    if let ([only], Some(separator)) = (&names[..], name.chars().find(|c| matches!(c, ';' | '\t'))) {
        let reason = format!("expected columns with commas between them, got `{}` with {separator:?}", shown(only));
        return Err(format(path, format!("line {}", header.line), reason + "; save the table with commas"));
    }
    Ok(names)
}

fn check_length(record: &Record<'_>, columns: &[Column], path: &Path) -> Result<()> {
    if record.len() == columns.len() {
        return Ok(());
    }
    let position = match columns.get(record.len()) {
        Some(missing) => place(record.line, &missing.name),
        None => format!("line {}, column {}", record.line, columns.len() + 1),
    };
    let reason = format!("expected {} cells as in the header, got {}", columns.len(), record.len());
    Err(format(path, position, reason))
}

/// The text of a cell, without blanks around it.
fn take_text(bytes: &[u8], to: &mut String) -> Result<(), String> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|e| {
        format!("expected text in UTF-8, got another byte after {}; save the table as CSV in UTF-8", e.valid_up_to())
    })?;
    if text.contains('\0') {
        return Err("expected text, got a NUL byte; save the table as CSV in UTF-8".into());
    }
    to.clear();
    to.push_str(text.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::MOST_CATEGORIES;
    use crate::error::Error;

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
        let t = table("\u{feff}a,kind,b\r\n1, y ,-2.5e1\n\n+.5,\"x, \"\"z\"\"\",-0\n1e-60,y,10").unwrap();
        assert_eq!(t.columns().iter().map(Column::name).collect::<Vec<_>>(), ["a", "kind", "b"]);
        assert_eq!(*t.numbers(&["b", "a"]).unwrap().to_f64(), [-25.0, 1.0, 0.0, 0.5, 10.0, 1e-60]);
        assert_eq!(t.classes("kind").unwrap(), (vec!["x, \"z\"".into(), "y".into()], vec![1, 0, 1]));
        assert_eq!(t.classes("b").unwrap(), (vec!["-25".into(), "0".into(), "10".into()], vec![0, 1, 2]));
        assert!(matches!(t.numbers(&["c"]), Err(Error::Unknown { .. })));
        assert!(refusal(t.numbers(&["kind"])).starts_with("t.csv: line 2, column kind: expected a number, got `y`"));
    }

    #[test]
    fn cells_may_be_missing_until_they_are_asked_for() {
        let t = table("a,b,c\n,,\n1,x,\n,,\n").unwrap();
        let [a, b, c] = t.columns() else { panic!("three") };
        let values = a.numbers().unwrap();
        assert!(values[0].is_nan() && values[1] == 1.0 && values[2].is_nan());
        assert_eq!([0, 1, 2].map(|row| b.code(row)), [None, Some(0), None]);
        assert!(c.numbers().unwrap().iter().all(|v| v.is_nan()) && c.numbers().unwrap().len() == 3);
        assert!(t.columns().iter().all(|column| column.first_empty() == Some(2)));
        assert!(refusal(t.numbers(&["a"])).starts_with("t.csv: line 2, column a: expected a number, got nothing"));
        assert!(refusal(t.classes("b")).starts_with("t.csv: line 2, column b: expected a class, got nothing"));
    }

    #[test]
    fn rows_with_empty_cells_can_be_left_out() {
        let t = table("a,b,c\n,x,p\n1,z,p\n,y,p\n3,,q\n\n4,x,r\n").unwrap().whole_rows();
        assert_eq!((t.rows(), t.columns()[0].first_empty()), (2, None));
        assert_eq!(*t.numbers(&["a"]).unwrap().to_f64(), [1.0, 4.0]);
        assert_eq!([0, 1].map(|row| t.line(row)), [3, 7]);
        // What only rows had that are gone is gone too.
        assert_eq!(t.classes("b").unwrap(), (vec!["x".into(), "z".into()], vec![1, 0]));
        assert_eq!(t.columns()[1].texts().unwrap(), [("z".into(), 3), ("x".into(), 7)]);
        assert_eq!(t.classes("c").unwrap().0, ["p", "r"]);
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
            (b"a,b\n1,\xff\n", "t.csv: line 2, column b: expected text in UTF-8"),
            (b"a,\xff\n1,2\n", "t.csv: line 1, column 2: expected text in UTF-8"),
            (b"a,b\n1,2\n3,\0\n", "t.csv: line 3, column b: expected text, got a NUL byte"),
            (b"a,b\n1,\"2\n3,4\n", "t.csv: line 2: expected a quote at the end"),
            (b"a,b\r1,2\r3,x\r", "t.csv: line 3, column b: expected a number as in line 2, got `x`"),
            (b"a,b\n5\" pipe,\"no\nx,yes\nz,yes\n", "t.csv: line 2: expected a quote at the beginning"),
            (b"a,b\n1,\"2\"3\n", "t.csv: line 2: expected a comma or the end of the line behind"),
            (b"a,b\n1,2\n\n3,x\n", "t.csv: line 4, column b: expected a number as in line 2, got `x`"),
            (b"a,b\n,1\nx,1\n2,1\n", "t.csv: line 4, column a: expected text as `x` in line 3, got the number `2`"),
        ] {
            let message = refusal(table(bytes));
            assert!(message.starts_with(place), "{message}");
        }
    }

    #[test]
    fn cells_that_are_no_finite_number_are_refused_with_their_place() {
        for cell in ["x", "1,5", "0x10", "1 2", "NaN", "-nan", "inf", "-Infinity", "1e39", "1e999", "1_000", "٣"] {
            let message = refusal(table(format!("a,b\n1,2\n\n3,\"{cell}\"\n")));
            assert!(message.starts_with("t.csv: line 4, column b: expected a "), "{cell}: {message}");
        }
        for cell in ["NaN", "inf", "1e39"] {
            let message = refusal(table(format!("a\n{cell}\n")));
            assert!(message.starts_with("t.csv: line 2, column a: expected a finite number"), "{cell}: {message}");
        }
    }

    #[test]
    fn columns_are_text_or_left_where_that_is_asked_for() {
        let read = ReadCsv::new().text(["a"]).leave(["b"]);
        let t = read.parse(&b"a,b,c\n01,x,1\nz,2,2\n"[..], "t.csv").unwrap();
        assert_eq!(t.classes("a").unwrap().0, ["01", "z"]);
        assert_eq!(t.columns().iter().map(Column::name).collect::<Vec<_>>(), ["a", "c"]);
        assert!(matches!(ReadCsv::new().leave(["q"]).parse(&b"a\n1\n"[..], "t"), Err(Error::Unknown { .. })));
    }

    #[test]
    fn what_would_take_memory_without_end_is_refused() {
        let many: String = (0..=MOST_CATEGORIES).map(|i| format!("t{i}\n")).collect();
        let message = refusal(table(format!("a\n{many}")));
        assert!(message.starts_with("t.csv: line 1002, column a: expected at most 1000 different texts"), "{message}");
        let endless = std::io::Read::chain(&b"a,b\n1,\""[..], std::io::repeat(b'x'));
        assert!(
            refusal(parse_csv(endless, "t.csv")).starts_with("t.csv: line 2: expected a row of at most 16777216 bytes")
        );
        let wide = std::io::Read::chain(&b"a,b\n"[..], std::io::repeat(b','));
        assert!(refusal(parse_csv(wide, "t.csv")).starts_with("t.csv: line 2: expected a row of at most 100000 cells"));
    }

    /// However the bytes come in pieces, the table is the same.
    #[test]
    fn pieces_change_nothing() {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
                let count = self.1.min(to.len()).min(self.0.len());
                let (now, rest) = self.0.split_at(count);
                to[..count].copy_from_slice(now);
                self.0 = rest;
                Ok(count)
            }
        }
        let long = "y".repeat(5000);
        let text = format!("\u{feff}a,b\r\n1,\"x\r\n\"\"{long}\"\n\r\n\n2,y");
        let whole = table(&text).unwrap();
        for size in [1, 2, 3, 7, 1000] {
            let t = parse_csv(Pieces(text.as_bytes(), size), "t.csv").unwrap();
            assert_eq!((t.classes("b").unwrap(), t.sha256()), (whole.classes("b").unwrap(), whole.sha256()), "{size}");
        }
        assert!(
            matches!(parse_csv(Pieces(b"a\n1\n2,3\n", 1), "t"), Err(Error::Format { position, .. }) if position == "line 3, column 2")
        );
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
