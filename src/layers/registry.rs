//! Layers by their registered names: how a model's file is made a model again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::layers::network::Call;
use crate::layers::{Config, Layer, Network, Placed, Source, built_in};
use crate::shape::{Dtype, Shape, Type};

/// Makes a layer of its settings.
type Make = Arc<dyn Fn(&Json) -> Result<Placed> + Send + Sync>;

/// What a file's layers are made by: a name stands for code of this program, and a file names nothing else.
///
/// ```
/// # use wgrad::layers::{Config, Layer, Scope};
/// # use wgrad::{Result, graph::Value};
/// use wgrad::layers::Registry;
/// # #[derive(Debug)]
/// # struct MySigmoid;
/// # impl Layer for MySigmoid {
/// #     fn call(&self, _: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> { Ok(x.to_vec()) }
/// #     fn config(&self) -> Config { Config::new("MySigmoid", ()) }
/// # }
/// let registry = Registry::default().register("MySigmoid", |_settings| Ok(MySigmoid));
/// ```
#[derive(Clone)]
pub struct Registry(BTreeMap<String, Make>);

impl Default for Registry {
    /// The layers of wgrad.
    fn default() -> Self {
        Self(built_in().into_iter().map(|kind| (kind.sample.layer().config().class, kind.make)).collect())
    }
}

impl Registry {
    /// A layer whose settings serde reads.
    pub fn with<L: Layer + DeserializeOwned + 'static>(self, class: &str) -> Self {
        self.register(class, read::<L>)
    }

    /// A layer that is made of its settings, those of its [`Config`].
    pub fn register<L: Layer + 'static>(
        mut self,
        class: &str,
        make: impl Fn(&Json) -> Result<L> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(class.into(), Arc::new(move |settings| make(settings).map(Placed::from)));
        self
    }

    /// The registered names.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The layer of a config.
    ///
    /// # Errors
    /// [`Error::Unknown`] with all names where its class is not registered, and what is wrong with its settings.
    pub fn layer(&self, config: &Config) -> Result<Placed> {
        Ok(self.sized(config)?.0)
    }

    /// The layer of a config, and how many calls it is, those inside of it counted.
    fn sized(&self, config: &Config) -> Result<(Placed, u64)> {
        let class = config.class.as_str();
        if let Some(network) = Network::class(class) {
            let (network, calls) = Network::from_settings(network, &config.settings, self)?;
            return Ok((network.into(), calls));
        }
        let make = self.0.get(class).ok_or_else(|| {
            Error::unknown("layer that is registered, as `Registry::register` does,", class, self.classes())
        })?;
        Ok((make(&config.settings)?, 1))
    }
}

/// A layer of its settings, as serde reads them.
fn read<L: DeserializeOwned>(settings: &Json) -> Result<L> {
    let wrong = |e| Error::argument("settings", "those of this layer", format!("{settings}: {e}"));
    L::deserialize(settings).map_err(wrong)
}

/// A kind of layer: how it is made of its settings, and a layer of it with the shapes of the rows that it takes.
pub(super) struct Kind {
    make: Make,
    pub(super) sample: Placed,
    pub(super) inputs: Vec<Shape>,
}

impl Kind {
    /// The kind of a layer.
    pub(super) fn of<L: Layer + DeserializeOwned + 'static>(sample: L, inputs: &[&[usize]]) -> Self {
        let make: Make = Arc::new(|settings| read::<L>(settings).map(Placed::from));
        Self { make, sample: sample.into(), inputs: inputs.iter().map(|dims| Shape::from(*dims)).collect() }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.classes()).finish()
    }
}

/// Calls of layers that the graph of a file may have, those inside of its layers counted.
const MOST_CALLS: u64 = 100_000;

/// A network as a file keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    inputs: Vec<InputSettings>,
    layers: Vec<LayerSettings>,
    calls: Vec<Call>,
    outputs: Vec<OutputSettings>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputSettings {
    name: String,
    /// `null` for a network inside another one, which takes what comes.
    shape: Option<Vec<usize>>,
    ids: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerSettings {
    name: String,
    trainable: bool,
    class: String,
    settings: Json,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputSettings {
    name: String,
    from: Source,
}

impl Network {
    /// The class of a network of this name.
    pub(crate) fn class(name: &str) -> Option<&'static str> {
        ["Sequential", "Functional"].into_iter().find(|class| *class == name)
    }

    /// What a file keeps of it.
    pub(super) fn settings(&self) -> Json {
        let input = |(name, ty): &(String, Option<Type>)| InputSettings {
            name: name.clone(),
            shape: ty.as_ref().map(|ty| ty.shape.dims().to_vec()),
            ids: ty.as_ref().is_some_and(|ty| ty.dtype == Dtype::U32),
        };
        let layer = |(name, placed): &(String, Placed)| {
            let Config { class, settings } = placed.layer().config();
            LayerSettings { name: name.clone(), trainable: placed.is_trainable(), class, settings }
        };
        let output = |(name, from): &(String, Source)| OutputSettings { name: name.clone(), from: *from };
        let settings = Settings {
            inputs: self.inputs.iter().map(input).collect(),
            layers: self.layers.iter().map(layer).collect(),
            calls: self.calls.clone(),
            outputs: self.outputs.iter().map(output).collect(),
        };
        serde_json::to_value(settings).unwrap_or_default()
    }

    /// What a file has kept.
    ///
    /// # Errors
    /// [`Error::Argument`] for settings of another form, and for a value that is used before it is made, as in a cycle;
    /// those of [`Registry::layer`].
    pub(crate) fn from_settings(class: &'static str, settings: &Json, registry: &Registry) -> Result<(Self, u64)> {
        let wrong = |e| Error::argument("settings", format!("those of a {class} model"), e);
        let kept = Settings::deserialize(settings).map_err(|e| wrong(e.to_string()))?;
        let mut network = Self { class, layers: vec![], calls: vec![], inputs: vec![], outputs: vec![] };
        let mut sizes = vec![];
        for (index, LayerSettings { name, trainable, class, settings }) in kept.layers.into_iter().enumerate() {
            let placed = registry.sized(&Config { class, settings });
            let (placed, size) = placed.map_err(|e| Error::Layer { index, name: name.clone(), source: Box::new(e) })?;
            sizes.push(size);
            network.layers.push((name.clone(), placed.named(&name).trainable(trainable)));
        }
        for InputSettings { name, shape, ids } in kept.inputs {
            let dtype = if ids { Dtype::U32 } else { Dtype::F32 };
            network.inputs.push((name, shape.map(|shape| Type { dtype, ..Type::f32(shape) })));
        }
        for (at, call) in kept.calls.iter().enumerate() {
            if call.layer >= network.layers.len() || call.inputs.iter().any(|s| !network.is_before(*s, at)) {
                let got = format!("call {at}, which takes what is not there yet: a cycle, or a part is missing");
                return Err(Error::argument(
                    "the graph of the file",
                    "calls of its layers on what is before them",
                    got,
                ));
            }
        }
        if let Some(output) = kept.outputs.iter().find(|o| !network.is_before(o.from, kept.calls.len())) {
            return Err(wrong(format!("an output `{}` that nothing gives", output.name)));
        }
        network.outputs = kept.outputs.into_iter().map(|o| (o.name, o.from)).collect();
        network.calls = kept.calls;
        network.check_names()?;
        network.check_whole()?;
        let calls = network.calls.iter().fold(0u64, |sum, call| sum.saturating_add(sizes[call.layer]));
        if calls > MOST_CALLS {
            let (what, name) = ("the graph of the file".into(), "calls of layers");
            return Err(Error::Limit { what, name, need: calls, limit: MOST_CALLS });
        }
        Ok((network, calls))
    }

    /// Whether a value is there before call `at`.
    fn is_before(&self, source: Source, at: usize) -> bool {
        match source {
            Source::Input(i) => i < self.inputs.len(),
            Source::Output { call, .. } => call < at,
        }
    }

    /// Every layer is called, every input is read, and there is an output.
    fn check_whole(&self) -> Result<()> {
        let idle = (0..self.layers.len()).find(|&layer| self.calls.iter().all(|call| call.layer != layer));
        let sources = || self.calls.iter().flat_map(|call| &call.inputs);
        let unread = (0..self.inputs.len()).find(|&input| !sources().any(|from| *from == Source::Input(input)));
        let got = match (idle, unread, self.outputs.is_empty()) {
            (Some(layer), ..) => format!("layer `{}`, which nothing calls", self.layers[layer].0),
            (_, Some(input), _) => format!("input `{}`, which nothing reads", self.inputs[input].0),
            (.., true) => "no output".into(),
            _ => return Ok(()),
        };
        Err(Error::argument("the graph of the file", "layers that are called, inputs that are read, an output", got))
    }

    /// Names of layers, inputs and outputs are each unique, and no paths.
    pub(super) fn check_names(&self) -> Result<()> {
        let lists: [(&str, Vec<&String>); 3] = [
            ("layer", self.layers.iter().map(|(name, _)| name).collect()),
            ("input", self.inputs.iter().map(|(name, _)| name).collect()),
            ("output", self.outputs.iter().map(|(name, _)| name).collect()),
        ];
        for (what, names) in lists {
            for (i, name) in names.iter().enumerate() {
                if name.is_empty() || name.contains('/') || names[..i].contains(name) {
                    return Err(Error::argument(
                        format!("the name of {what} {i}"),
                        "a word without `/` that no other has",
                        name,
                    ));
                }
            }
        }
        Ok(())
    }
}
