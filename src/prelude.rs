//! What a program that trains a model needs, in one line: `use wgrad::prelude::*`.

pub use crate::data::{Split, StandardScaler, split};
pub use crate::device::Device;
pub use crate::error::{Error, Result};
pub use crate::graph::{Builder, Value};
pub use crate::layers::{
    Activation, Add, Average, BatchNormalization, Concatenate, Config, Dense, Dot, Dropout, Embedding, Flatten,
    Initializer, Layer, Maximum, Minimum, Multiply, PRelu, Permute, Placed, Registry, Regularizer, RepeatVector,
    Reshape, Scope, Subtract, Symbol, Vars,
};
pub use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, Huber, Loss, Losses, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
};
pub use crate::metrics::{Accuracy, BinaryAccuracy, Metrics};
pub use crate::model::{Functional, Model, Sequential};
pub use crate::ops::{
    Elu, Exp, Gelu, GeluTanh, HardSigmoid, HardSilu, LeakyRelu, Linear, LogSoftmax, Mish, Relu, Relu6, Selu, Sigmoid,
    Silu, Softmax, Softplus, Softsign, Tanh, ThresholdedRelu,
};
pub use crate::optimizers::{Adam, AdamW, Optimizer, Rmsprop, Sgd};
pub use crate::shape::{Dtype, Shape, Type};
pub use crate::tensor::{IntoTensors, Tensor, Tensors};
pub use crate::train::{Fit, History, Run, Step, Tracing, Verbosity};
