//! What RFC 4180 says of quotes and lines, byte by byte.

/// What is wrong with a quote.
pub(super) const WITHIN: &str = "expected a quote at the beginning of a cell alone, got one within it; put the cell in quotes, and each quote of it twice";
pub(super) const BEHIND: &str = "expected a comma or the end of the line behind a quoted cell, got something else";
pub(super) const OPEN: &str = "expected a quote at the end of a quoted cell, got the end of the file";

/// Where in a record bytes have come to, and the line.
#[derive(Debug)]
pub(super) struct Scan {
    at: At,
    after_return: bool,
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
        Self { at: At::Start, after_return: false, line: 1 }
    }

    /// Takes bytes that were read.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let plain = matches!(self.at, At::Start | At::Bare) && !self.after_return;
        if let (true, Some(last)) = (plain && !bytes.iter().any(|byte| matches!(byte, b'"' | b'\r')), bytes.last()) {
            self.line += bytes.iter().filter(|&&byte| byte == b'\n').count();
            self.at = if matches!(last, b',' | b'\n') { At::Start } else { At::Bare };
            return Ok(());
        }
        bytes.iter().try_for_each(|&byte| self.step(byte))
    }

    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        self.line += usize::from(byte == b'\r' || byte == b'\n' && !self.after_return);
        self.after_return = byte == b'\r';
        self.at = match (self.at, byte) {
            (At::Start | At::Behind, b'"') => At::Quoted,
            (At::Quoted, b'"') => At::Behind,
            (At::Quoted, _) => At::Quoted,
            (At::Bare, b'"') => return Err(WITHIN),
            (_, b',' | b'\r' | b'\n') => At::Start,
            (At::Behind, _) => return Err(BEHIND),
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

    fn taken(text: &str, piece: usize) -> (Result<(), &'static str>, usize, bool) {
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
            ("a\"b", (Err(WITHIN), 1, false)),
            ("1, \"b\"", (Err(WITHIN), 1, false)),
            ("x\n\"a\"b", (Err(BEHIND), 2, false)),
        ] {
            for piece in [1, 2, 3, 100] {
                assert_eq!(taken(text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
