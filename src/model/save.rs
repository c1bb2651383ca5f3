//! A model's weights as bytes: a safetensors file.

use safetensors::tensor::{Dtype, TensorView, serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::model::Model;

/// A weight in a file: name, shape, little-endian bytes.
type Weight = (String, Vec<usize>, Vec<u8>);

impl Model {
    /// The weights as a safetensors file: `dense/kernel`, `dense/bias`, …, f32, little-endian. The same weights give
    /// the same bytes.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let weights = self.little_endian()?;
        let views = weights.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(broken)?;
            Ok((name.as_str(), view))
        });
        serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(broken)
    }

    /// SHA-256 over the weights' little-endian bytes in the order of their names, in hexadecimal.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn weights_sha256(&self) -> Result<String> {
        let mut weights = self.little_endian()?;
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        let mut hash = Sha256::new();
        weights.iter().for_each(|(_, _, bytes)| hash.update(bytes));
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn little_endian(&self) -> Result<Vec<Weight>> {
        let bytes = |name: &str| -> Result<_> {
            let tensor = self.weight(name)?;
            let bytes = tensor.to_f32().iter().flat_map(|v| v.to_le_bytes()).collect();
            Ok((name.to_string(), tensor.shape().dims().to_vec(), bytes))
        };
        self.weight_names().into_iter().map(bytes).collect()
    }
}

fn broken(error: safetensors::SafeTensorError) -> Error {
    Error::Unsupported {
        what: format!("a weight that safetensors refuses ({error})"),
        fix: "report this as a bug".into(),
    }
}
