//! The ops: one file per family, with shape rule, gradient, CPU kernel, launches and cases.

mod activation;
mod adam;
mod autodiff;
mod bias_add;
mod binary;
pub mod case;
mod chain;
mod dense;
mod dropout;
mod finite;
mod gather;
mod keep_sums;
mod loss;
mod matmul;
mod movement;
mod moving_average;
mod normalization;
mod one_hot;
mod reduce;
mod reshape;
mod rmsprop;
mod rows;
mod rows_u8;
mod select;
mod sgd;
mod softmax;
mod squeeze;
mod step_end;
mod step_value;
mod unary;
mod walk;

pub use activation::ActivationFunction;
pub use adam::{Adam, adam};
pub use bias_add::{BiasAdd, BiasAddBackward, bias_add};
pub use binary::*;
pub use case::{Case, Domain, Family, Input};
pub(crate) use chain::walk;
pub use chain::{Chain, Member};
pub use dense::{Dense, DenseBackward, dense};
pub use dropout::{Dropout, dropout};
pub use finite::{CheckFinite, check_finite};
pub use gather::{Gather, ScatterAdd, gather, scatter_add};
pub use keep_sums::KeepSums;
pub use loss::{
    BINARY_ACCURACY, BINARY_CROSSENTROPY, BINARY_CROSSENTROPY_LOGITS, BinaryAccuracy, ClassKind, ClassLoss,
    ClassTargets, ColumnSums, ColumnTerms, HUBER, Hits, Huber, LOSS_ROWS, LossFunction, LossRow, LossRowDef, LossValue,
    MEAN_ABSOLUTE_ERROR, MEAN_SQUARED_ERROR, OWN_LOSS, PointwiseLoss, Targets, class_loss, column_sums, loss_row,
    pointwise_loss,
};
pub use matmul::{Matmul, MatmulBackward, matmul};
pub use movement::concatenate::{Concatenate, concatenate};
pub use movement::pad::{Pad, pad};
pub use movement::slice::{Slice, slice};
pub use movement::split::{Split, split};
pub use movement::transpose::{Transpose, transpose};
pub use moving_average::{MovingAverage, moving_average};
pub use normalization::{
    BatchNormalization, BatchNormalizationBackward, LayerNormalization, LayerNormalizationBackward, Normalization,
    Normalize, batch_normalization, layer_normalization, normalize,
};
pub use one_hot::{OneHot, one_hot};
pub use reduce::{Argmax, BroadcastTo, Extreme, MeanBackward, Sum, argmax, broadcast_to, max, mean, min, sum, sum_to};
pub use reshape::{Reshape, flatten, reshape};
pub use rmsprop::{Rmsprop, rmsprop};
pub use rows::{RowGather, StoreRows, row_gather, store_rows};
pub use rows_u8::{RowGatherU8, pack_rows, packed_rows, row_gather_u8};
pub use select::{Select, SelectBackward, select};
pub use sgd::{Sgd, sgd};
pub use softmax::{LogSoftmax, Softmax, SoftmaxBackward, SoftmaxOp, log_softmax, softmax};
pub use squeeze::{ExpandDims, Squeeze, expand_dims, squeeze};
pub use step_end::{COUNT_ONLY, StepEnd, step_end};
pub use step_value::{StepValue, constant, full, step_value};
pub use unary::activations::*;
pub use unary::arithmetic::*;
pub use unary::piecewise::*;
pub use unary::{
    Custom, Elementwise, Function, MOST_PARAMS, Needs, Params, Unary, UnaryBackward, UnaryDef, UnaryOp, row, rows,
    unary, unary_backward,
};
pub(crate) use walk::MOST_AXES;

use crate::error::{Error, Result};
use crate::graph::{Launch, Source};
use crate::shape::{Dtype, Type};

/// Every family of ops, with what each is tested on. Tests, gates and benches walk this list.
pub static FAMILIES: &[Family] = &[
    Family { name: "unary", cases: unary::cases },
    Family { name: "binary", cases: binary::cases },
    Family { name: "chain", cases: chain::cases },
    Family { name: "select", cases: select::cases },
    Family { name: "reduce", cases: reduce::cases },
    Family { name: "squeeze", cases: squeeze::cases },
    Family { name: "bias_add", cases: bias_add::cases },
    Family { name: "matmul", cases: matmul::cases },
    Family { name: "dense", cases: dense::cases },
    Family { name: "reshape", cases: reshape::cases },
    Family { name: "transpose", cases: movement::transpose::cases },
    Family { name: "slice", cases: movement::slice::cases },
    Family { name: "pad", cases: movement::pad::cases },
    Family { name: "split", cases: movement::split::cases },
    Family { name: "concatenate", cases: movement::concatenate::cases },
    Family { name: "gather", cases: gather::cases },
    Family { name: "one_hot", cases: one_hot::cases },
    Family { name: "dropout", cases: dropout::cases },
    Family { name: "rows", cases: rows::cases },
    Family { name: "rows_u8", cases: rows_u8::cases },
    Family { name: "softmax", cases: softmax::cases },
    Family { name: "normalization", cases: normalization::cases },
    Family { name: "pointwise_loss", cases: loss::pointwise::cases },
    Family { name: "class_loss", cases: loss::class_cases::cases },
    Family { name: "column_sums", cases: loss::column_sums::cases },
    Family { name: "finite", cases: finite::cases },
    Family { name: "adam", cases: adam::cases },
    Family { name: "sgd", cases: sgd::cases },
    Family { name: "moving_average", cases: moving_average::cases },
    Family { name: "rmsprop", cases: rmsprop::cases },
    Family { name: "step_value", cases: step_value::cases },
    Family { name: "keep_sums", cases: keep_sums::cases },
    Family { name: "step_end", cases: step_end::cases },
];

/// Exactly `N` inputs.
fn arity<'a, const N: usize>(op: &str, inputs: &[&'a Type]) -> Result<[&'a Type; N]> {
    inputs.try_into().map_err(|_| Error::shape(op, format!("{N} inputs"), inputs.len()))
}

/// A type of dtype f32.
fn float(op: &str, name: &str, ty: &Type) -> Result<Type> {
    match ty.dtype {
        Dtype::F32 => Ok(ty.clone()),
        Dtype::U32 => Err(Error::shape(op, format!("{name} as f32"), ty)),
    }
}

/// Two types of the same shape and dtype.
fn same(op: &str, name: &str, got: &Type, like: &Type) -> Result<()> {
    if (&got.shape, got.dtype) == (&like.shape, like.dtype) {
        Ok(())
    } else {
        Err(Error::shape(op, format!("{name} as {like}"), got))
    }
}

/// A launch with an invocation per element: its `Params` begin with `len`.
fn elementwise(source: Source, len: usize) -> Launch {
    Launch::new(source).size("len", len).cost((len as u64).div_ceil(64), 1, len as u64)
}
