//! A layer as a model holds it, and the values that layers are connected by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::layers::{Layer, Weights};
use crate::shape::{Dtype, Shape, Type};

/// A layer as a model holds it: with its name, and whether it trains. Cloning it is the same layer, with the same
/// weights, once more.
///
/// ```
/// use wgrad::layers::{Dense, Layer, Symbol};
/// let shared = Dense::new(8).named("shared");
/// let (user, item) = (Symbol::input([6]), Symbol::input([6]));
/// let both = [shared.on(&user), shared.on(&item)]; // the same weights twice
/// ```
#[derive(Clone, Debug)]
pub struct Placed(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    layer: Arc<dyn Layer>,
    name: Option<String>,
    trainable: bool,
    input_shape: Option<Shape>,
    weights: Option<Arc<Weights>>,
}

impl<L: Layer + 'static> From<L> for Placed {
    fn from(layer: L) -> Self {
        let layer = Arc::new(layer);
        Self(Arc::new(Inner { layer, name: None, trainable: true, input_shape: None, weights: None }))
    }
}

impl Placed {
    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// See [`Layer::named`].
    pub fn named(self, name: &str) -> Self {
        self.with(|inner| inner.name = Some(name.into()))
    }

    /// See [`Layer::trainable`].
    pub fn trainable(self, trainable: bool) -> Self {
        self.with(|inner| inner.trainable = trainable)
    }

    /// See [`Layer::input_shape`].
    pub fn input_shape(self, shape: impl Into<Shape>) -> Self {
        self.with(|inner| inner.input_shape = Some(shape.into()))
    }

    /// The same with the weights that it begins with, by name.
    pub(crate) fn beginning_with(self, weights: Weights) -> Self {
        self.with(|inner| inner.weights = Some(Arc::new(weights)))
    }

    /// What the layer gives for `inputs`: called again, it is the same layer with the same weights.
    pub fn on(&self, inputs: impl Symbols) -> Symbol {
        Symbol::new(Made::Called { layer: self.clone(), inputs: inputs.symbols() })
    }

    /// The layer itself.
    pub fn layer(&self) -> &dyn Layer {
        &*self.0.layer
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Whether it trains.
    pub fn is_trainable(&self) -> bool {
        self.0.trainable
    }

    /// Rows that it takes, where that was said.
    pub(crate) fn input_type(&self) -> Option<Type> {
        let shape = self.0.input_shape.clone()?;
        let dtype = if self.0.layer.ids_below(0).is_some() { Dtype::U32 } else { Dtype::F32 };
        Some(Type { shape, dtype, batched: false })
    }

    pub(crate) fn weights(&self) -> Option<&Arc<Weights>> {
        self.0.weights.as_ref()
    }

    /// Whether both are one layer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A value of a model in the making: an input, or what a layer gives. Cloning it is the same value.
///
/// Shapes are those of rows, without the batch axis. What does not fit is said when the model is built.
#[derive(Clone)]
pub struct Symbol {
    made: Arc<(u64, Made)>,
    output: usize,
    name: Option<String>,
}

pub(crate) enum Made {
    Input(Type),
    Called { layer: Placed, inputs: Vec<Symbol> },
}

/// The number of symbols so far: layers run in the order in which they were connected.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl Symbol {
    fn new(made: Made) -> Self {
        Self { made: Arc::new((COUNT.fetch_add(1, Ordering::Relaxed), made)), output: 0, name: None }
    }

    /// An input whose rows have this shape.
    pub fn input(shape: impl Into<Shape>) -> Self {
        Self::new(Made::Input(Type::f32(shape)))
    }

    /// An input whose rows are whole numbers from 0 on, of this shape: what an embedding takes.
    pub fn ids(shape: impl Into<Shape>) -> Self {
        Self::new(Made::Input(Type { dtype: Dtype::U32, ..Type::f32(shape) }))
    }

    /// The name of an input or an output of the model. By default that of an output is its layer's.
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Another output of the layer that gave this one, from 0.
    pub fn output(&self, output: usize) -> Self {
        Self { output, name: None, ..self.clone() }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its place in the order in which symbols were made.
    pub(crate) fn order(&self) -> u64 {
        self.made.0
    }

    pub(crate) fn made(&self) -> &Made {
        &self.made.1
    }

    pub(crate) fn place(&self) -> usize {
        self.output
    }
}

impl fmt::Debug for Symbol {
    /// Itself, and not all that it is made of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made() {
            Made::Input(ty) => write!(f, "Input({ty})"),
            Made::Called { layer, .. } => write!(f, "{}[{}]", layer.layer().config().class, self.output),
        }
    }
}

/// Anything that stands for one symbol or for several.
pub trait Symbols {
    /// The symbols.
    fn symbols(self) -> Vec<Symbol>;
}

impl Symbols for &Symbol {
    fn symbols(self) -> Vec<Symbol> {
        vec![self.clone()]
    }
}

impl<const N: usize> Symbols for [&Symbol; N] {
    fn symbols(self) -> Vec<Symbol> {
        self.map(Symbol::clone).into()
    }
}

impl Symbols for &[Symbol] {
    fn symbols(self) -> Vec<Symbol> {
        self.to_vec()
    }
}

impl Symbols for Vec<Symbol> {
    fn symbols(self) -> Vec<Symbol> {
        self
    }
}
