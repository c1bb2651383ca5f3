//! Tables that are larger than the memory that reading them takes.

mod common;

use std::io::Read;

use common::memory::{Counting, most_taken};
use wgrad::data::{ReadCsv, Table};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the documentation of `Table` says beside the cells.
const READER: usize = 32 << 20;

/// A file of rows that are made as they are read.
struct Rows<F> {
    row: F,
    next: usize,
    left: usize,
    text: Vec<u8>,
    at: usize,
    /// Bytes that were read.
    read: usize,
}

impl<F: FnMut(usize) -> String> Rows<F> {
    fn new(header: &str, rows: usize, row: F) -> Self {
        Self { row, next: 0, left: rows, text: format!("{header}\n").into_bytes(), at: 0, read: 0 }
    }
}

impl<F: FnMut(usize) -> String> Read for Rows<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.text.len() && self.left > 0 {
            self.text = ((self.row)(self.next) + "\n").into_bytes();
            (self.next, self.left, self.at) = (self.next + 1, self.left - 1, 0);
        }
        let part = &self.text[self.at..];
        let count = part.len().min(buffer.len());
        buffer[..count].copy_from_slice(&part[..count]);
        (self.at, self.read) = (self.at + count, self.read + count);
        Ok(count)
    }
}

/// The table, the bytes of its file, and the bytes that reading it took.
fn read<F: FnMut(usize) -> String>(how: &ReadCsv, mut rows: Rows<F>) -> (Table, usize, usize) {
    let (table, taken) = most_taken(|| how.parse(&mut rows, "large.csv").unwrap());
    (table, rows.read, taken)
}

#[test]
fn a_table_takes_what_its_documentation_says() {
    // Mostly columns that are left out, with cells of quotes and of line breaks.
    let long = "a \"\"word\"\"\nand ".repeat(300);
    let left = ReadCsv::new().leave(["notes"]);
    let (table, file, taken) = read(&left, Rows::new("n,notes", 30_000, |i| format!("{i},\"{long}\"")));
    assert_eq!((table.rows(), table.columns().len()), (30_000, 1));
    assert!(file > 100 << 20, "{file} bytes");
    assert!(taken <= 3 * 8 * 30_000 + READER, "{taken} bytes taken for {file}");

    // Numbers and texts.
    let number = |i: usize, j: usize| (i * 37 + j * 11) % 9973;
    let row = |i: usize| {
        let numbers = (0..8).map(|j| format!("0.000000000000{:05},", number(i, j))).collect::<String>();
        numbers + ["red", "green", "blue"][i % 3] + "," + &format!("category {}", i % 1000)
    };
    let (rows, header) = (400_000, "a,b,c,d,e,f,g,h,colour,kind");
    let (table, file, taken) = read(&ReadCsv::new(), Rows::new(header, rows, row));
    assert_eq!((table.rows(), table.columns().len()), (rows, 10));
    let cells = rows * (8 * 8 + 2 * 4);
    assert!(taken <= 3 * cells + READER, "{taken} bytes taken for {cells} of cells, {file} of file");
    println!("{file} bytes of file, {cells} of cells, {taken} taken");
}
