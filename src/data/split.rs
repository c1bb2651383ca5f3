//! Which rows are for training, for validation and for test.

use crate::error::{Error, Result};
use crate::random::{Philox, Purpose};

/// Three sets of row numbers that share none; each is in random order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The rows to train on.
    pub train: Vec<usize>,
    /// The rows that are looked at after each epoch.
    pub validation: Vec<usize>,
    /// The rows that training never sees.
    pub test: Vec<usize>,
}

/// Shuffles `rows` rows by the seed and splits them: ⌊validation_split · rows⌋ for validation, ⌊test_split · rows⌋ for
/// test, the others for training.
///
/// Both splits are shares of all rows; 0 means none. A product within 1e-9 of the next whole number counts as that
/// number, so that 0.29 of 100 rows are 29.
///
/// # Errors
/// [`Error::Argument`] for a share outside [0, 1) or NaN, one above 0 that gives no row, and shares that leave no row to
/// train on.
///
/// ```
/// let split = wgrad::data::split(569, 0.2, 0.2, 0)?;
/// assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (343, 113, 113));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn split(rows: usize, validation_split: f64, test_split: f64, seed: u64) -> Result<Split> {
    let count = u32::try_from(rows).map_err(|_| Error::argument("rows", format!("at most {}", u32::MAX), rows))?;
    let validation = share("validation_split", validation_split, rows)?;
    let test = share("test_split", test_split, rows)?;
    // Two shares below 1 can still sum to 1 or more, and rounding down would hide it on few rows.
    if validation + test >= rows || validation_split + test_split >= 1.0 {
        return Err(Error::argument(
            "validation_split and test_split",
            format!("shares that leave at least one of {rows} rows to train on"),
            format!("{validation_split} and {test_split}"),
        ));
    }
    let order = Philox::new(seed, Purpose::Split, 0).permutation(count);
    let mut order = order.into_iter().map(|row| row as usize);
    let test = order.by_ref().take(test).collect();
    let validation = order.by_ref().take(validation).collect();
    Ok(Split { train: order.collect(), validation, test })
}

/// Shuffles rows by the seed and splits them like [`split`], with as many of each class in each part as its share of the
/// rows asks for, by largest remainders. `classes` has the class of each row; one row of each stays for training, so that a
/// part may have fewer rows.
///
/// # Errors
/// Those of [`split`].
///
/// ```
/// let classes: Vec<usize> = (0..100).map(|row| row / 80).collect(); // sorted: 80 of one, then 20 of another
/// let split = wgrad::data::stratified_split(&classes, 0.0, 0.25, 0)?;
/// assert_eq!(split.test.iter().filter(|&&row| classes[row] == 1).count(), 5);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn stratified_split(classes: &[usize], validation_split: f64, test_split: f64, seed: u64) -> Result<Split> {
    let all = split(classes.len(), validation_split, test_split, seed)?;
    let mut counts = vec![0; classes.iter().max().map_or(0, |&class| class + 1)];
    classes.iter().for_each(|&class| counts[class] += 1);
    // Test first, so that its rows do not depend on the validation rows.
    let mut test = quotas(&counts, all.test.len(), &vec![0; counts.len()]);
    let mut validation = quotas(&counts, all.validation.len(), &test);
    let mut split = Split { train: vec![], validation: vec![], test: vec![] };
    for row in [all.test, all.validation, all.train].concat() {
        let class = classes[row];
        let (part, left) = match (test[class], validation[class]) {
            (1.., _) => (&mut split.test, Some(&mut test)),
            (0, 1..) => (&mut split.validation, Some(&mut validation)),
            _ => (&mut split.train, None),
        };
        part.push(row);
        if let Some(left) = left {
            left[class] -= 1;
        }
    }
    Ok(split)
}

/// How many of `taken` rows are of each class; the others of a class are more than `before`.
fn quotas(counts: &[usize], taken: usize, before: &[usize]) -> Vec<usize> {
    let rows: usize = counts.iter().sum::<usize>().max(1);
    let most = |class: usize| counts[class].saturating_sub(1 + before[class]);
    let mut quotas: Vec<usize> = (0..counts.len()).map(|c| (counts[c] * taken / rows).min(most(c))).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(counts[class] * taken % rows));
    let mut left = taken - quotas.iter().sum::<usize>();
    while left > 0 {
        let before = left;
        for &class in &order {
            if left > 0 && quotas[class] < most(class) {
                quotas[class] += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    quotas
}

fn share(name: &str, share: f64, rows: usize) -> Result<usize> {
    if !(0.0..1.0).contains(&share) {
        return Err(Error::argument(name, "a share of the rows in [0, 1)", share));
    }
    let taken = (share * rows as f64 + 1e-9).floor() as usize;
    if taken == 0 && share > 0.0 {
        return Err(Error::argument(name, format!("0, or a share that is at least one of {rows} rows"), share));
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_set() {
        for rows in [3, 7, 10, 100, 569, 1000] {
            for (validation, test) in [(0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.34, 0.34), (0.4, 0.5)] {
                let s = split(rows, validation, test, 3).unwrap();
                assert_eq!(s.validation.len(), (validation * rows as f64 + 1e-9) as usize);
                assert_eq!(s.test.len(), (test * rows as f64 + 1e-9) as usize);
                let mut all = [s.train, s.validation, s.test].concat();
                all.sort_unstable();
                assert_eq!(all, (0..rows).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_seed_alone_decides_and_the_test_rows_do_not_depend_on_the_validation_rows() {
        assert_eq!(split(100, 0.2, 0.2, 1).unwrap(), split(100, 0.2, 0.2, 1).unwrap());
        assert_ne!(split(100, 0.2, 0.2, 1).unwrap().test, split(100, 0.2, 0.2, 2).unwrap().test);
        assert_eq!(split(100, 0.2, 0.2, 1).unwrap().test, split(100, 0.0, 0.2, 1).unwrap().test);
    }

    #[test]
    fn classes_are_in_proportion_and_each_is_trained_on() {
        for counts in [vec![80, 20], vec![50, 30, 20], vec![1, 99], vec![7, 7, 7, 7, 7], vec![2, 1, 1]] {
            let classes: Vec<usize> = counts.iter().enumerate().flat_map(|(c, &n)| std::iter::repeat_n(c, n)).collect();
            let rows = classes.len();
            for (validation, test) in [(0.0, 0.0), (0.25, 0.25), (0.0, 0.4), (0.3, 0.0)] {
                let s = stratified_split(&classes, validation, test, 5).unwrap();
                let of = |part: &[usize], class| part.iter().filter(|&&row| classes[row] == class).count();
                for (class, &count) in counts.iter().enumerate() {
                    assert!(of(&s.train, class) > 0, "{counts:?}");
                    let wanted = test * count as f64;
                    assert!(
                        of(&s.test, class) as f64 <= wanted + 1.0 && of(&s.test, class) as f64 > wanted - 2.0,
                        "{counts:?}"
                    );
                }
                let mut all = [&s.train[..], &s.validation, &s.test].concat();
                all.sort_unstable();
                assert_eq!(all, (0..rows).collect::<Vec<_>>());
                assert_eq!(s.test, stratified_split(&classes, 0.0, test, 5).unwrap().test);
            }
        }
        let classes: Vec<usize> = (0..1000).map(|row| row / 500).collect();
        let s = stratified_split(&classes, 0.2, 0.2, 0).unwrap();
        assert_eq!((s.train.len(), s.validation.len(), s.test.len()), (600, 200, 200));
        assert!(s.train.windows(2).any(|pair| pair[0] > pair[1]), "shuffled");
    }

    #[test]
    fn shares_that_are_whole_but_for_rounding_are_whole() {
        for percent in 1..100usize {
            assert_eq!(split(100, percent as f64 / 100.0, 0.0, 0).unwrap().validation.len(), percent);
        }
    }

    #[test]
    fn shares_that_make_no_sense_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.0, 1.5, 1e-3, 5e-324] {
            assert!(split(569, bad, 0.0, 0).is_err(), "validation {bad}");
            assert!(split(569, 0.0, bad, 0).is_err(), "test {bad}");
        }
        for (rows, validation, test) in [(569, 0.6, 0.5), (569, 0.2, 0.999_999), (3, 0.67, 0.34), (0, 0.0, 0.0)] {
            assert!(split(rows, validation, test, 0).is_err(), "{rows} {validation} {test}");
        }
        assert!(split(10, 0.5, 0.5, 0).is_err());
        assert!(split(2, 0.5, 0.0, 0).is_ok());
    }
}
