//! Weights of a model by name, frozen layers, and parts of a model.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{VariableKind, Variables};
use crate::layers::{Network, Placed, Source, Weights};
use crate::model::Model;
use crate::shape::Type;
use crate::tensor::Tensor;

impl Model {
    /// The variable of a name, as `dense/kernel`, read from the device.
    ///
    /// # Errors
    /// [`Error::Unknown`] where there is none, [`Error::DeviceLost`].
    pub fn weight(&self, name: &str) -> Result<Tensor> {
        let (index, ty) = self.find(name)?;
        self.storage.read(index, &ty)
    }

    /// Sets the variable of a name.
    ///
    /// # Errors
    /// [`Error::Unknown`] where there is none, [`Error::Shape`] where the shape differs.
    pub fn set_weight(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let (index, ty) = self.find(name)?;
        if *tensor.shape() != ty.shape {
            return Err(Error::shape(name, ty.shape.to_string(), tensor.shape()));
        }
        self.storage.write(index, tensor)
    }

    /// The names of what its layers train and keep, in the order of the layers.
    pub fn weight_names(&self) -> Vec<&str> {
        let kept = self.variables.iter().filter(|v| v.kind != VariableKind::Moment);
        kept.map(|v| v.name.as_str()).collect()
    }

    /// All weights by name.
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn weights(&self) -> Result<Weights> {
        self.weight_names().into_iter().map(|name| Ok((name.to_string(), self.weight(name)?))).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Result<(usize, Type)> {
        let found = self.variables.iter().enumerate().find(|(_, v)| v.name == name);
        found.map(|(index, v)| (index, v.ty.clone())).ok_or_else(|| Error::unknown("weight", name, self.weight_names()))
    }

    /// Freezes the layer of a name, or lets it train again; `compile` the model afterwards.
    ///
    /// Frozen weights stay as they are, and a frozen batch normalization works as it does in inference.
    ///
    /// # Errors
    /// [`Error::Unknown`] where there is no such layer.
    ///
    /// ```
    /// # use wgrad::{Device, Sequential, layers::{Dense, Layer}};
    /// # let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).build(&Device::cpu())?;
    /// model.set_trainable("dense", false)?;
    /// # assert!(model.set_trainable("dense_1", false).is_err());
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<()> {
        let names = || self.network.layers.iter().map(|(name, _)| name.as_str());
        let at = self.network.layer(layer).ok_or_else(|| Error::unknown("layer", layer, names()))?;
        let mut network = Network::clone(&self.network);
        let (_, placed) = &mut network.layers[at];
        *placed = placed.clone().trainable(trainable);
        let weights = self.weights()?;
        let rebuilt = Self::place(network, self.name.clone(), self.seed, &self.device)?;
        *self = rebuilt;
        weights.iter().try_for_each(|(name, tensor)| self.set_weight(name, tensor))
    }

    /// The model as a layer of another one, which begins with its weights.
    ///
    /// ```
    /// use wgrad::layers::{Dense, Layer, Symbol};
    /// use wgrad::{Device, Model, Sequential};
    /// let device = Device::cpu();
    /// let trained = Sequential::new().add(Dense::new(8).input_shape([4])).build(&device)?;
    /// let x = Symbol::input([4]);
    /// let features = trained.to_layer()?.named("features").trainable(false).on(&x);
    /// let tuned = Model::new(&x, &Dense::new(1).on(&features)).build(&device)?;
    /// assert_eq!(tuned.weight("features/dense/kernel")?, trained.weight("dense/kernel")?);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::DeviceLost`].
    pub fn to_layer(&self) -> Result<Placed> {
        Ok(Placed::from(Network::clone(&self.network)).beginning_with(self.weights()?))
    }

    /// A model of the same inputs and weights whose outputs are what these layers give, each at its last call.
    ///
    /// # Errors
    /// [`Error::Unknown`] where there is no such layer, [`Error::Argument`] where an input leads to none of them.
    ///
    /// ```
    /// # use wgrad::{Device, Sequential, layers::{Dense, Layer}};
    /// # let model = Sequential::new().add(Dense::new(3).input_shape([2])).add(Dense::new(1)).build(&Device::cpu())?;
    /// let mut hidden = model.intermediate(&["dense"])?;
    /// assert_eq!(hidden.predict(&[[1.0, 2.0]])?.shape().dims(), [1, 3]);
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn intermediate(&self, layers: &[&str]) -> Result<Self> {
        let mut network = Network::clone(&self.network);
        network.outputs = layers.iter().map(|name| self.last_call(name)).collect::<Result<_>>()?;
        let network = network.pruned()?;
        let mut part = Self::place(network, self.name.clone(), self.seed, &self.device)?;
        let names: Vec<String> = part.weight_names().into_iter().map(String::from).collect();
        names.iter().try_for_each(|name| part.set_weight(name, &self.weight(name)?))?;
        Ok(part)
    }

    fn last_call(&self, layer: &str) -> Result<(String, Source)> {
        let names = || self.network.layers.iter().map(|(name, _)| name.as_str());
        let at = self.network.layer(layer).ok_or_else(|| Error::unknown("layer", layer, names()))?;
        let call = self.network.calls.iter().rposition(|call| call.layer == at);
        let call =
            call.ok_or_else(|| Error::argument(layer, "a layer that the model calls", "one that it does not"))?;
        Ok((layer.into(), Source::Output { call, output: 0 }))
    }

    /// The variables without what an optimizer keeps, and with what another one keeps.
    pub(crate) fn with_moments(&self, moments: &[&str]) -> Result<Variables> {
        let mut variables = Variables::default();
        let kept: Vec<_> = self.variables.iter().filter(|v| v.kind != VariableKind::Moment).collect();
        kept.iter().try_for_each(|&variable| variables.add(variable.clone()).map(drop))?;
        for moment in moments {
            for variable in kept.iter().filter(|v| v.kind == VariableKind::Parameter) {
                let name = format!("optimizer/{}/{moment}", variable.name);
                variables.add(crate::graph::Variable { name, ty: variable.ty.clone(), kind: VariableKind::Moment })?;
            }
        }
        Ok(variables)
    }

    /// What is trained, and what the optimizer keeps, as places among the variables.
    pub(crate) fn places(&self, kind: VariableKind) -> Vec<usize> {
        self.variables.iter().enumerate().filter(|(_, v)| v.kind == kind).map(|(index, _)| index).collect()
    }

    /// The variables, shared.
    pub(crate) fn shared_variables(&self) -> Arc<Variables> {
        Arc::clone(&self.variables)
    }
}
