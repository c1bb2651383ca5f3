//! `compile`: what a model is trained by, checked before anything runs.

use std::sync::Arc;

use crate::check::own_ops;
use crate::error::{Error, Result};
use crate::graph::Variables;
use crate::layers::unused;
use crate::losses::{Loss, Losses};
use crate::metrics::{MetricOf, Metrics};
use crate::model::{Compiled, CompiledMetric, CompiledOutput, Key, Layout, LossWeight, Mode, Model};
use crate::optimizers::{LearningRate, Optimizer};
use crate::shape::Type;

impl Model {
    /// Says how the model is trained: an optimizer, a loss for every output, and metrics, each a value or a name
    /// (`["mse"; 0]` for none). What an optimizer kept before is gone.
    ///
    /// Of a model with several outputs, the loss that is trained on is the sum of their losses, each multiplied with its
    /// weight; logs name the loss of an output without it, `<output>_loss`, and metrics `<output>_<metric>`.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a name of a loss, a metric or an output that there is not; [`Error::Argument`] for an
    /// output without a loss and a setting that makes no sense; [`Error::WrongNumber`], [`Error::WrongGradient`] and
    /// [`Error::BrokenRule`] for an op of the program's own that is not what it says; [`Error::Output`] around what does not fit an output;
    /// what `fit` would find wrong with the graph.
    ///
    /// ```
    /// # use wgrad::layers::{Dense, Layer, Symbol};
    /// # use wgrad::{Device, Model, Sigmoid, Softmax, optimizers::Adam};
    /// use wgrad::losses::Losses;
    /// use wgrad::metrics::Metrics;
    /// # let x = Symbol::input([4]);
    /// # let a = Dense::new(1).activation(Sigmoid).named("binary_output").on(&x);
    /// # let b = Dense::new(5).activation(Softmax).named("multiclass_output").on(&x);
    /// # let mut model = Model::new(&x, [&a, &b]).build(&Device::cpu())?;
    /// model.compile(
    ///     Adam::default(),
    ///     Losses::new()
    ///         .output("binary_output", "binary_crossentropy")
    ///         .output("multiclass_output", "categorical_crossentropy")
    ///         .weights([("binary_output", 0.7), ("multiclass_output", 0.3)]),
    ///     Metrics::new().output("binary_output", ["accuracy"]).output("multiclass_output", ["accuracy"]),
    /// )?;
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn compile(
        &mut self,
        mut optimizer: impl Optimizer + 'static,
        loss: impl Into<Losses>,
        metrics: impl Into<Metrics>,
    ) -> Result<()> {
        optimizer.check()?;
        let rate = optimizer.learning_rate();
        *rate = rate.unshared();
        let mut outputs = self.compiled_losses(loss.into())?;
        self.add_metrics(&mut outputs, metrics.into())?;
        let variables = self.with_moments(optimizer.moments())?;
        self.adopt(Compiled { optimizer: Box::new(optimizer), outputs }, variables)
    }

    /// Trains with another learning rate from the next epoch on. What runs stays as it is: the rate of a step is a number
    /// that the host gives it.
    ///
    /// # Errors
    /// [`Error::Argument`] before `compile`, and for a rate that makes no sense.
    pub fn set_learning_rate(&mut self, rate: impl Into<LearningRate>) -> Result<()> {
        self.compiled()?;
        self.compiled.as_mut().map_or(Ok(()), |compiled| compiled.optimizer.learning_rate().set(rate))
    }

    /// Gives the loss of an output another weight in the sum that is trained on, from the next epoch on.
    ///
    /// # Errors
    /// [`Error::Argument`] before `compile`, and for a weight that f32 does not hold; [`Error::Unknown`] for an output that
    /// there is not.
    pub fn set_loss_weight(&mut self, output: &str, weight: f64) -> Result<()> {
        checked_weight(output, weight)?;
        let at = self.output_of("loss weights", "weights", Some(output))?;
        self.compiled()?.outputs[at].weight.set(weight);
        Ok(())
    }

    /// The place of an output that `what` names; without a name, that of the only one. `by` is how names are given.
    pub(crate) fn output_of(&self, what: &str, by: &str, name: Option<&str>) -> Result<usize> {
        let names = || self.output_names();
        match name {
            Some(name) => {
                let found = self.outputs.iter().position(|(other, _)| other == name);
                found.ok_or_else(|| Error::unknown(&format!("output for {what}"), name, names()))
            }
            None if self.outputs.len() == 1 => Ok(0),
            None => {
                let expected =
                    format!("those of outputs by name, with `.{by}(…)`: the model has {}", names().join(", "));
                Err(Error::argument(what, expected, "some without a name"))
            }
        }
    }

    fn compiled_losses(&self, losses: Losses) -> Result<Vec<CompiledOutput>> {
        let mut of_outputs: Vec<Option<Box<dyn Loss>>> = self.outputs.iter().map(|_| None).collect();
        for (name, loss) in losses.outputs {
            let at = self.output_of("loss", "output", name.as_deref())?;
            let name = self.outputs[at].0.as_str();
            if of_outputs[at].is_some() {
                return Err(Error::argument("loss", "one for each output", format!("two for `{name}`; leave one out")));
            }
            of_outputs[at] = Some(loss.resolve().map_err(|source| of_output(name, "loss".into(), source))?);
        }
        let mut weights = vec![1.0; self.outputs.len()];
        for (name, weight) in losses.weights {
            checked_weight(&name, weight)?;
            weights[self.output_of("loss weights", "weights", Some(&name))?] = weight;
        }
        let mut compiled = vec![];
        for ((loss, weight), name) in of_outputs.into_iter().zip(weights).zip(self.output_names()) {
            let expected = format!("one for each output, with `.output(\"{name}\", …)`");
            let loss = loss.ok_or_else(|| Error::argument("loss", expected, format!("none for `{name}`")))?;
            compiled.push(CompiledOutput { loss, weight: LossWeight::new(weight), metrics: vec![] });
        }
        Ok(compiled)
    }

    /// Metrics with their keys: `<output>_<metric>` where there are several outputs; `weighted_…` for a weighted one
    /// whose name another one has, then `_1`, `_2`, …
    fn add_metrics(&self, outputs: &mut [CompiledOutput], metrics: Metrics) -> Result<()> {
        let is_single = outputs.len() == 1;
        let mut keys: Vec<String> = vec!["loss".into()];
        keys.extend(self.outputs.iter().filter(|_| !is_single).map(|(name, _)| format!("{name}_loss")));
        for MetricOf { output, metric, weighted } in metrics.0 {
            let at = self.output_of("metrics", "output", output.as_deref())?;
            let of = |source| of_output(&self.outputs[at].0, "metric".into(), source);
            let (name, metric) = metric.resolve().map_err(of)?;
            let prefix = if is_single { String::new() } else { format!("{}_", self.outputs[at].0) };
            let taken = |name: &str| keys.contains(&format!("{prefix}{name}"));
            let base = if weighted && taken(&name) { format!("weighted_{name}") } else { name };
            let key = format!("{prefix}{}", unused(&base, taken));
            keys.push(key.clone());
            outputs[at].metrics.push(CompiledMetric { key, metric, weighted });
        }
        Ok(())
    }

    /// Takes settings and variables if the training step can be traced with them; else all stays as it was.
    fn adopt(&mut self, compiled: Compiled, variables: Variables) -> Result<()> {
        let old = (self.compiled.replace(compiled), std::mem::replace(&mut self.variables, Arc::new(variables)));
        // Of several rows, so that ops of the program's own are checked on some.
        let check = |mode| {
            let (graph, _) = self.trace(Key { mode, batch: 5, data: Layout { weighted: true, ..Layout::plain(7) } })?;
            self.device.check(&graph)?;
            own_ops(&self.device, &graph)
        };
        let checked = check(Mode::Train).and_then(|()| check(Mode::Evaluate));
        let new = std::mem::replace(&mut self.variables, old.1);
        let adopted = checked.and_then(|()| self.set_variables(new));
        match adopted {
            Ok(()) => self.iterations = 0,
            Err(_) => self.compiled = old.0,
        }
        adopted
    }

    /// The types of the targets, without the batch axis.
    pub(crate) fn targets(&self) -> Result<Vec<Type>> {
        let outputs = self.compiled()?.outputs.iter().zip(&self.outputs);
        let target = |(compiled, (name, ty)): (&CompiledOutput, &(String, Type))| {
            compiled.loss.target(ty).map_err(|source| of_output(name, format!("loss {}", compiled.loss.name()), source))
        };
        outputs.map(target).collect()
    }

    /// What `compile` has said.
    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled.as_ref().ok_or_else(|| Error::argument("model", "a call of `compile` before this one", "none"))
    }
}

fn checked_weight(output: &str, weight: f64) -> Result<()> {
    match (weight as f32).is_finite() {
        true => Ok(()),
        false => Err(Error::argument(format!("the loss weight of `{output}`"), "a number that f32 holds", weight)),
    }
}

/// An error with the output that it comes from.
pub(crate) fn of_output(output: &str, what: String, source: Error) -> Error {
    Error::Output { output: output.into(), what, source: Box::new(source) }
}
