//! Cross-entropies: of two classes, of a distribution, of class numbers.

use crate::error::{Error, Result};
use crate::graph::{Builder, Squash, Value};
use crate::losses::Loss;
use crate::ops::{
    BINARY_CROSSENTROPY, BINARY_CROSSENTROPY_LOGITS, ClassKind, ClassTargets, LossValue, Targets, class_loss,
    pointwise_loss,
};
use crate::shape::{Shape, Type};
use crate::tensor::Tensor;

/// `−t ln p − (1 − t) ln(1 − p)`, the mean over the last axis and over the batch.
///
/// Where p is a sigmoid of the model, loss and gradient are computed from its logits, which is stable everywhere; else
/// p is clipped to [1e-7, 1 − 1e-7].
///
/// # Defaults
/// `from_logits(false)`, `label_smoothing(0.0)`. Source: Keras' `BinaryCrossentropy`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl BinaryCrossentropy {
    /// Whether predictions are logits and no probabilities.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// s, where a target t counts as `t (1 − s) + s / 2`.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
}

impl Loss for BinaryCrossentropy {
    fn name(&self) -> &str {
        "binary_crossentropy"
    }

    fn check(&self) -> Result<()> {
        share(self.label_smoothing)
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let smoothed = (1.0 - self.label_smoothing, 0.5 * self.label_smoothing);
        if self.from_logits {
            // Its hits are those of z > 0; an accuracy is that of the prediction itself, p > 0.5.
            let loss = pointwise_loss(g, &BINARY_CROSSENTROPY_LOGITS, p, targets, smoothed, column)?;
            return Ok(LossValue { hits: None, ..loss });
        }
        match g.logits_of(p, Squash::Sigmoid) {
            Some(z) => pointwise_loss(g, &BINARY_CROSSENTROPY_LOGITS, z, targets, smoothed, column),
            None => pointwise_loss(g, &BINARY_CROSSENTROPY, p, targets, smoothed, column),
        }
    }
}

/// `− Σ t ln p` over the last axis, the mean over the batch: targets of a number per class, mostly one 1 and zeros.
///
/// Where p is a softmax of the model, loss and gradient are computed from its logits, which is stable everywhere; else
/// p is divided by its sum, then clipped to [1e-7, 1 − 1e-7].
///
/// # Defaults
/// `from_logits(false)`, `label_smoothing(0.0)`. Source: Keras' `CategoricalCrossentropy`.
///
/// ```
/// use wgrad::losses::CategoricalCrossentropy;
/// let loss = CategoricalCrossentropy::default().label_smoothing(0.1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}

impl CategoricalCrossentropy {
    /// Whether predictions are logits and no probabilities.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }

    /// s, where a target t counts as `t (1 − s) + s / classes`.
    pub fn label_smoothing(mut self, label_smoothing: f64) -> Self {
        self.label_smoothing = label_smoothing;
        self
    }
}

impl Loss for CategoricalCrossentropy {
    fn name(&self) -> &str {
        "categorical_crossentropy"
    }

    fn check(&self) -> Result<()> {
        share(self.label_smoothing)
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let (kind, p) = prediction(g, p, self.from_logits);
        class_loss(g, (kind, ClassTargets::OneHot), p, targets, self.label_smoothing, column)
    }
}

/// `− ln p[t]` of the class t, the mean over the batch: targets are the numbers of the classes, from 0.
///
/// Predictions are taken like those of [`CategoricalCrossentropy`]. For an output `[classes]` targets are `[rows]` or
/// `[rows, 1]`.
///
/// # Defaults
/// `from_logits(false)`. Source: Keras' `SparseCategoricalCrossentropy`.
///
/// # Errors
/// A target that is no whole number below the number of classes is refused before anything runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct SparseCategoricalCrossentropy {
    from_logits: bool,
}

impl SparseCategoricalCrossentropy {
    /// Whether predictions are logits and no probabilities.
    pub fn from_logits(mut self, from_logits: bool) -> Self {
        self.from_logits = from_logits;
        self
    }
}

impl Loss for SparseCategoricalCrossentropy {
    fn name(&self) -> &str {
        "sparse_categorical_crossentropy"
    }

    fn target(&self, output: &Type) -> Result<Type> {
        match output.shape.dims() {
            [cells @ .., _] => Ok(Type::f32(Shape::from(&[cells, &[1]].concat()[..]))),
            [] => Err(Error::shape(self.name(), "an output of [classes]", output)),
        }
    }

    fn check_targets(&self, y: &Tensor, output: &Type) -> Result<()> {
        let classes = output.shape.dims().last().copied().unwrap_or(1);
        let is_class = |y: f64| y >= 0.0 && y < classes as f64 && y.fract() == 0.0;
        match y.to_f64().iter().position(|&y| !is_class(y)) {
            None => Ok(()),
            Some(at) => {
                let row = at / (y.len() / y.rows().max(1)).max(1);
                let expected = format!("a class number, a whole number from 0 on and below {classes}, in row {row}");
                Err(Error::argument("y", expected, y.to_f64()[at]))
            }
        }
    }

    fn call(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let (kind, p) = prediction(g, p, self.from_logits);
        class_loss(g, (kind, ClassTargets::Numbers), p, targets, 0.0, column)
    }
}

/// What a loss of classes is computed from: logits where they are known.
fn prediction(g: &Builder, p: Value, from_logits: bool) -> (ClassKind, Value) {
    match g.logits_of(p, Squash::Softmax) {
        _ if from_logits => (ClassKind::Logits, p),
        Some(logits) => (ClassKind::Logits, logits),
        None => (ClassKind::Probabilities, p),
    }
}

fn share(label_smoothing: f64) -> Result<()> {
    if (0.0..=1.0).contains(&label_smoothing) {
        return Ok(());
    }
    Err(Error::argument("label_smoothing", "a share from 0 to 1", label_smoothing))
}
