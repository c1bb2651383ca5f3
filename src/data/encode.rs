//! Texts as numbers that a model takes.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, shown};
use crate::tensor::Tensor;

/// A column for each category: 1 for a text's own and 0 for the others. Fitted to the texts that there are.
///
/// It is saved by serde, with a model by [`Model::set_note`](crate::Model::set_note).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotEncoder {
    /// All texts that there may be, each once, in the order of their columns.
    pub categories: Vec<String>,
}

impl OneHotEncoder {
    /// The categories of these texts, in alphabetical order.
    ///
    /// # Errors
    /// [`Error::Argument`] for no texts.
    ///
    /// ```
    /// use wgrad::data::OneHotEncoder;
    /// let encoder = OneHotEncoder::fit(["red", "blue", "red"])?;
    /// assert_eq!(encoder.categories, ["blue", "red"]);
    /// let x = encoder.transform(["red", "blue"])?;
    /// assert_eq!((x.shape().dims(), &*x.to_f32()), (&[2, 2][..], &[0.0, 1.0, 1.0, 0.0][..]));
    /// assert_eq!(encoder.inverse_transform(&x)?, ["red", "blue"]);
    /// assert!(encoder.transform(["green"]).is_err());
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn fit(texts: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let categories: Vec<String> = texts.into_iter().map(Into::into).collect::<BTreeSet<_>>().into_iter().collect();
        if categories.is_empty() {
            return Err(Error::argument("texts", "at least one", "none"));
        }
        Ok(Self { categories })
    }

    /// Texts as f32 `[texts, categories]`.
    ///
    /// # Errors
    /// [`Error::Argument`] for a text that is no category, with its place from 0 on.
    pub fn transform(&self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Tensor> {
        let places: HashMap<&str, usize> = self.categories.iter().enumerate().map(|(at, text)| (&**text, at)).collect();
        let (width, mut data, mut rows) = (self.categories.len(), vec![], 0);
        for text in texts {
            let text = text.as_ref();
            let unknown = || Error::argument(format!("text {rows}"), one_of(&self.categories), shown(text));
            let place = rows * width + *places.get(text).ok_or_else(unknown)?;
            rows += 1;
            data.resize(rows * width, 0.0);
            data[place] = 1.0;
        }
        Tensor::new([rows, width], data)
    }

    /// The category with the largest number in each row of `x`, `[rows, categories]`; the first of several.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of columns.
    pub fn inverse_transform(&self, x: &Tensor) -> Result<Vec<&str>> {
        let width = self.categories.len();
        if width == 0 || !matches!(*x.shape().dims(), [_, cols] if cols == width) {
            return Err(Error::shape("OneHotEncoder::inverse_transform", format!("[rows, {width}]"), x.shape()));
        }
        let largest = |row: &[f32]| (1..width).fold(0, |best, at| if row[at] > row[best] { at } else { best });
        Ok(x.to_f32().chunks(width).map(|row| self.categories[largest(row)].as_str()).collect())
    }
}

/// What is expected in the place of a text that is none of these.
pub(super) fn one_of(names: &[String]) -> String {
    let known: Vec<String> = names.iter().take(20).map(|name| format!("`{}`", shown(name))).collect();
    format!("one of {}{}", known.join(", "), if names.len() > 20 { ", …" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_category_is_named_with_what_is() {
        let encoder = OneHotEncoder::fit((0..30).map(|i| format!("{i:02}"))).unwrap();
        let error = encoder.transform(["07", "x\n"]).unwrap_err().to_string();
        assert!(error.contains("text 1") && error.contains("`00`, `01`") && error.contains("`19`, …"), "{error}");
        assert!(error.contains("x\\n"), "{error}");
        assert!(OneHotEncoder::fit([""; 0]).is_err());
        assert_eq!(encoder.transform([""; 0]).unwrap().shape().dims(), [0, 30]);
    }

    #[test]
    fn it_is_saved_as_it_is() {
        let encoder = OneHotEncoder::fit(["b", "a"]).unwrap();
        let text = serde_json::to_string(&encoder).unwrap();
        assert_eq!(text, r#"{"categories":["a","b"]}"#);
        assert_eq!(serde_json::from_str::<OneHotEncoder>(&text).unwrap(), encoder);
    }

    #[test]
    fn a_row_of_another_width_has_no_category() {
        let encoder = OneHotEncoder::fit(["b", "a"]).unwrap();
        assert!(encoder.inverse_transform(&Tensor::full([2, 3], 0.0).unwrap()).is_err());
        assert_eq!(encoder.inverse_transform(&Tensor::full([1, 2], 0.5).unwrap()).unwrap(), ["a"]);
    }
}
