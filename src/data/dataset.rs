//! Data sets in memory.

#[cfg(feature = "csv")]
use crate::data::csv::parse_csv;
#[cfg(feature = "csv")]
use crate::data::table::{Column, Table};
#[cfg(feature = "csv")]
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Rows of numbers and the class of each.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The inputs, `[rows, columns]`.
    pub x: Tensor,
    /// The targets, `[rows, 1]`: a row's place in `classes`.
    pub y: Tensor,
    /// The names of the inputs' columns.
    pub columns: Vec<String>,
    /// The names of the classes, in alphabetical order.
    pub classes: Vec<String>,
}

#[cfg(feature = "csv")]
impl Dataset {
    /// The column `target` of a table as the classes, every other one as a number.
    ///
    /// # Errors
    /// [`Error::Unknown`] where `target` is no column; [`Error::Argument`] where it is the only one, or holds a single class;
    /// [`Error::Format`] for a
    /// cell that is empty, or outside `target` no finite number.
    pub fn from_table(table: &Table, target: &str) -> Result<Self> {
        let (classes, indices) = table.classes(target)?;
        if classes.len() < 2 {
            return Err(Error::argument("target", "a column with at least two classes", classes.join(", ")));
        }
        let columns: Vec<&str> = table.columns().iter().map(Column::name).filter(|&c| c != target).collect();
        if columns.is_empty() {
            return Err(Error::argument("target", "a table with more columns than the target", target));
        }
        let x = table.numbers(&columns)?;
        let y = Tensor::new([indices.len(), 1], indices.iter().map(|&i| i as f32).collect())?;
        Ok(Self { x, y, columns: columns.into_iter().map(String::from).collect(), classes })
    }
}

/// Breast Cancer Wisconsin (Diagnostic): 569 rows of 30 measurements, `benign` = 0 and `malignant` = 1.
///
/// Source: Wolberg, Mangasarian, Street and Street 1995, UCI Machine Learning Repository, doi 10.24432/C5DW2B,
/// CC BY 4.0.
///
/// # Errors
/// Those of [`Dataset::from_table`]; the set that is built in has none.
///
/// ```
/// let set = wgrad::data::breast_cancer()?;
/// assert_eq!(set.x.shape().dims(), [569, 30]);
/// assert_eq!(set.classes, ["benign", "malignant"]);
/// # Ok::<(), wgrad::Error>(())
/// ```
#[cfg(feature = "csv")]
pub fn breast_cancer() -> Result<Dataset> {
    Dataset::from_table(&breast_cancer_table()?, BREAST_CANCER_TARGET)
}

/// The column of [`breast_cancer_table`] that has the classes.
#[cfg(feature = "csv")]
pub(crate) const BREAST_CANCER_TARGET: &str = "diagnosis";

/// The table of [`breast_cancer`].
#[cfg(feature = "csv")]
pub(crate) fn breast_cancer_table() -> Result<Table> {
    parse_csv(&include_bytes!("../../data/breast_cancer.csv")[..], "breast_cancer.csv")
}

#[cfg(all(test, feature = "csv"))]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_set_is_the_published_one() {
        let set = breast_cancer().unwrap();
        assert_eq!(set.x.shape().dims(), [569, 30]);
        assert_eq!(set.y.shape().dims(), [569, 1]);
        assert_eq!((set.columns[0].as_str(), set.columns[29].as_str()), ("mean_radius", "worst_fractal_dimension"));
        // The repository's page counts 357 benign and 212 malignant rows.
        assert_eq!(set.y.to_f32().iter().sum::<f32>(), 212.0);
        assert_eq!(set.x.to_f32()[..4], [17.99, 10.38, 122.8, 1001.0]);
        assert_eq!(set.y.to_f32()[0], 1.0);
    }

    #[test]
    fn a_target_must_be_a_column_with_classes_beside_others() {
        let table = |csv: &str| parse_csv(csv.as_bytes(), "t.csv").unwrap();
        assert!(Dataset::from_table(&table("a,b\n1,x\n2,y\n"), "b").is_ok());
        for (csv, target) in [("a,b\n1,x\n2,y\n", "c"), ("a,b\n1,x\n2,x\n", "b"), ("b\nx\ny\n", "b")] {
            let refused = Dataset::from_table(&table(csv), target);
            assert!(matches!(refused, Err(Error::Argument { .. } | Error::Unknown { .. })), "{csv}");
        }
    }
}
