//! wgrad trains neural networks on any GPU through wgpu, and on the CPU with the same model.

pub mod data;
pub mod device;
pub mod error;
pub mod graph;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod optimizers;
pub mod oracle;
pub mod program;
pub mod random;
pub mod runtime;
pub mod shape;
pub mod tensor;
pub mod train;

pub use device::Device;
pub use error::{Error, Result};
pub use model::{Model, Sequential};
pub use ops::{Linear, Relu, Sigmoid};
pub use runtime::Gpu;
pub use shape::{Dtype, Shape, Type};
pub use tensor::{IntoTensors, Tensor};
pub use train::Fit;
