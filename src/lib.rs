//! wgrad trains neural networks on any GPU that wgpu reaches, with hand-written WGSL kernels, and on the CPU with the
//! same model.
//!
//! ```
//! use wgrad::prelude::*;
//! # fn main() -> wgrad::Result<()> {
//! # let data = |rows: usize| -> (Vec<Vec<f32>>, Vec<f32>) {
//! #     let of = |i: usize| (vec![(i * 7 % 11) as f32 / 11.0; 10], f32::from(i * 7 % 11 > 5));
//! #     (0..rows).map(of).unzip()
//! # };
//! # let ((x_train, y_train), (x_test, y_test)) = (data(64), data(8));
//!
//! let mut model = Sequential::new()
//!     .add(Dense::new(64).activation(Relu).input_shape([10]))
//!     .add(Dense::new(32).activation(Relu))
//!     .add(Dense::new(1).activation(Sigmoid)) // a probability, for binary classification
//!     .build(&Device::auto()?)?;
//! model.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"])?;
//! let history = model.fit(&x_train, &y_train, Fit::epochs(10))?;
//! let scores = model.evaluate(&x_test, &y_test)?;
//! println!("trained for {} epochs, accuracy {}", history.epochs().len(), scores["accuracy"]);
//! # assert!(history[9]["loss"] < history[0]["loss"] && history.epochs().len() == 10);
//! # Ok(())
//! # }
//! ```
//!
//! [`guide`] goes through the examples; [`guide::keras`] says what Keras' calls are here.
//!
//! From the bottom up; a module uses only those above it:
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`], [`shape`], [`random`], [`tensor`] | errors, types, random numbers from a counter, tensors on the host |
//! | [`runtime`] | adapters, buffers, kernels and submissions: all that talks to wgpu |
//! | [`graph`] | ops with static shapes, what an op is, the step protocol |
//! | [`simd`] | loops of the CPU in f32: products of matrices, functions of many numbers at once |
//! | [`ops`] | the ops: a file per family, and their gradients |
//! | [`oracle`] | a graph in f64, op by op: what everything is compared with |
//! | [`program`] | a graph made ready for a device: launches and where values live |
//! | [`device`] | what runs a program: a GPU, the CPU in f32, the oracle as a device |
//! | [`check`] | every op against the oracle |
//! | [`layers`], [`losses`], [`metrics`], [`optimizers`] | what a model is made of |
//! | [`data`] | data sets, splitting, scaling |
//! | [`model`], [`train`] | models; fit, evaluate, predict |
//! | `tabular` | tables in, predictions out, in one file (feature `csv`) |
//! | [`prelude`] | what a program that trains a model needs, in one line |
//! | `bench` | workloads that are timed (feature `cli`) |
//! | `cli` | the command line (feature `cli`) |

#![deny(missing_docs)]

pub mod error;
pub mod shape;
pub mod random;
pub mod tensor;
pub mod runtime;
pub mod graph;
pub mod simd;
pub mod ops;
pub mod oracle;
pub mod program;
pub mod device;
pub mod check;
pub mod layers;
pub mod losses;
pub mod metrics;
pub mod optimizers;
pub mod data;
pub mod model;
pub mod train;
#[cfg(feature = "csv")]
pub mod tabular;
pub mod prelude;
pub mod guide;
#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;

pub use device::Device;
pub use error::{Error, Result};
pub use layers::{Activation, Dense, Layer, Symbol};
pub use model::{Model, Sequential};
pub use ops::{Elu, Gelu, GeluTanh, HardSigmoid, HardSilu, LeakyRelu, Linear, Mish, Relu, Relu6, Selu, Sigmoid, Silu};
pub use ops::{Exp, LogSoftmax, Softmax, Softplus, Softsign, Tanh, ThresholdedRelu};
pub use runtime::Gpu;
pub use shape::{Dtype, Shape, Type};
pub use tensor::{IntoTensors, Tensor, Tensors};
pub use train::Fit;

// The Rust in README.md, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
