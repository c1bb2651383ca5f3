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
