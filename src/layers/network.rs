//! Layers and how they are connected: a layer made of layers, and what a model is.

use crate::error::{Error, Result};
use crate::graph::Value;
use crate::layers::placed::Made;
use crate::layers::{Config, Layer, Placed, Scope, Symbol, Vars};
use crate::shape::Type;

/// Layers, each once, and the calls of them in the order in which they run.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) class: &'static str,
    /// With their names, each unique.
    pub(crate) layers: Vec<(String, Placed)>,
    pub(crate) calls: Vec<Call>,
    /// With the types of their rows; `None` for what a layer before it says.
    pub(crate) inputs: Vec<(String, Option<Type>)>,
    pub(crate) outputs: Vec<(String, Source)>,
}

/// A call of a layer.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// Its place among the layers.
    pub(crate) layer: usize,
    pub(crate) inputs: Vec<Source>,
}

/// Where a value of a network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    Input(usize),
    Output { call: usize, output: usize },
}

impl Network {
    /// Layers in a row.
    pub(crate) fn sequential(layers: Vec<Placed>) -> Result<Self> {
        let mut network = Self::empty("Sequential");
        let first = layers.first().ok_or_else(|| Error::argument("layers", "at least one", "none"))?;
        network.inputs.push(("input_layer".into(), first.input_type()));
        let mut last = Source::Input(0);
        for (call, placed) in layers.iter().enumerate() {
            let layer = network.place(placed)?;
            network.calls.push(Call { layer, inputs: vec![last] });
            last = Source::Output { call, output: 0 };
        }
        let name = network.calls.last().map_or_else(String::new, |call| network.layers[call.layer].0.clone());
        network.outputs.push((name, last));
        network.check_names()?;
        Ok(network)
    }

    /// What leads from inputs to outputs.
    pub(crate) fn functional(inputs: &[Symbol], outputs: &[Symbol]) -> Result<Self> {
        let mut network = Self::empty("Functional");
        for (i, input) in inputs.iter().enumerate() {
            let Made::Input(ty) = input.made() else {
                return Err(Error::argument("inputs", "symbols of `Symbol::input`", format!("{input:?}")));
            };
            if inputs[..i].iter().any(|other| other.order() == input.order()) {
                return Err(Error::argument("inputs", "each symbol once", format!("input {i} twice")));
            }
            let name = network.name_of_input(input)?;
            network.inputs.push((name, Some(ty.clone())));
        }
        if outputs.is_empty() {
            return Err(Error::argument("outputs", "at least one", "none"));
        }
        let reached = reached(outputs);
        let calls: Vec<&Symbol> = reached.iter().filter(|s| matches!(s.made(), Made::Called { .. })).collect();
        for symbol in &calls {
            let Made::Called { layer, inputs: from } = symbol.made() else { continue };
            let layer = network.place(layer)?;
            let name = network.layers[layer].0.clone();
            let from = from.iter().map(|s| source(s, inputs, &calls, &name)).collect::<Result<Vec<_>>>()?;
            network.calls.push(Call { layer, inputs: from });
        }
        if let Some(i) = inputs.iter().position(|input| reached.iter().all(|s| s.order() != input.order())) {
            return Err(unread(&network.inputs[i].0));
        }
        for output in outputs {
            let from = source(output, inputs, &calls, "the outputs")?;
            let name = network.name_of_output(output, from)?;
            network.outputs.push((name, from));
        }
        network.check_names()?;
        Ok(network)
    }

    fn empty(class: &'static str) -> Self {
        Self { class, layers: vec![], calls: vec![], inputs: vec![], outputs: vec![] }
    }

    /// The place of a layer, which is given a name where it is new.
    fn place(&mut self, placed: &Placed) -> Result<usize> {
        if let Some(found) = self.layers.iter().position(|(_, other)| other.is(placed)) {
            return Ok(found);
        }
        let name = match placed.name() {
            None => unused(&placed.layer().config().snake_case(), |name| self.layers.iter().any(|(n, _)| n == name)),
            Some(name) if name.is_empty() || name.contains('/') => {
                return Err(Error::argument("the name of a layer", "a word without `/`", format!("`{name}`")));
            }
            Some(name) if self.layers.iter().any(|(other, _)| other == name) => {
                let got = format!("two layers named `{name}`; name one of them otherwise");
                return Err(Error::argument("the name of a layer", "one that no other layer has", got));
            }
            Some(name) => name.into(),
        };
        self.layers.push((name, placed.clone()));
        Ok(self.layers.len() - 1)
    }

    fn name_of_input(&self, input: &Symbol) -> Result<String> {
        let taken = |name: &str| self.inputs.iter().any(|(other, _)| other == name);
        match input.name() {
            Some(name) if taken(name) => Err(Error::argument("the name of an input", "one that no other has", name)),
            Some(name) => Ok(name.into()),
            None => Ok(unused("input_layer", taken)),
        }
    }

    fn name_of_output(&self, output: &Symbol, from: Source) -> Result<String> {
        let taken = |name: &str| self.outputs.iter().any(|(other, _)| other == name);
        let by_layer = match from {
            Source::Input(i) => &self.inputs[i].0,
            Source::Output { call, .. } => &self.layers[self.calls[call].layer].0,
        };
        match output.name() {
            Some(name) if taken(name) => Err(Error::argument("the name of an output", "one that no other has", name)),
            Some(name) => Ok(name.into()),
            None => Ok(unused(by_layer, taken)),
        }
    }

    /// Builds every layer once; gives the types of what every call gives.
    pub(crate) fn place_in(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<Vec<Vec<Type>>> {
        let mut types: Vec<Vec<Type>> = vec![];
        for (at, call) in self.calls.iter().enumerate() {
            let (name, placed) = &self.layers[call.layer];
            let wrong = |source| self.in_layer(call.layer, source);
            let from = self.gathered(call, inputs, &types, |types, output| types.get(output).cloned())?;
            if let (Some(wanted), Some(got)) = (placed.input_type(), from.first())
                && wanted.shape != got.shape
            {
                let error = Error::argument("input_shape", format!("{}, what comes in", got.shape), wanted.shape);
                return Err(wrong(error));
            }
            if self.calls[..at].iter().all(|other| other.layer != call.layer) {
                vars.build(name, placed, &from).map_err(wrong)?;
            }
            types.push(vars.outputs(name, placed, &from).map_err(wrong)?);
        }
        self.check_outputs(&types)?;
        Ok(types)
    }

    /// Every output is one that its layer gives.
    fn check_outputs(&self, types: &[Vec<Type>]) -> Result<()> {
        for (name, from) in &self.outputs {
            if let Source::Output { call, output } = *from
                && output >= types[call].len()
            {
                let expected = format!("one of the {} that its layer gives, counted from 0", types[call].len());
                return Err(Error::argument(format!("output `{name}`"), expected, output));
            }
        }
        Ok(())
    }

    /// What a call is called with, from inputs and what the calls before it gave.
    fn gathered<T: Clone, G>(
        &self,
        call: &Call,
        inputs: &[T],
        given: &[G],
        get: impl Fn(&G, usize) -> Option<T>,
    ) -> Result<Vec<T>> {
        let one = |from: &Source| match *from {
            Source::Input(i) => inputs.get(i).cloned().ok_or_else(|| (format!("input {i}"), inputs.len())),
            Source::Output { call, output } => {
                get(&given[call], output).ok_or_else(|| (format!("output {output}"), output))
            }
        };
        let all = call.inputs.iter().map(one).collect::<std::result::Result<Vec<T>, _>>();
        all.map_err(|(what, got)| self.in_layer(call.layer, Error::shape(what, "a value that is there", got)))
    }

    /// The types of the inputs: those that were said, else those of the layers that take them.
    pub(crate) fn input_types(&self) -> Result<Vec<Type>> {
        let of = |(at, (_, ty)): (usize, &(String, Option<Type>))| match ty {
            Some(ty) => {
                ty.shape.checked_len("input_shape")?;
                Ok(ty.clone())
            }
            None => {
                let taken = self.calls.iter().find(|call| call.inputs.contains(&Source::Input(at)));
                let expected = "the shape of a row, as `.input_shape([10])` on the first layer";
                let error = Error::argument("input_shape", expected, "none");
                Err(taken.map_or_else(
                    || error,
                    |call| self.in_layer(call.layer, Error::argument("input_shape", expected, "none")),
                ))
            }
        };
        self.inputs.iter().enumerate().map(of).collect()
    }

    /// What the whole numbers of an input are below, by the layers that take them.
    pub(crate) fn limit(&self, input: usize) -> Option<usize> {
        let takers =
            self.calls.iter().flat_map(|call| call.inputs.iter().enumerate().map(move |(at, from)| (call, at, from)));
        let takers = takers.filter(|(_, _, from)| **from == Source::Input(input));
        takers.filter_map(|(call, at, _)| self.layers[call.layer].1.layer().ids_below(at)).min()
    }

    /// An error with the layer that it comes from.
    fn in_layer(&self, index: usize, source: Error) -> Error {
        Error::Layer { index, name: self.layers[index].0.clone(), source: Box::new(source) }
    }

    /// The same without what no output depends on.
    ///
    /// # Errors
    /// [`Error::Argument`] where an input is left that leads nowhere.
    pub(crate) fn pruned(mut self) -> Result<Self> {
        let mut needed = vec![false; self.calls.len()];
        let mut need = |source: &Source| {
            if let Source::Output { call, .. } = *source {
                needed[call] = true;
            }
        };
        self.outputs.iter().for_each(|(_, source)| need(source));
        for at in (0..self.calls.len()).rev() {
            if needed[at] {
                self.calls[at].inputs.iter().for_each(|source| {
                    if let Source::Output { call, .. } = *source {
                        needed[call] = true;
                    }
                });
            }
        }
        let layers: Vec<bool> = (0..self.layers.len())
            .map(|layer| self.calls.iter().zip(&needed).any(|(call, needed)| *needed && call.layer == layer))
            .collect();
        let place = |kept: &[bool], at: usize| kept[..at].iter().filter(|kept| **kept).count();
        let moved = |source: &mut Source| {
            if let Source::Output { call, .. } = source {
                *call = place(&needed, *call);
            }
        };
        self.outputs.iter_mut().for_each(|(_, source)| moved(source));
        for call in &mut self.calls {
            call.layer = place(&layers, call.layer);
            call.inputs.iter_mut().for_each(moved);
        }
        let (mut needed, mut layers) = (needed.iter(), layers.iter());
        self.calls.retain(|_| needed.next() == Some(&true));
        self.layers.retain(|_| layers.next() == Some(&true));
        let taken = |at: usize| self.calls.iter().any(|call| call.inputs.contains(&Source::Input(at)));
        match (0..self.inputs.len()).find(|&at| !taken(at)) {
            Some(at) => Err(unread(&self.inputs[at].0)),
            None => Ok(self),
        }
    }

    /// The layer of a name.
    pub(crate) fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|(other, _)| other == name)
    }
}

/// An input that leads to no output.
fn unread(name: &str) -> Error {
    Error::argument("inputs", "those that an output depends on", format!("`{name}`, which none depends on"))
}

/// Where a symbol of what `by` is made of comes from.
fn source(symbol: &Symbol, inputs: &[Symbol], calls: &[&Symbol], by: &str) -> Result<Source> {
    let is = |other: &Symbol| other.order() == symbol.order();
    let called = || calls.iter().position(|s| is(s)).map(|call| Source::Output { call, output: symbol.place() });
    let found = inputs.iter().position(is).map(Source::Input).or_else(called);
    found.ok_or_else(|| {
        let got =
            format!("{} among what {by} is made of", symbol.name().map_or_else(|| format!("{symbol:?}"), String::from));
        Error::argument("inputs", "every input that the outputs depend on", got)
    })
}

/// All that outputs depend on, each once, in the order in which it was made.
fn reached(outputs: &[Symbol]) -> Vec<Symbol> {
    let mut found = std::collections::BTreeMap::new();
    let mut open: Vec<Symbol> = outputs.to_vec();
    while let Some(symbol) = open.pop() {
        if found.contains_key(&symbol.order()) {
            continue;
        }
        if let Made::Called { inputs, .. } = symbol.made() {
            open.extend(inputs.iter().cloned());
        }
        found.insert(symbol.order(), symbol);
    }
    found.into_values().collect()
}

/// The name, with `_1`, `_2`, … where it is taken.
pub(crate) fn unused(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1..).map(|i| format!("{name}_{i}"));
    std::iter::once(name.to_string()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}

impl Layer for Network {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::shape("inputs", self.inputs.len().to_string(), inputs.len()));
        }
        for ((name, wanted), got) in self.inputs.iter().zip(inputs) {
            if let Some(wanted) =
                wanted.as_ref().filter(|wanted| (&wanted.shape, wanted.dtype) != (&got.shape, got.dtype))
            {
                return Err(Error::shape(format!("input `{name}`"), wanted.to_string(), got));
            }
        }
        self.place_in(vars, inputs).map(drop)
    }

    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let mut given: Vec<Vec<Value>> = vec![];
        for call in &self.calls {
            let (name, placed) = &self.layers[call.layer];
            let from = self.gathered(call, x, &given, |given, output| given.get(output).copied())?;
            let inside = scope.within(name, placed);
            let part = format!("layer `{}`", inside.path());
            let outputs = scope.builder().within(&part, || placed.layer().call(&inside, &from));
            given.push(outputs.map_err(|source| self.in_layer(call.layer, source))?);
        }
        let outputs = self.outputs.iter().map(|(_, from)| match *from {
            Source::Input(i) => x.get(i).copied(),
            Source::Output { call, output } => given[call].get(output).copied(),
        });
        outputs.collect::<Option<Vec<_>>>().ok_or_else(|| Error::shape("outputs", "values that are there", "fewer"))
    }

    fn config(&self) -> Config {
        Config::new(self.class, self.settings())
    }

    fn ids_below(&self, input: usize) -> Option<usize> {
        self.limit(input)
    }
}
