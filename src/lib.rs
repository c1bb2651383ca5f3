//! wgrad trains neural networks on any GPU through wgpu, and on the CPU with the same model.

pub mod error;
pub mod graph;
pub mod ops;
pub mod shape;
pub mod tensor;

pub use error::{Error, Result};
pub use shape::{Dtype, Shape, Type};
pub use tensor::{IntoTensors, Tensor};
