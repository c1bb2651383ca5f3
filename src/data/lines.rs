//! The lines where the rows of a table begin.

/// The line of each row: kept where it is not the one after that of the row before.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// A row, and how far its line and those after it are from their rows.
    steps: Vec<(usize, usize)>,
    rows: usize,
}

impl Lines {
    /// Takes the line of the next row.
    pub fn push(&mut self, line: usize) {
        let ahead = line - self.rows;
        if self.steps.last().is_none_or(|&(_, before)| before != ahead) {
            self.steps.push((self.rows, ahead));
        }
        self.rows += 1;
    }

    /// The line of a row.
    pub fn of(&self, row: usize) -> usize {
        let after = self.steps.partition_point(|&(first, _)| first <= row);
        after.checked_sub(1).map_or(0, |at| row + self.steps[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_line() {
        let all = [2, 3, 4, 9, 10, 12, 13, 14, 20];
        let mut lines = Lines::default();
        all.iter().for_each(|&line| lines.push(line));
        assert_eq!((0..all.len()).map(|row| lines.of(row)).collect::<Vec<_>>(), all);
        assert_eq!(lines.steps.len(), 4);
    }
}
