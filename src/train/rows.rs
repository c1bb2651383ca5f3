//! Rows of data for a model, checked before anything runs.

use crate::device::Upload;
use crate::error::{Error, Result};
use crate::model::{Layout, Loaded, Model};
use crate::ops::pack_rows;
use crate::shape::{Dtype, Shape, Type};
use crate::tensor::{Tensor, Tensors};
use crate::train::fit::ClassWeights;

/// Rows for the inputs of a model, with targets and weights for its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) x: Vec<Tensor>,
    pub(crate) y: Vec<Tensor>,
    /// A weight per row for each output; `None` where all are 1.
    pub(crate) weights: Vec<Option<Tensor>>,
    pub(crate) count: usize,
}

impl Rows {
    /// The rows of a range.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Result<Self> {
        let slice = |all: &[Tensor]| all.iter().map(|t| t.slice_rows(range.clone())).collect::<Result<Vec<_>>>();
        let weights = self.weights.iter().map(|w| w.as_ref().map(|w| w.slice_rows(range.clone())).transpose());
        let weights = weights.collect::<Result<_>>()?;
        Ok(Self { x: slice(&self.x)?, y: slice(&self.y)?, weights, count: range.len() })
    }

    /// How they lie on the device.
    pub(crate) fn layout(&self) -> Layout {
        let bytes = self.x.iter().take(64).enumerate().map(|(at, x)| u64::from(x.as_u8().is_some()) << at).sum();
        Layout { rows: self.count, weighted: self.weights.iter().any(Option::is_some), bytes }
    }

    /// Uploads them for a graph.
    pub(crate) fn upload(&self, Loaded { graph, feed, executable, .. }: &mut Loaded) -> Result<()> {
        let layout = self.layout();
        for (at, (&value, tensor)) in feed.inputs.iter().zip(&self.x).enumerate() {
            if let Some(bytes) = tensor.as_u8().filter(|_| layout.is_bytes(at)) {
                executable.upload(value, Upload::Index(&pack_rows(bytes, tensor.shape().without_batch().len())))?;
                continue;
            }
            match graph.ty(value).dtype {
                Dtype::F32 => executable.upload(value, Upload::Tensor(tensor))?,
                Dtype::U32 => executable.upload(value, Upload::Index(&whole("x", tensor, u32::MAX as usize)?))?,
            }
        }
        for (&value, tensor) in feed.targets.iter().zip(&self.y) {
            executable.upload(value, Upload::Tensor(tensor))?;
        }
        let ones = Tensor::full([self.count], 1.0)?;
        for (&value, weights) in feed.weights.iter().zip(&self.weights) {
            executable.upload(value, Upload::Tensor(weights.as_ref().unwrap_or(&ones)))?;
        }
        feed.ones.map_or(Ok(()), |value| executable.upload(value, Upload::Tensor(&ones)))
    }
}

/// The elements of a tensor as whole numbers from 0 on and below `limit`.
fn whole(name: &str, tensor: &Tensor, limit: usize) -> Result<Vec<u32>> {
    let width = (tensor.len() / tensor.rows().max(1)).max(1);
    let number = |(at, &v): (usize, &f64)| match v >= 0.0 && v < limit as f64 && v.fract() == 0.0 {
        true => Ok(v as u32),
        false => {
            let expected = format!("a whole number from 0 on and below {limit}, in row {}", at / width);
            Err(Error::argument(format!("input `{name}`"), expected, v))
        }
    };
    tensor.to_f64().iter().enumerate().map(number).collect()
}

impl Model {
    /// Inputs alone; `what` is what errors call them.
    pub(crate) fn input_rows(&self, what: &str, x: Tensors) -> Result<Rows> {
        let x = x.arrange(what, &self.input_names())?;
        let count = x.first().map_or(0, Tensor::rows);
        let fit = |(tensor, (name, ty)): (Tensor, &(String, Type))| {
            fitting(&self.called(what, name, self.inputs.len()), &tensor, &ty.shape, count)
        };
        let x = x.into_iter().zip(&self.inputs).map(fit).collect::<Result<Vec<_>>>()?;
        for (at, (tensor, (name, ty))) in x.iter().zip(&self.inputs).enumerate() {
            if ty.dtype == Dtype::U32 {
                whole(name, tensor, self.network.limit(at).unwrap_or(u32::MAX as usize))?;
            }
        }
        Ok(Rows { x, y: vec![], weights: vec![], count })
    }

    /// Inputs and targets.
    pub(crate) fn rows(&self, what: [&str; 2], x: Tensors, y: Tensors) -> Result<Rows> {
        let rows = self.input_rows(what[0], x)?;
        let y = y.arrange(what[1], &self.output_names())?;
        let targets = self.targets()?;
        let fit = |((tensor, (name, _)), ty): ((Tensor, &(String, Type)), &Type)| {
            fitting(&self.called(what[1], name, self.outputs.len()), &tensor, &ty.shape, rows.count)
        };
        let y = y.into_iter().zip(&self.outputs).zip(&targets).map(fit).collect::<Result<Vec<_>>>()?;
        for ((y, (_, ty)), compiled) in y.iter().zip(&self.outputs).zip(&self.compiled()?.outputs) {
            compiled.loss.check_targets(y, ty)?;
        }
        Ok(Rows { weights: y.iter().map(|_| None).collect(), y, ..rows })
    }

    /// What errors call a tensor: by its name, where there are several.
    fn called(&self, what: &str, name: &str, count: usize) -> String {
        if count == 1 { what.into() } else { format!("{what} of `{name}`") }
    }

    /// Multiplies the weights of rows with a weight per row, for outputs by name; `None` for the only output.
    pub(crate) fn weigh(&self, rows: &mut Rows, weights: &[(Option<String>, Tensor)]) -> Result<()> {
        for (output, tensor) in weights {
            let at = self.output_of("sample_weight", "sample_weight_of", output.as_deref())?;
            let tensor = fitting("sample_weight", tensor, &Shape::from([]), rows.count)?;
            if let Some(&wrong) = tensor.to_f32().iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                return Err(Error::argument("sample_weight", "finite numbers from 0 on", wrong));
            }
            multiply(&mut rows.weights[at], tensor)?;
        }
        Ok(())
    }

    /// Multiplies the weights of rows with the weights of their classes.
    pub(crate) fn weigh_classes(&self, rows: &mut Rows, weights: &[(Option<String>, ClassWeights)]) -> Result<()> {
        for (output, of_class) in weights {
            let at = self.output_of("class_weight", "class_weight_of", output.as_deref())?;
            let (name, ty) = &self.outputs[at];
            let classes = match ty.shape.dims() {
                [1] => 2,
                [n] => *n,
                _ => {
                    let got = format!("`{name}` of {}", ty.shape);
                    return Err(Error::argument("class_weight", "an output of one class per row", got));
                }
            };
            for &(class, weight) in of_class {
                if class >= classes {
                    let expected = format!("a class of output `{name}`, below {classes}");
                    return Err(Error::argument("class_weight", expected, class));
                }
                if !((weight as f32).is_finite() && weight >= 0.0) {
                    return Err(Error::argument("class_weight", "finite numbers from 0 on", weight));
                }
            }
            let by_class = |class: usize| of_class.iter().find(|(c, _)| *c == class).map_or(1.0, |(_, w)| *w);
            let weights = class_of_rows(&rows.y[at], classes)?.into_iter().map(by_class).collect();
            multiply(&mut rows.weights[at], Tensor::from_f64([rows.count], weights)?)?;
        }
        Ok(())
    }
}

/// The tensor as rows of a shape. A last axis of 1 may be left out or be too much: `[n]` for `[n, 1]`, and the other
/// way round; nothing else is stretched.
pub(crate) fn fitting(what: &str, tensor: &Tensor, row: &Shape, count: usize) -> Result<Tensor> {
    let (wanted, got) = (row.with_batch(count), tensor.shape());
    let column = |long: &Shape, short: &Shape| matches!(long.dims(), [others @ .., 1] if short.dims() == others);
    let nothing = count == 0 && tensor.is_empty() && wanted.is_empty();
    if *got == wanted || column(&wanted, got) || column(got, &wanted) || nothing {
        tensor.reshape(wanted)
    } else {
        Err(Error::shape(what, wanted.to_string(), got))
    }
}

/// The class of each row: the target itself, or the place of the largest where there is one per class.
fn class_of_rows(y: &Tensor, classes: usize) -> Result<Vec<usize>> {
    let values = y.to_f64();
    let width = (y.len() / y.rows().max(1)).max(1);
    let class = |(row, values): (usize, &[f64])| match values {
        [class] if *class >= 0.0 && *class < classes as f64 && class.fract() == 0.0 => Ok(*class as usize),
        [other] => {
            let expected = format!("targets that are classes, whole numbers from 0 on and below {classes}");
            Err(Error::argument("class_weight", expected, format!("{other} in row {row}")))
        }
        all => Ok((1..all.len()).fold(0, |best, at| if all[at] > all[best] { at } else { best })),
    };
    values.chunks(width).enumerate().map(class).collect()
}

fn multiply(weights: &mut Option<Tensor>, by: Tensor) -> Result<()> {
    *weights = Some(match weights.take() {
        None => by,
        Some(before) => {
            let product = before.to_f64().iter().zip(by.to_f64().iter()).map(|(a, b)| a * b).collect();
            Tensor::from_f64(by.shape().clone(), product)?
        }
    });
    Ok(())
}
