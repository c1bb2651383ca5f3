//! The variables of a model on a device.

use crate::device::{cpu, gpu_storage, lock};
use crate::error::{Error, Result};
use crate::graph::{Buffer, Float};
use crate::shape::Type;
use crate::tensor::Tensor;

/// The variables of a model on a device.
#[derive(Clone, Debug)]
pub struct Storage(pub(super) Memory);

#[derive(Clone, Debug)]
pub(super) enum Memory {
    Cpu(cpu::CpuStorage<f32>),
    Exact(cpu::CpuStorage<f64>),
    Gpu(gpu_storage::GpuStorage),
}

impl Storage {
    /// Sets variable `index`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the number of elements differs.
    pub fn write(&self, index: usize, tensor: &Tensor) -> Result<()> {
        match &self.0 {
            Memory::Cpu(storage) => put(storage, index, tensor.to_f32().into_owned()),
            Memory::Exact(storage) => put(storage, index, tensor.to_f64().into_owned()),
            Memory::Gpu(storage) => storage.write(index, &tensor.to_f32()),
        }
    }

    /// Reads variable `index`, of shape `ty`.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn read(&self, index: usize, ty: &Type) -> Result<Tensor> {
        match &self.0 {
            Memory::Cpu(storage) => Tensor::new(ty.shape.clone(), get(storage, index)?.float().to_vec()),
            Memory::Exact(storage) => Tensor::from_f64(ty.shape.clone(), get(storage, index)?.float().to_vec()),
            Memory::Gpu(storage) => Tensor::new(ty.shape.clone(), storage.read(index)?),
        }
    }
}

fn unknown(index: usize) -> Error {
    Error::argument("a variable's index", "one of the model", index)
}

fn put<F: Float>(storage: &cpu::CpuStorage<F>, index: usize, data: Vec<F>) -> Result<()> {
    let mut variables = lock(storage)?;
    let variable = variables.get_mut(index).ok_or_else(|| unknown(index))?;
    if variable.float().len() != data.len() {
        return Err(Error::shape("variable", format!("{} elements", variable.float().len()), data.len()));
    }
    *variable = Buffer::Float(data);
    Ok(())
}

fn get<F: Float>(storage: &cpu::CpuStorage<F>, index: usize) -> Result<Buffer<F>> {
    lock(storage)?.get(index).cloned().ok_or_else(|| unknown(index))
}
