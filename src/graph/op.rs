//! What an op is: [`OpDef`] is what an author writes, [`Op`] what a graph holds.

use std::fmt::Debug;

use crate::error::{Error, Result};
use crate::graph::builder::Builder;
use crate::graph::cpu::CpuVariant;
use crate::graph::float::Float;
use crate::graph::launch::{Site, Variant};
use crate::graph::pointwise::Pointwise;
use crate::graph::step::StepState;
use crate::graph::tolerance::{Measure, Tolerance};
use crate::graph::{Node, Value};
use crate::shape::Type;

/// An op as its author describes it: once, and in one place.
///
/// A type generic over the float is no trait object, so the graph holds [`Op`], which every `OpDef` is.
pub trait OpDef: Debug + Send + Sync + 'static {
    /// The op's name: also its shader's stem, its label, and what tests and benches call it.
    fn name(&self) -> &str;

    /// The types of the outputs; the only shape rule.
    ///
    /// # Errors
    /// [`Error::Shape`] where the inputs do not fit.
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>>;

    /// Whether it is a program's own, and none of wgrad's: `compile` checks those.
    fn is_own(&self) -> bool {
        is_foreign::<Self>()
    }

    /// Pairs (output, input) that share storage: the output arrives holding the input's old value.
    fn aliases(&self) -> Vec<(usize, usize)> {
        vec![]
    }

    /// Whether the op sets the flag where a gradient that it gives is not finite, or too large for an optimizer.
    fn checks_finite(&self) -> bool {
        false
    }

    /// What it is in WGSL, element by element, for an op that can be merged with its neighbours into one kernel: f32 alone,
    /// no flag, no state, and operands that stretch to the shape of the outputs.
    fn pointwise(&self) -> Option<Pointwise> {
        None
    }

    /// Of a loss that brings its gradient: how many terms of its sums a row of the batch gives. Its first output is the
    /// gradient by its first input of the mean of its second output, weighted by its column of the step table.
    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize> {
        let _ = inputs;
        None
    }

    /// The gradients of the inputs, made of ops, from those of the outputs. `None` says that there is none.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the op has no derivative.
    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let _ = (g, node, dy);
        Err(Error::Unsupported {
            what: format!("the gradient of {}", self.name()),
            fix: "use ops that have one".into(),
        })
    }

    /// What the op means, as plain loops. An output that nothing reads arrives empty and is not written.
    ///
    /// # Errors
    /// As the op documents.
    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()>;

    /// Faster kernels in f32 for the CPU, where they pay; the first is the default. Which there are depends on shapes and
    /// on what the CPU has. Without any, [`cpu`](Self::cpu) runs.
    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        let _ = site;
        vec![]
    }

    /// What the bars are counted in.
    fn measure(&self) -> Measure;

    /// How far each output may be from the oracle's, per element (`rules.md`); equal bits where this says 0.
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>>;

    /// The kernels on a GPU; the first is the default.
    ///
    /// # Errors
    /// [`Error::Limit`] where a launch does not fit the device.
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>>;
}

/// Whether a type is not one of wgrad's.
pub(crate) fn is_foreign<T: ?Sized>() -> bool {
    !std::any::type_name::<T>().starts_with(concat!(env!("CARGO_CRATE_NAME"), "::"))
}

/// An op as the graph holds it. Implemented for every [`OpDef`].
pub trait Op: Debug + Send + Sync {
    /// See [`OpDef::name`].
    fn name(&self) -> &str;
    /// See [`OpDef::infer`].
    #[allow(missing_docs, clippy::missing_errors_doc)]
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>>;
    /// See [`OpDef::is_own`].
    fn is_own(&self) -> bool;
    /// See [`OpDef::aliases`].
    fn aliases(&self) -> Vec<(usize, usize)>;
    /// See [`OpDef::checks_finite`].
    fn checks_finite(&self) -> bool;
    /// See [`OpDef::pointwise`].
    fn pointwise(&self) -> Option<Pointwise>;
    /// See [`OpDef::loss_terms`].
    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize>;
    /// See [`OpDef::gradient`].
    #[allow(clippy::missing_errors_doc)]
    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>>;
    /// [`OpDef::cpu`] in f32.
    #[allow(clippy::missing_errors_doc)]
    fn cpu_f32(&self, args: Args<'_, f32>) -> Result<()>;
    /// [`OpDef::cpu`] in f64.
    #[allow(clippy::missing_errors_doc)]
    fn cpu_f64(&self, args: Args<'_, f64>) -> Result<()>;
    /// See [`OpDef::cpu_variants`].
    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant>;
    /// See [`OpDef::measure`].
    fn measure(&self) -> Measure;
    /// See [`OpDef::tolerance`].
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>>;
    /// See [`OpDef::variants`].
    #[allow(clippy::missing_errors_doc)]
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>>;
}

impl<T: OpDef> Op for T {
    fn name(&self) -> &str {
        OpDef::name(self)
    }
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        OpDef::infer(self, inputs)
    }
    fn is_own(&self) -> bool {
        OpDef::is_own(self)
    }
    fn aliases(&self) -> Vec<(usize, usize)> {
        OpDef::aliases(self)
    }
    fn checks_finite(&self) -> bool {
        OpDef::checks_finite(self)
    }
    fn pointwise(&self) -> Option<Pointwise> {
        OpDef::pointwise(self)
    }
    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize> {
        OpDef::loss_terms(self, inputs)
    }
    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        OpDef::gradient(self, g, node, dy)
    }
    fn cpu_f32(&self, args: Args<'_, f32>) -> Result<()> {
        OpDef::cpu(self, args)
    }
    fn cpu_f64(&self, args: Args<'_, f64>) -> Result<()> {
        OpDef::cpu(self, args)
    }
    fn cpu_variants(&self, site: &Site<'_>) -> Vec<CpuVariant> {
        OpDef::cpu_variants(self, site)
    }
    fn measure(&self) -> Measure {
        OpDef::measure(self)
    }
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        OpDef::tolerance(self, case)
    }
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        OpDef::variants(self, site)
    }
}

/// The elements of a value on the CPU.
#[derive(Clone, Debug, PartialEq)]
pub enum Buffer<F> {
    /// Of dtype f32, in the precision of the device.
    Float(Vec<F>),
    /// Of dtype u32.
    Index(Vec<u32>),
}

impl<F: Float> Buffer<F> {
    /// Zeros for a type.
    pub fn zeros(ty: &Type) -> Self {
        match ty.dtype {
            crate::shape::Dtype::F32 => Self::Float(vec![F::ZERO; ty.len()]),
            crate::shape::Dtype::U32 => Self::Index(vec![0; ty.len()]),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Index(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes another number of elements, in the same memory where they fit; new ones are 0.
    pub fn resize(&mut self, len: usize) {
        match self {
            Self::Float(v) => v.resize(len, F::ZERO),
            Self::Index(v) => v.resize(len, 0),
        }
    }

    /// The elements of a value of dtype f32; empty for the other dtype.
    pub fn float(&self) -> &[F] {
        match self {
            Self::Float(v) => v,
            Self::Index(_) => &[],
        }
    }

    /// The elements of a value of dtype u32; empty for the other dtype.
    pub fn indices(&self) -> &[u32] {
        match self {
            Self::Index(v) => v,
            Self::Float(_) => &[],
        }
    }

    /// The elements to write, of dtype f32.
    pub fn float_mut(&mut self) -> &mut [F] {
        match self {
            Self::Float(v) => v,
            Self::Index(_) => &mut [],
        }
    }

    /// The elements to write, of dtype u32.
    pub fn indices_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Index(v) => v,
            Self::Float(_) => &mut [],
        }
    }
}

impl<F> Default for Buffer<F> {
    fn default() -> Self {
        Self::Index(vec![])
    }
}

/// What a kernel on the CPU is called with.
pub struct Args<'a, F> {
    /// The types of the inputs.
    pub types: &'a [Type],
    /// The inputs.
    pub inputs: Inputs<'a, F>,
    /// The outputs; one that nothing reads is empty.
    pub outputs: &'a mut [Buffer<F>],
    /// The step protocol.
    pub step: &'a mut StepState<F>,
}

/// The inputs of a kernel on the CPU.
#[derive(Clone, Copy)]
pub struct Inputs<'a, F> {
    buffers: &'a [Buffer<F>],
    ids: &'a [usize],
}

impl<'a, F: Float> Inputs<'a, F> {
    /// The inputs `ids` of `buffers`.
    pub fn new(buffers: &'a [Buffer<F>], ids: &'a [usize]) -> Self {
        Self { buffers, ids }
    }

    /// Input `i`, of dtype f32.
    pub fn float(&self, i: usize) -> &'a [F] {
        self.ids.get(i).map_or(&[], |&id| self.buffers[id].float())
    }

    /// Input `i`, of dtype u32.
    pub fn indices(&self, i: usize) -> &'a [u32] {
        self.ids.get(i).map_or(&[], |&id| self.buffers[id].indices())
    }
}

/// Calls a kernel on `buffers`: outputs are taken out for the call, so that nothing is copied or allocated.
///
/// `outputs` holds `None` for an output that nothing reads. An output that shares storage with an input has its id.
pub fn call<F: Float>(
    kernel: impl FnOnce(Args<'_, F>) -> Result<()>,
    types: &[Type],
    buffers: &mut [Buffer<F>],
    (inputs, outputs): (&[usize], &[Option<usize>]),
    taken: &mut Vec<Buffer<F>>,
    step: &mut StepState<F>,
) -> Result<()> {
    taken.clear();
    taken.extend(outputs.iter().map(|id| id.map_or_else(Buffer::default, |id| std::mem::take(&mut buffers[id]))));
    let result = kernel(Args { types, inputs: Inputs::new(buffers, inputs), outputs: taken, step });
    for (id, buffer) in outputs.iter().zip(taken.drain(..)) {
        if let Some(id) = id {
            buffers[*id] = buffer;
        }
    }
    result
}
