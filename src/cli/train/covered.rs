//! A split in which every text of a table is among the rows that are trained on.

use crate::data::{Column, Split};

/// How many of the rows that are trained on have each text of each column.
struct Counts<'a> {
    columns: &'a [&'a Column],
    counts: Vec<Vec<usize>>,
}

impl<'a> Counts<'a> {
    fn of(columns: &'a [&'a Column], rows: &[usize]) -> Self {
        let counts = columns.iter().map(|column| vec![0; column.texts().map_or(0, <[_]>::len)]).collect();
        let mut all = Self { columns, counts };
        rows.iter().for_each(|&row| all.each(row, |count| *count += 1));
        all
    }

    fn each(&mut self, row: usize, mut change: impl FnMut(&mut usize)) {
        for (column, counts) in self.columns.iter().zip(&mut self.counts) {
            if let Some(count) = column.code(row).and_then(|code| counts.get_mut(code)) {
                change(count);
            }
        }
    }

    /// The first column in which no row that is trained on has this row's text.
    fn lacks(&self, row: usize) -> Option<usize> {
        self.at_most(0, row)
    }

    /// The first column in which so many rows at most have this row's text.
    fn at_most(&self, most: usize, row: usize) -> Option<usize> {
        let has = |(column, counts): (&&Column, &Vec<usize>)| column.code(row).is_some_and(|code| counts[code] <= most);
        self.columns.iter().zip(&self.counts).position(has)
    }
}

/// Brings every text among the rows that are trained on: one that none of them has could not be learned. The first row with
/// it changes places with a training row of its class whose own texts stay, where there is one. `classes` has the class of
/// each row, or nothing. Says how many rows of each column's sake these are.
pub(super) fn cover(columns: &[&Column], classes: &[usize], split: &mut Split) -> Vec<usize> {
    let class = |row: usize| classes.get(row).copied().unwrap_or(0);
    let (mut counts, mut moved) = (Counts::of(columns, &split.train), vec![0; columns.len()]);
    // Where to look on among the training rows, for each class.
    let mut next = vec![0; classes.iter().max().map_or(1, |most| most + 1)];
    for part in [&mut split.validation, &mut split.test] {
        let mut kept = Vec::with_capacity(part.len());
        for &row in part.iter() {
            let Some(column) = counts.lacks(row) else {
                kept.push(row);
                continue;
            };
            moved[column] += 1;
            counts.each(row, |count| *count += 1);
            let may_go = |&at: &usize| {
                let other = split.train[at];
                class(other) == class(row) && counts.at_most(1, other).is_none()
            };
            let given = (next[class(row)]..split.train.len()).find(may_go);
            next[class(row)] = given.map_or(split.train.len(), |at| at + 1);
            match given {
                Some(at) => {
                    let other = std::mem::replace(&mut split.train[at], row);
                    counts.each(other, |count| *count -= 1);
                    kept.push(other);
                }
                None => split.train.push(row),
            }
        }
        *part = kept;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{parse_csv, stratified_split};

    #[test]
    fn every_text_is_trained_on_and_classes_stay_in_proportion() {
        // A third of the rows have a town of their own, and most of these are of one class.
        let row = |i: usize| match i % 3 {
            0 => format!("town {i},{},{}\n", i % 7, ["stay", "go", "go", "go"][i % 4]),
            _ => format!("town {},{},{}\n", i % 8 + 1000, i % 7, ["go", "stay", "stay"][i % 5 % 3]),
        };
        let csv = "town,a,y\n".to_string() + &(0..900).map(row).collect::<String>();
        let table = parse_csv(csv.as_bytes(), "t.csv").unwrap();
        let (_, classes) = table.classes("y").unwrap();
        let columns: Vec<&Column> = table.columns()[..1].iter().collect();
        for seed in 0..5 {
            let before = stratified_split(&classes, 0.2, 0.2, seed).unwrap();
            let mut split = before.clone();
            let moved = cover(&columns, &classes, &mut split);
            assert!(moved[0] > 50, "{moved:?}");
            let of_class =
                |rows: &[usize]| [0, 1].map(|class| rows.iter().filter(|&&row| classes[row] == class).count());
            for (now, then) in [(&split.test, &before.test), (&split.validation, &before.validation)] {
                assert_eq!(of_class(now), of_class(then), "seed {seed}");
            }
            let mut all = [split.train.clone(), split.validation.clone(), split.test.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..900).collect::<Vec<_>>());
            let counts = Counts::of(&columns, &split.train);
            assert!((0..900).all(|row| counts.lacks(row).is_none()));
        }
    }

    #[test]
    fn rows_that_cannot_be_swapped_are_trained_on_all_the_same() {
        let table = parse_csv("town,y\na,0\nb,0\nc,1\nd,1\n".as_bytes(), "t.csv").unwrap();
        let columns: Vec<&Column> = table.columns()[..1].iter().collect();
        let mut split = Split { train: vec![0, 2], validation: vec![1], test: vec![3] };
        assert_eq!(cover(&columns, &[0, 0, 1, 1], &mut split), [2]);
        assert_eq!((split.train, split.validation, split.test), (vec![0, 2, 1, 3], vec![], vec![]));
    }
}
