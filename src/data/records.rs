//! Records of CSV (RFC 4180) as a stream: the cells of each, and the line where it begins.

use std::io::{BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use csv_core::{ReadRecordResult, Reader};
use sha2::{Digest, Sha256};

use crate::data::file::{at, hexadecimal};
use crate::data::scan::{OPEN, Scan};
use crate::data::table::format;
use crate::error::Result;

/// Bytes of a record at most.
pub(super) const MOST_BYTES: usize = 16 << 20;
/// What may stand before everything else: the byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Cells of a record at most.
pub(super) const MOST_CELLS: usize = 100_000;

/// Records of a reader, one after the other.
pub(super) struct Records<'a, R> {
    path: &'a Path,
    reader: BufReader<Chain<Cursor<Vec<u8>>, R>>,
    core: Reader,
    hash: Sha256,
    scan: Scan,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The cells of a record, and the line where it begins.
pub(super) struct Record<'a> {
    pub line: usize,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Record<'a> {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn cells(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, starts) = (self.bytes, std::iter::once(0).chain(self.ends.iter().copied()));
        starts.zip(self.ends).map(move |(start, &end)| bytes.get(start..end).unwrap_or_default())
    }
}

impl<'a, R: Read> Records<'a, R> {
    pub fn new(mut reader: R, path: &'a Path) -> Result<Self> {
        let mut first = Vec::with_capacity(MARK.len());
        (&mut reader).take(MARK.len() as u64).read_to_end(&mut first).map_err(at(path))?;
        let mut hash = Sha256::new();
        if first == MARK {
            hash.update(&first);
            first.clear();
        }
        let reader = BufReader::with_capacity(1 << 16, Cursor::new(first).chain(reader));
        let (bytes, ends) = (vec![0; 1 << 10], vec![0; 1 << 6]);
        Ok(Self { path, reader, core: Reader::new(), hash, scan: Scan::new(), bytes, ends })
    }

    /// The line that comes next, from 1.
    pub fn line(&self) -> usize {
        self.scan.line
    }

    /// The next record; blank lines are none. `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Record<'_>>> {
        loop {
            let head = self.reader.fill_buf().map_err(at(self.path))?.first().copied();
            match head {
                None => return Ok(None),
                Some(byte @ (b'\r' | b'\n')) => {
                    self.hash.update([byte]);
                    let _ = self.scan.take(&[byte]); // the end of a line is never wrong
                    self.reader.consume(1);
                }
                Some(_) => break,
            }
        }
        let (start, mut filled, mut cells) = (self.scan.line, 0, 0);
        loop {
            let input = self.reader.fill_buf().map_err(at(self.path))?;
            let (to, ends) = (self.bytes.get_mut(filled..), self.ends.get_mut(cells..));
            let (result, read, wrote, ended) =
                self.core.read_record(input, to.unwrap_or_default(), ends.unwrap_or_default());
            let taken = input.get(..read).unwrap_or_default();
            self.hash.update(taken);
            let scanned = self.scan.take(taken);
            self.reader.consume(read);
            scanned.map_err(|wrong| format(self.path, format!("line {start}"), wrong.reason()))?;
            (filled, cells) = (filled + wrote, cells + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    self.bytes.resize(self.longer(start, self.bytes.len(), MOST_BYTES, "bytes")?, 0)
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends.resize(self.longer(start, self.ends.len(), MOST_CELLS, "cells")?, 0)
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record if self.scan.is_open() => {
                    return Err(format(self.path, format!("line {start}"), OPEN));
                }
                ReadRecordResult::Record => {
                    let (bytes, ends) = (&self.bytes[..filled], &self.ends[..cells]);
                    return Ok(Some(Record { line: start, bytes, ends }));
                }
            }
        }
    }

    /// Twice the room for a record, where that is allowed.
    fn longer(&self, line: usize, now: usize, most: usize, of: &str) -> Result<usize> {
        if now >= most {
            let reason = format!("expected a row of at most {most} {of}, got more; is a quote not closed?");
            return Err(format(self.path, format!("line {line}"), reason));
        }
        Ok((2 * now).min(most))
    }

    /// SHA-256 of all bytes that were read, in hexadecimal.
    pub fn sha256(self) -> String {
        hexadecimal(&self.hash.finalize())
    }
}
