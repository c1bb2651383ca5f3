//! What a program that trains a model needs, in one line: `use wgrad::prelude::*`.

pub use crate::data::{OneHotEncoder, Split, StandardScaler, split, stratified_split};
pub use crate::device::Device;
pub use crate::error::{Error, Result};
pub use crate::graph::{Builder, Float, Value};
pub use crate::layers::*;
pub use crate::losses::*;
pub use crate::metrics::*;
pub use crate::model::{Functional, Model, Sequential};
pub use crate::ops::{
    Custom, Elementwise, Elu, Exp, Gelu, GeluTanh, HardSigmoid, HardSilu, LeakyRelu, Linear, LogSoftmax, Mish, Relu,
    Relu6, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign, Tanh, ThresholdedRelu,
};
pub use crate::optimizers::*;
pub use crate::shape::{Dtype, Shape, Type};
pub use crate::tensor::{IntoTensors, Tensor, Tensors};
pub use crate::train::{Fit, History, Run, Step, Tracing, Verbosity};
