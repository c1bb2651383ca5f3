//! A model as bytes: one safetensors file, with the weights, and the architecture in its metadata.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::file;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::graph::{Variable, VariableKind};
use crate::layers::{Begin, Config, Layer, Network, Registry};
use crate::model::{Model, intact};
use crate::tensor::Tensor;

/// A weight in a file: name, shape, little-endian bytes.
type Weight = (String, Vec<usize>, Vec<u8>);

/// The key of the metadata.
const KEY: &str = "wgrad";

/// What the metadata says; the first two fields stand in front, where they are looked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    sha256: String,
    name: String,
    seed: u64,
    model: Config,
    notes: BTreeMap<String, serde_json::Value>,
}

impl Model {
    /// The model as a safetensors file: the weights `dense/kernel`, `dense/bias`, …, f32, little-endian, and in the
    /// metadata, under `wgrad`, its architecture as JSON, names of layers and settings, never code, with its notes and a hash
    /// over all bytes of the file. The same model gives the same bytes. What it was compiled with is not kept. The guide's
    /// page on files says it all.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let weights = self.little_endian()?;
        let views = weights.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(broken)?;
            Ok((name.as_str(), view))
        });
        let (version, sha256) = (intact::VERSION, intact::BLANK.into());
        let (name, seed, notes) = (self.name.clone(), self.seed, self.notes.clone());
        let kept = Kept { version, sha256, name, seed, model: self.network.config(), notes };
        let kept = serde_json::to_string(&kept).map_err(broken)?;
        let metadata = HashMap::from([(KEY.to_string(), kept)]);
        let mut bytes = serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata)).map_err(broken)?;
        intact::seal(&mut bytes).map_err(broken)?;
        Ok(bytes)
    }

    /// Writes [`Model::to_bytes`] to a file: beside it first, then in its place, so that a crash leaves the old file or
    /// the new one.
    ///
    /// # Errors
    /// [`Error::Io`] with the file, [`Error::DeviceLost`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write(path.as_ref(), &self.to_bytes()?)
    }

    /// The model that [`Model::to_bytes`] gave, on `device`. `registry` makes the layers.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are no such file, of another version, or not those that were saved; [`Error::Unknown`], within [`Error::Layer`], for a layer that
    /// is not registered; [`Error::Mismatch`] with all weights that do not fit.
    ///
    /// ```
    /// use wgrad::layers::{Dense, Layer, Registry};
    /// use wgrad::{Device, Model, Sequential};
    /// let model = Sequential::new().add(Dense::new(3).input_shape([2])).build(&Device::cpu())?;
    /// let mut again = Model::from_bytes(&model.to_bytes()?, &Device::cpu(), &Registry::default())?;
    /// assert_eq!(again.weight("dense/kernel")?, model.weight("dense/kernel")?);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn from_bytes(bytes: &[u8], device: &Device, registry: &Registry) -> Result<Self> {
        Self::read(Path::new("model"), bytes, device, registry)
    }

    /// The model of a file that [`Model::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`] with the file, and those of [`Model::from_bytes`].
    pub fn load(path: impl AsRef<Path>, device: &Device, registry: &Registry) -> Result<Self> {
        let path = path.as_ref();
        Self::read(path, &file::read(path)?, device, registry)
    }

    /// Takes the weights of a file that [`Model::save`] wrote, for a model of the same layers, or of another program's
    /// safetensors file with the same names. Nothing changes where one does not fit.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Format`] with the file, as for [`Model::from_bytes`]; [`Error::Mismatch`] with all weights that do not fit.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.take_weights(path, &file::read(path)?)
    }

    fn read(path: &Path, bytes: &[u8], device: &Device, registry: &Registry) -> Result<Self> {
        let wrong = |reason: String| format(path, "metadata", reason);
        intact::check(bytes).map_err(|reason| format(path, "header", reason))?;
        let header = header(path, bytes)?;
        let kept = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let kept = kept.ok_or_else(|| wrong(format!("expected a key `{KEY}`, as `save` writes it")))?;
        intact::unique_keys(kept).map_err(wrong)?;
        let kept: Kept = serde_json::from_str(kept).map_err(|e| wrong(e.to_string()))?;
        let class = Network::class(&kept.model.class)
            .ok_or_else(|| Error::unknown("kind of model", &kept.model.class, ["Sequential", "Functional"]))?;
        let (network, _) = Network::from_settings(class, &kept.model.settings, registry)?;
        // What the file has no weights for is refused before memory is taken for it.
        let mut model = Self::begun(network, kept.name, kept.seed, device, |making| {
            let weights = fitting(path, bytes, making.variables.iter())?;
            making.begins = weights.into_iter().map(|(_, tensor)| Begin::As(tensor)).collect();
            Ok(())
        })?;
        model.notes = kept.notes;
        Ok(model)
    }

    /// Sets all weights, if all fit.
    fn take_weights(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        if intact::is_model(bytes) {
            intact::check(bytes).map_err(|reason| format(path, "header", reason))?;
        }
        header(path, bytes)?;
        let kept = self.variables.iter().filter(|v| v.kind != VariableKind::Moment);
        let weights = fitting(path, bytes, kept)?;
        weights.iter().try_for_each(|(name, tensor)| self.set_weight(name, tensor))
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
        Ok(file::hexadecimal(&hash.finalize()))
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

/// The header of a file, in which no key stands twice.
fn header(path: &Path, bytes: &[u8]) -> Result<Metadata> {
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(|e| format(path, "header", e))?;
    let text = bytes.get(8..8 + length).and_then(|header| std::str::from_utf8(header).ok()).unwrap_or_default();
    intact::unique_keys(text).map_err(|reason| format(path, "header", reason))?;
    Ok(header)
}

/// The weights of a file for these variables, in their order.
///
/// # Errors
/// [`Error::Mismatch`] with all that does not fit.
fn fitting<'a>(
    path: &Path,
    bytes: &[u8],
    variables: impl Iterator<Item = &'a Variable>,
) -> Result<Vec<(String, Tensor)>> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| format(path, "header", e))?;
    let mut left: BTreeSet<&str> = file.names().into_iter().collect();
    let (mut fitting, mut differences) = (vec![], vec![]);
    for Variable { name, ty, .. } in variables {
        left.remove(name.as_str());
        match file.tensor(name) {
            Err(_) => differences.push(format!("{name} is not in the file")),
            Ok(view) if view.dtype() != Dtype::F32 || view.shape() != ty.shape.dims() => {
                let (dtype, shape) = (view.dtype(), view.shape());
                differences.push(format!("{name} is {ty} in the model, {dtype:?} {shape:?} in the file"));
            }
            Ok(view) => {
                let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                fitting.push((name.clone(), Tensor::new(ty.shape.clone(), values.collect())?));
            }
        }
    }
    differences.extend(left.into_iter().map(|name| format!("{name} is not in the model")));
    if differences.is_empty() {
        return Ok(fitting);
    }
    differences.sort();
    Err(Error::Mismatch { what: path.display().to_string(), differences })
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Unsupported { what: format!("a model that cannot be written ({error})"), fix: "report this as a bug".into() }
}

fn format(path: &Path, position: &str, reason: impl ToString) -> Error {
    Error::Format { path: path.into(), position: position.into(), reason: reason.to_string() }
}
