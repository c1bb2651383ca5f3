//! Models: layers that are connected, with their variables on a device.

mod compile;
mod functional;
mod intact;
mod plot;
mod save;
mod sequential;
mod summary;
mod trace;
mod weights;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use functional::Functional;
pub use sequential::Sequential;
pub(crate) use trace::{Batch, Feed, Key, Layout, Loaded, Mode, Trained, added, gradients, seeds, update};

use crate::device::{Device, Storage};
use crate::error::Result;
use crate::graph::{Builder, Value, VariableKind, Variables};
use crate::layers::{Begin, Layer, Making, Network, Scope, Vars};
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::Optimizer;
use crate::program::Options;
use crate::shape::{Shape, Type};

/// A model on a device: made by [`Sequential::build`] and [`Functional::build`].
#[derive(Debug)]
pub struct Model {
    pub(crate) name: String,
    pub(crate) network: Arc<Network>,
    /// What each call of a layer gives, without the batch axis.
    pub(crate) types: Vec<Vec<Type>>,
    /// By name, without the batch axis.
    pub(crate) inputs: Vec<(String, Type)>,
    /// By name, without the batch axis.
    pub(crate) outputs: Vec<(String, Type)>,
    pub(crate) device: Device,
    pub(crate) variables: Arc<Variables>,
    pub(crate) storage: Storage,
    pub(crate) compiled: Option<Compiled>,
    /// Programs that were made, one per mode: made again when the batch size or the number of rows changes.
    pub(crate) loaded: Vec<Loaded>,
    /// Steps that were trained since `compile`.
    pub(crate) iterations: u64,
    pub(crate) seed: u64,
    pub(crate) notes: BTreeMap<String, serde_json::Value>,
}

/// What a model is trained by.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// In the order of the outputs.
    pub(crate) outputs: Vec<CompiledOutput>,
}

/// What an output is trained and measured by.
#[derive(Debug)]
pub(crate) struct CompiledOutput {
    pub(crate) loss: Box<dyn Loss>,
    /// What the loss counts in the sum of all.
    pub(crate) weight: LossWeight,
    pub(crate) metrics: Vec<CompiledMetric>,
}

/// The weight of a loss: of the model and of its graphs, whose step tables are filled with it.
#[derive(Clone, Debug)]
pub(crate) struct LossWeight(Arc<AtomicU64>);

impl LossWeight {
    pub(crate) fn new(weight: f64) -> Self {
        Self(Arc::new(AtomicU64::new(weight.to_bits())))
    }

    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, weight: f64) {
        self.0.store(weight.to_bits(), Ordering::Relaxed);
    }
}

/// A metric with its key in the logs.
#[derive(Debug)]
pub(crate) struct CompiledMetric {
    pub(crate) key: String,
    pub(crate) metric: Box<dyn Metric>,
    pub(crate) weighted: bool,
}

impl Model {
    /// A network with its first weights on a device.
    pub(crate) fn place(network: Network, name: String, seed: u64, device: &Device) -> Result<Self> {
        Self::begun(network, name, seed, device, |_| Ok(()))
    }

    /// The same, with a look at its variables, and at how they begin, before any memory is taken for them.
    fn begun(
        network: Network,
        name: String,
        seed: u64,
        device: &Device,
        look: impl FnOnce(&mut Making) -> Result<()>,
    ) -> Result<Self> {
        let mut making = Making::default();
        let inputs = network.input_types()?;
        let types = network.place_in(&mut Vars::new(&mut making), &inputs)?;
        let of = |source: &crate::layers::Source| match *source {
            crate::layers::Source::Input(i) => inputs[i].clone(),
            crate::layers::Source::Output { call, output } => types[call][output].clone(),
        };
        let outputs = network.outputs.iter().map(|(name, source)| (name.clone(), of(source))).collect();
        let inputs = network.inputs.iter().map(|(name, _)| name.clone()).zip(inputs).collect();
        look(&mut making)?;
        let Making { variables, begins } = making;
        let variables = Arc::new(variables);
        let storage = device.storage(&variables, &Options::default())?;
        for (index, (variable, begin)) in variables.iter().zip(begins).enumerate() {
            let values = match begin {
                Begin::By(initializer) => initializer.values(&variable.ty.shape, seed, index as u32)?,
                Begin::As(tensor) => tensor,
            };
            storage.write(index, &values)?;
        }
        Ok(Self {
            name,
            network: Arc::new(network),
            types,
            inputs,
            outputs,
            device: device.clone(),
            variables,
            storage,
            compiled: None,
            loaded: vec![],
            iterations: 0,
            seed,
            notes: BTreeMap::new(),
        })
    }

    /// What a program has noted under a key; its file keeps it.
    pub fn note(&self, key: &str) -> Option<&serde_json::Value> {
        self.notes.get(key)
    }

    /// Notes something for the model's file, in the place of what stood under this key.
    pub fn set_note(&mut self, key: impl Into<String>, note: serde_json::Value) {
        self.notes.insert(key.into(), note);
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it trains and predicts.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The variables of its layers and of its optimizer.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The names of its inputs, in their order.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The shapes of the rows of its inputs, in their order.
    pub fn input_shapes(&self) -> Vec<&Shape> {
        self.inputs.iter().map(|(_, ty)| &ty.shape).collect()
    }

    /// The shapes of the rows of its outputs, in their order.
    pub fn output_shapes(&self) -> Vec<&Shape> {
        self.outputs.iter().map(|(_, ty)| &ty.shape).collect()
    }

    /// The names of its outputs, in their order.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The outputs for `x`, in a graph that has the model's variables.
    ///
    /// # Errors
    /// [`Error::Layer`](crate::Error::Layer) around what is wrong in a layer.
    pub fn call(&self, g: &Builder, x: &[Value], training: bool) -> Result<Vec<Value>> {
        self.network.call(&Scope::new(g, &self.variables, training, self.seed), x)
    }

    /// Moves to another set of variables: those that stay keep their values, the others become 0.
    pub(crate) fn set_variables(&mut self, variables: Arc<Variables>) -> Result<()> {
        let storage = self.device.storage(&variables, &Options::default())?;
        for (index, variable) in variables.iter().enumerate() {
            let before = self.variables.iter().position(|v| v.name == variable.name && v.ty == variable.ty);
            if let (Some(before), false) = (before, variable.kind == VariableKind::Moment) {
                storage.write(index, &self.storage.read(before, &variable.ty)?)?;
            }
        }
        self.loaded.clear();
        (self.variables, self.storage) = (variables, storage);
        Ok(())
    }
}
