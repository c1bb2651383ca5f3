//! What RFC 4180 says of quotes and lines, byte by byte.

/// What is wrong where a file ends within quotes.
pub(super) const OPEN: &str = "expected a quote at the end of a quoted cell, got the end of the file; close it";

/// What is wrong with a quote, by the byte beside it: before one within a cell, or behind one at a cell's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Within(u8),
    Behind(u8),
}

impl Wrong {
    pub fn reason(self) -> String {
        match self {
            Self::Within(byte @ (b';' | b'\t')) | Self::Behind(byte @ (b';' | b'\t')) => {
                let separator = char::from(byte);
                format!("expected commas between quoted cells, got {separator:?}; save the table with commas")
            }
            Self::Within(b' ') => {
                "expected a quote at the beginning of a cell, got a blank before it; remove the blank".into()
            }
            Self::Within(_) => {
                let fix = "put the cell in quotes, and each quote of it twice";
                format!("expected a quote at the beginning of a cell alone, got one within it; {fix}")
            }
            Self::Behind(byte) => {
                let got = char::from(byte);
                let got = if got.is_ascii() { format!("{got:?}") } else { "another byte".into() };
                format!(
                    "expected a comma or the end of the line behind a quoted cell, got {got}; write each quote of a cell twice"
                )
            }
        }
    }
}

/// Where in a record bytes have come to, and the line.
#[derive(Debug)]
pub(super) struct Scan {
    at: At,
    /// The byte before.
    last: u8,
    /// The line that comes next, from 1; a line ends at a line feed, a carriage return or both.
    pub line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The beginning of a cell.
    Start,
    /// A cell without quotes.
    Bare,
    /// Between quotes.
    Quoted,
    /// Behind a quote that ends the cell, or is the first of two.
    Behind,
}

impl Scan {
    pub fn new() -> Self {
        Self { at: At::Start, last: b'\n', line: 1 }
    }

    /// Takes bytes that were read.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let plain = matches!(self.at, At::Start | At::Bare) && self.last != b'\r';
        if let (true, Some(&last)) = (plain && !bytes.iter().any(|byte| matches!(byte, b'"' | b'\r')), bytes.last()) {
            self.line += bytes.iter().filter(|&&byte| byte == b'\n').count();
            self.at = if matches!(last, b',' | b'\n') { At::Start } else { At::Bare };
            self.last = last;
            return Ok(());
        }
        bytes.iter().try_for_each(|&byte| self.step(byte))
    }

    fn step(&mut self, byte: u8) -> Result<(), Wrong> {
        let last = std::mem::replace(&mut self.last, byte);
        self.line += usize::from(byte == b'\r' || byte == b'\n' && last != b'\r');
        self.at = match (self.at, byte) {
            (At::Start | At::Behind, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Behind,
            (At::Quoted, _) => At::Quoted,
            (At::Bare, b'"') => return Err(Wrong::Within(last)),
            (_, b',' | b'\r' | b'\n') => At::Start,
            (At::Behind, _) => return Err(Wrong::Behind(byte)),
            (At::Start | At::Bare, _) => At::Bare,
        };
        Ok(())
    }

    /// Whether a quote is open: an error where the file ends.
    pub fn is_open(&self) -> bool {
        self.at == At::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, piece: usize) -> (Result<(), Wrong>, usize, bool) {
        let mut scan = Scan::new();
        let done = text.as_bytes().chunks(piece).try_for_each(|bytes| scan.take(bytes));
        (done, scan.line, scan.is_open())
    }

    #[test]
    fn quotes_and_lines_are_those_of_the_standard_in_pieces_of_any_size() {
        for (text, expected) in [
            ("a,b\n1,2\r\n3,4\r5\n\n", (Ok(()), 6, false)),
            ("\"a\",\"b\"\"c\"\n\"\"\n", (Ok(()), 3, false)),
            ("\"a\r\nb\n\",x\r\n", (Ok(()), 4, false)),
            ("a,\"b\n", (Ok(()), 2, true)),
            ("a,\"b\"\"", (Ok(()), 1, true)),
            ("a\"b", (Err(Wrong::Within(b'a')), 1, false)),
            ("1, \"b\"", (Err(Wrong::Within(b' ')), 1, false)),
            ("x\n\"a\"b", (Err(Wrong::Behind(b'b')), 2, false)),
            ("x;\"a\"", (Err(Wrong::Within(b';')), 1, false)),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(taken(text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
