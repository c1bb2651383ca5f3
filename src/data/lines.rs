//! The lines where the rows of a table begin.

/// The line of each row, as runs of rows that are equally far apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    runs: Vec<Run>,
    rows: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    /// Its first row, and the line of it.
    row: usize,
    line: usize,
    /// Lines from a row to the next.
    stride: usize,
}

impl Run {
    fn of(self, row: usize) -> usize {
        self.line + (row - self.row) * self.stride
    }
}

impl Lines {
    /// Takes the line of the next row.
    pub fn push(&mut self, line: usize) {
        let row = self.rows;
        self.rows += 1;
        match self.runs.last_mut() {
            Some(run) if row == run.row + 1 => run.stride = line - run.line,
            Some(run) if run.of(row) == line => {}
            _ => self.runs.push(Run { row, line, stride: 1 }),
        }
    }

    /// The line of a row.
    pub fn of(&self, row: usize) -> usize {
        let after = self.runs.partition_point(|run| run.row <= row);
        after.checked_sub(1).map_or(0, |at| self.runs[at].of(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_line() {
        let all = [2, 3, 4, 9, 10, 12, 14, 16, 18, 20, 20, 21];
        let mut lines = Lines::default();
        all.iter().for_each(|&line| lines.push(line));
        assert_eq!((0..all.len()).map(|row| lines.of(row)).collect::<Vec<_>>(), all);
        assert_eq!(lines.runs.len(), 4);
    }
}
