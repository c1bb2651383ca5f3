//! wgrad trains neural networks on any GPU through wgpu, and on the CPU with the same model.

pub mod error;
pub mod shape;
pub mod random;
pub mod tensor;
pub mod graph;
pub mod ops;
pub mod data;
pub mod train;

pub use error::{Error, Result};
pub use shape::{Dtype, Shape, Type};
pub use tensor::{IntoTensors, Tensor};
