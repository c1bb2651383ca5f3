//! Tensors on the host: a shape and its elements, cheap to clone.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::shape::Shape;

/// A tensor on the host, row-major. Cloning shares the elements.
///
/// Elements are kept as f32, as f64 for [`Device::cpu_f64`](crate::Device::cpu_f64), or as the bytes of images and text.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Data,
}

#[derive(Clone, Debug, PartialEq)]
enum Data {
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    U8(Arc<Vec<u8>>),
}

impl Tensor {
    /// A tensor of `shape` from its elements, row-major.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of elements is not that of the shape.
    ///
    /// ```
    /// let x = wgrad::Tensor::new([2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    /// assert_eq!(x.shape().dims(), [2, 3]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn new(shape: impl Into<Shape>, data: Vec<f32>) -> Result<Self> {
        let shape = fitting(shape.into(), data.len())?;
        Ok(Self { shape, data: Data::F32(Arc::new(data)) })
    }

    /// The same for elements in f64.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of elements is not that of the shape.
    pub fn from_f64(shape: impl Into<Shape>, data: Vec<f64>) -> Result<Self> {
        let shape = fitting(shape.into(), data.len())?;
        Ok(Self { shape, data: Data::F64(Arc::new(data)) })
    }

    /// The same for bytes: pixels of images, or text. As an input of a model they stay bytes on the device, a quarter of the
    /// memory of f32, and become numbers from 0 to 255 as a batch is read;
    /// [`Rescaling`](crate::layers::Rescaling) brings them to other numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of elements is not that of the shape.
    ///
    /// ```
    /// let images = wgrad::Tensor::from_u8([2, 1, 2], vec![0, 255, 128, 7])?;
    /// assert_eq!(*images.to_f32(), [0.0, 255.0, 128.0, 7.0]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn from_u8(shape: impl Into<Shape>, data: Vec<u8>) -> Result<Self> {
        let shape = fitting(shape.into(), data.len())?;
        Ok(Self { shape, data: Data::U8(Arc::new(data)) })
    }

    /// A matrix from its rows.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rows differ in length.
    pub fn from_rows(rows: &[Vec<f32>]) -> Result<Self> {
        let cols = rows.first().map_or(0, Vec::len);
        if let Some((i, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != cols) {
            return Err(Error::shape(format!("row {i}"), format!("{cols} columns like row 0"), row.len()));
        }
        Self::new([rows.len(), cols], rows.concat())
    }

    /// All elements the same.
    pub fn full(shape: impl Into<Shape>, value: f32) -> Result<Self> {
        let shape = shape.into();
        let len = shape.checked_len("Tensor::full")?;
        Self::new(shape, vec![value; len])
    }

    /// The extents.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.is_empty()
    }

    /// The extent of axis 0, 1 for a scalar.
    pub fn rows(&self) -> usize {
        self.shape.dims().first().copied().unwrap_or(1)
    }

    /// The elements as f32, rounded where they are kept as f64.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match &self.data {
            Data::F32(data) => Cow::Borrowed(data),
            Data::F64(data) => data.iter().map(|&v| v as f32).collect(),
            Data::U8(data) => data.iter().map(|&v| f32::from(v)).collect(),
        }
    }

    /// The elements as f64.
    pub fn to_f64(&self) -> Cow<'_, [f64]> {
        match &self.data {
            Data::F32(data) => data.iter().map(|&v| f64::from(v)).collect(),
            Data::F64(data) => Cow::Borrowed(data),
            Data::U8(data) => data.iter().map(|&v| f64::from(v)).collect(),
        }
    }

    /// The elements, where they are kept as bytes.
    pub fn as_u8(&self) -> Option<&[u8]> {
        match &self.data {
            Data::U8(data) => Some(data),
            Data::F32(_) | Data::F64(_) => None,
        }
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of elements differs.
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        Ok(Self { shape: fitting(shape.into(), self.len())?, data: self.data.clone() })
    }

    /// The rows `range` along axis 0.
    ///
    /// # Errors
    /// [`Error::Shape`] for a scalar, and where the range passes the last row or ends before it begins.
    pub fn slice_rows(&self, range: std::ops::Range<usize>) -> Result<Self> {
        if range.start > range.end || range.end > self.rows() {
            return Err(Error::shape("rows of a tensor", format!("at least {} rows", range.end), &self.shape));
        }
        self.take_rows(&range.collect::<Vec<_>>())
    }

    /// The rows `rows` along axis 0, in that order.
    ///
    /// # Errors
    /// [`Error::Shape`] for a scalar or where an index passes the last row.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Self> {
        if self.shape.rank() == 0 {
            return Err(Error::shape("rows of a tensor", "at least one axis", &self.shape));
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(Error::shape("rows of a tensor", format!("more than {row} rows"), &self.shape));
        }
        let shape = self.shape.without_batch();
        let width = shape.len();
        let data = match &self.data {
            Data::F32(data) => Data::F32(Arc::new(take(data, rows, width))),
            Data::F64(data) => Data::F64(Arc::new(take(data, rows, width))),
            Data::U8(data) => Data::U8(Arc::new(take(data, rows, width))),
        };
        Ok(Self { shape: shape.with_batch(rows.len()), data })
    }
}

fn fitting(shape: Shape, elements: usize) -> Result<Shape> {
    if shape.checked_len("tensor")? == elements {
        Ok(shape)
    } else {
        Err(Error::shape("tensor", format!("{} elements for shape {shape}", shape.len()), format!("{elements}")))
    }
}

fn take<T: Copy>(data: &[T], rows: &[usize], width: usize) -> Vec<T> {
    rows.iter().flat_map(|&row| &data[row * width..(row + 1) * width]).copied().collect()
}

/// Tensors for the inputs or the outputs of a model: in their order, or by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(Vec<(Option<String>, Tensor)>);

impl From<Vec<Tensor>> for Tensors {
    /// In order.
    fn from(tensors: Vec<Tensor>) -> Self {
        Self(tensors.into_iter().map(|tensor| (None, tensor)).collect())
    }
}

impl From<Vec<(String, Tensor)>> for Tensors {
    /// By name.
    fn from(tensors: Vec<(String, Tensor)>) -> Self {
        Self(tensors.into_iter().map(|(name, tensor)| (Some(name), tensor)).collect())
    }
}

impl Tensors {
    /// One for each of `names`, in their order; `what` is what errors call them.
    pub(crate) fn arrange(self, what: &str, names: &[&str]) -> Result<Vec<Tensor>> {
        let listed = || format!("{} ({})", names.len(), names.join(", "));
        for (i, (name, _)) in self.0.iter().enumerate() {
            let Some(name) = name else { continue };
            if !names.contains(&name.as_str()) {
                return Err(Error::unknown(&format!("place in {what} for"), name, names.iter().copied()));
            }
            if self.0[..i].iter().any(|(other, _)| other.as_ref() == Some(name)) {
                return Err(Error::argument(what, "each name once", name));
            }
        }
        if self.0.len() != names.len() {
            let missing = names.iter().filter(|name| self.0.iter().all(|(other, _)| other.as_deref() != Some(**name)));
            let missing: Vec<&str> = missing.copied().collect();
            let is_named = self.0.iter().any(|(name, _)| name.is_some());
            let got = self.0.len();
            let got = if is_named { format!("{got}, without {}", missing.join(", ")) } else { got.to_string() };
            return Err(Error::shape(what, format!("as many tensors as the model has: {}", listed()), got));
        }
        let place = |name: &Option<String>| name.as_ref().and_then(|name| names.iter().position(|n| n == name));
        let mut placed: Vec<(usize, Tensor)> =
            self.0.into_iter().enumerate().map(|(i, (name, tensor))| (place(&name).unwrap_or(i), tensor)).collect();
        placed.sort_by_key(|(place, _)| *place);
        Ok(placed.into_iter().map(|(_, tensor)| tensor).collect())
    }
}

/// Anything that stands for one tensor or for a list of them: what `fit`, `evaluate` and `predict` take.
///
/// A vector of f32 is a tensor of rank 1, a vector of vectors one of rank 2. Several are given in the order of the
/// model's inputs or outputs, or by their names: `[("user", &users), ("item", &items)]`.
pub trait IntoTensors {
    /// The tensors.
    ///
    /// # Errors
    /// [`Error::Shape`] if rows differ in length.
    fn into_tensors(self) -> Result<Tensors>;
}

impl IntoTensors for Tensor {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![self].into())
    }
}

impl IntoTensors for &Tensor {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![self.clone()].into())
    }
}

impl IntoTensors for &[Tensor] {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(self.to_vec().into())
    }
}

impl IntoTensors for &Vec<Tensor> {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(self.clone().into())
    }
}

impl<const N: usize> IntoTensors for [&Tensor; N] {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(self.into_iter().cloned().collect::<Vec<_>>().into())
    }
}

impl IntoTensors for &[Vec<f32>] {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![Tensor::from_rows(self)?].into())
    }
}

impl IntoTensors for &Vec<Vec<f32>> {
    fn into_tensors(self) -> Result<Tensors> {
        self.as_slice().into_tensors()
    }
}

impl<const N: usize> IntoTensors for &[[f32; N]] {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![Tensor::new([self.len(), N], self.as_flattened().to_vec())?].into())
    }
}

impl<const N: usize, const M: usize> IntoTensors for &[[f32; N]; M] {
    fn into_tensors(self) -> Result<Tensors> {
        self.as_slice().into_tensors()
    }
}

impl<const N: usize> IntoTensors for &[f32; N] {
    fn into_tensors(self) -> Result<Tensors> {
        self.as_slice().into_tensors()
    }
}

impl IntoTensors for &Vec<f32> {
    fn into_tensors(self) -> Result<Tensors> {
        self.as_slice().into_tensors()
    }
}

impl IntoTensors for &[f32] {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![Tensor::new([self.len()], self.to_vec())?].into())
    }
}

impl<T: IntoTensors, const N: usize> IntoTensors for [(&str, T); N] {
    fn into_tensors(self) -> Result<Tensors> {
        let named = self.into_iter().map(|(name, tensor)| match <[_; 1]>::try_from(tensor.into_tensors()?.0) {
            Ok([(_, tensor)]) => Ok((Some(name.to_string()), tensor)),
            Err(several) => Err(Error::shape(name, "one tensor", several.len())),
        });
        named.collect::<Result<Vec<_>>>().map(Tensors)
    }
}

impl IntoTensors for Tensors {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(self)
    }
}

#[cfg(feature = "ndarray")]
impl<D: ndarray::Dimension> IntoTensors for &ndarray::Array<f32, D> {
    fn into_tensors(self) -> Result<Tensors> {
        Ok(vec![Tensor::new(self.shape(), self.iter().copied().collect())?].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_in_order_and_checked() {
        let x = Tensor::new([3, 2], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(*x.take_rows(&[2, 0]).unwrap().to_f32(), [4.0, 5.0, 0.0, 1.0]);
        assert_eq!(x.slice_rows(1..1).unwrap().shape().dims(), [0, 2]);
        assert!(x.take_rows(&[3]).is_err() && x.slice_rows(0..1 << 40).is_err());
        assert!(Tensor::new([], vec![1.0]).unwrap().take_rows(&[0]).is_err());
    }

    #[test]
    fn ragged_rows_and_wrong_counts_are_refused() {
        assert!(Tensor::from_rows(&[vec![1.0], vec![1.0, 2.0]]).is_err());
        assert!(Tensor::new([2, 2], vec![1.0]).is_err());
    }
}
