//! Columns brought to a common scale.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// (x − mean) / deviation for each column, so that what it was fitted to has mean 0 and standard deviation 1.
///
/// It is saved by serde, with a model by [`Model::set_note`](crate::Model::set_note):
///
/// ```
/// use wgrad::data::StandardScaler;
/// use wgrad::layers::Registry;
/// use wgrad::prelude::*;
/// # let x = Tensor::new([3, 2], vec![1.0, 5.0, 3.0, 7.0, 8.0, 9.0])?;
/// # let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).build(&Device::cpu())?;
/// let scaler = StandardScaler::fit(&x)?;
/// model.set_note("scaler", serde_json::to_value(&scaler)?);
/// let bytes = model.to_bytes()?;
///
/// let mut model = Model::from_bytes(&bytes, &Device::cpu(), &Registry::default())?;
/// let note = model.note("scaler").ok_or("a model without its scaler")?;
/// let scaler: StandardScaler = serde_json::from_value(note.clone())?;
/// let y = model.predict(&scaler.transform(&x)?)?;
/// # assert_eq!(y.shape().dims(), [3, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardScaler {
    /// The mean of each column.
    pub mean: Vec<f64>,
    /// The standard deviation of each column, with the number of rows as the divisor; 1 for a constant column.
    pub deviation: Vec<f64>,
}

impl StandardScaler {
    /// The mean and the standard deviation of each column of `x`, `[rows, columns]`, in f64.
    ///
    /// # Errors
    /// [`Error::Shape`] if `x` is no matrix or has no row; [`Error::Argument`] for a value that is not finite, or so large
    /// that its square is not.
    ///
    /// ```
    /// use wgrad::{Tensor, data::StandardScaler};
    /// let x = Tensor::new([2, 2], vec![1.0, 5.0, 3.0, 5.0])?;
    /// let scaler = StandardScaler::fit(&x)?;
    /// assert_eq!(*scaler.transform(&x)?.to_f32(), [-1.0, 0.0, 1.0, 0.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn fit(x: &Tensor) -> Result<Self> {
        let &[rows, cols] = x.shape().dims() else {
            return Err(Error::shape("StandardScaler::fit", "[rows, columns]", x.shape()));
        };
        if rows == 0 {
            return Err(Error::shape("StandardScaler::fit", "at least one row", x.shape()));
        }
        let data = x.to_f64();
        let (mut mean, mut deviation) = (Vec::with_capacity(cols), Vec::with_capacity(cols));
        for col in 0..cols {
            let column = || data.iter().skip(col).step_by(cols).copied();
            let (m, d) = statistics(column, rows as f64);
            if !(m.is_finite() && d.is_finite()) {
                let got = column().find(|v| !v.is_finite()).unwrap_or(m);
                return Err(Error::argument("x", format!("finite values in column {col}"), got));
            }
            mean.push(m);
            deviation.push(d);
        }
        Ok(Self { mean, deviation })
    }

    /// `x` with every column scaled: computed in f64, the result in f32. NaN passes on.
    ///
    /// # Errors
    /// [`Error::Shape`] if `x` is no matrix with the columns that the scaler was fitted to.
    pub fn transform(&self, x: &Tensor) -> Result<Tensor> {
        self.each("StandardScaler::transform", x, |v, m, d| (v - m) / d)
    }

    /// x · deviation + mean for every column: what [`StandardScaler::transform`] was given. NaN passes on.
    ///
    /// # Errors
    /// Those of [`StandardScaler::transform`].
    pub fn inverse_transform(&self, x: &Tensor) -> Result<Tensor> {
        self.each("StandardScaler::inverse_transform", x, |v, m, d| v * d + m)
    }

    fn each(&self, what: &str, x: &Tensor, f: impl Fn(f64, f64, f64) -> f64) -> Result<Tensor> {
        let cols = self.mean.len();
        if !matches!(*x.shape().dims(), [_, c] if c == cols) || self.deviation.len() != cols {
            return Err(Error::shape(what, format!("[rows, {cols}]"), x.shape()));
        }
        let columns = self.mean.iter().zip(&self.deviation).cycle();
        let data = x.to_f64().iter().zip(columns).map(|(&v, (&m, &d))| f(v, m, d) as f32).collect();
        Tensor::new(x.shape().clone(), data)
    }
}

/// Deviations below this lose digits where they are squared.
const TINY: f64 = 1e-140;

/// Mean and deviation in two passes: the difference of two sums of squares would lose the digits that differ.
pub(super) fn statistics<I: Iterator<Item = f64>>(column: impl Fn() -> I, rows: f64) -> (f64, f64) {
    let mut first = column();
    let constant = first.next().is_some_and(|v| v.is_finite() && first.all(|w| w == v));
    let mean = column().sum::<f64>() / rows;
    let mut deviation = (column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows).sqrt();
    if deviation < TINY {
        // Squares of what is so small are not all there.
        let most = column().map(|v| (v - mean).abs()).fold(f64::MIN_POSITIVE, f64::max);
        deviation = most * (column().map(|v| ((v - mean) / most).powi(2)).sum::<f64>() / rows).sqrt();
    }
    // The mean of equal values is off by a rounding, which must not be scaled up to 1.
    if constant || deviation < f64::MIN_POSITIVE { (column().next().unwrap_or(mean), 1.0) } else { (mean, deviation) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_mean_0_and_deviation_1() {
        let x = Tensor::new([4, 2], vec![1.0, 1e6 + 1.0, 2.0, 1e6 + 2.0, 3.0, 1e6 + 3.0, 4.0, 1e6 + 4.0]).unwrap();
        let scaler = StandardScaler::fit(&x).unwrap();
        assert_eq!(scaler.mean, [2.5, 1e6 + 2.5]);
        assert_eq!(scaler.deviation, [1.25f64.sqrt(); 2]);
        let y = scaler.transform(&x).unwrap();
        let back = scaler.inverse_transform(&y).unwrap();
        assert!(back.to_f64().iter().zip(x.to_f64().iter()).all(|(a, b)| (a / b - 1.0).abs() < 1e-6), "{back:?}");
        let again = StandardScaler::fit(&y).unwrap();
        assert!(again.mean.iter().all(|m| m.abs() < 1e-7) && again.deviation.iter().all(|d| (d - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_constant_column_becomes_0() {
        let x = Tensor::full([1000, 1], 0.1).unwrap();
        let scaler = StandardScaler::fit(&x).unwrap();
        assert_eq!(scaler.deviation, [1.0]);
        assert!(scaler.transform(&x).unwrap().to_f32().iter().all(|&v| v == 0.0));
    }

    #[test]
    fn small_numbers_are_scaled_like_large_ones() {
        for scale in [1e-300, 1e-160, 1e-30, 1.0, 1e30] {
            let x = Tensor::from_f64([4, 1], [1.0, 2.0, 2.0, 3.0].map(|v| v * scale).to_vec()).unwrap();
            let scaler = StandardScaler::fit(&x).unwrap();
            assert!((scaler.deviation[0] / scale - 0.5f64.sqrt()).abs() < 1e-12, "{scale:e}: {scaler:?}");
        }
    }

    #[test]
    fn what_has_no_statistics_is_refused() {
        let fit = |shape: &[usize], data: Vec<f64>| StandardScaler::fit(&Tensor::from_f64(shape, data).unwrap());
        assert!(matches!(fit(&[2], vec![1.0, 2.0]), Err(Error::Shape { .. })));
        assert!(matches!(fit(&[0, 2], vec![]), Err(Error::Shape { .. })));
        assert!(fit(&[2, 0], vec![]).is_ok());
        for bad in [f64::NAN, f64::INFINITY, 1e200] {
            let error = fit(&[2, 2], vec![1.0, bad, 2.0, 3.0]).unwrap_err();
            assert!(error.to_string().contains("column 1"), "{error}");
        }
    }

    #[test]
    fn other_columns_than_those_fitted_are_refused() {
        let scaler = StandardScaler::fit(&Tensor::full([2, 3], 1.0).unwrap()).unwrap();
        for shape in [&[6][..], &[3, 2], &[2, 3, 1]] {
            let other = Tensor::full(shape, 1.0).unwrap();
            assert!(matches!(scaler.transform(&other), Err(Error::Shape { .. })));
            assert!(matches!(scaler.inverse_transform(&other), Err(Error::Shape { .. })));
        }
        assert_eq!(scaler.transform(&Tensor::full([0, 3], 1.0).unwrap()).unwrap().len(), 0);
    }
}
