//! A model as graphs: one per mode, batch size and number of rows.

use std::sync::Arc;

use crate::device::Executable;
use crate::error::{Error, Result};
use crate::graph::{Builder, Graph, Report, Value, VariableKind};
use crate::losses::Loss;
use crate::metrics::{Measured, Observed};
use crate::model::Model;
use crate::ops::{LossValue, Targets, check_finite, row_gather, step_end, store_rows};
use crate::program::{Options, Program, plan};
use crate::shape::Type;

/// What a graph is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Loss, metrics, gradients and an update.
    Train,
    /// Loss and metrics.
    Evaluate,
    /// The same as evaluation, between the epochs of a training.
    Validate,
    /// The outputs.
    Predict,
}

/// What the host uploads for a graph, and what it reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    pub(crate) inputs: Vec<Value>,
    pub(crate) permutation: Option<Value>,
    pub(crate) targets: Vec<Value>,
    /// A weight per row, for each target.
    pub(crate) weights: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
}

/// A graph on the device.
#[derive(Debug)]
pub(crate) struct Loaded {
    key: (Mode, usize, usize),
    pub(crate) graph: Arc<Graph>,
    pub(crate) feed: Feed,
    pub(crate) executable: Box<dyn Executable>,
}

impl Model {
    /// The graph of a mode, for batches of `batch` rows out of `rows`.
    pub(crate) fn trace(&self, mode: Mode, batch: usize, rows: usize) -> Result<(Arc<Graph>, Feed)> {
        let g = Builder::new(Arc::clone(&self.variables));
        let mut feed = Feed::default();
        let of_rows = |ty: &Type| Type::f32(ty.shape.with_batch(rows));
        feed.inputs.push(g.data(of_rows(&self.input)));
        let permutation = g.data(Type::u32([rows]));
        feed.permutation = Some(permutation);
        let gather = |data: &Value| row_gather(&g, *data, permutation, batch);
        let x = feed.inputs.iter().map(gather).collect::<Result<Vec<_>>>()?;
        let p = self.call(&g, &x, mode == Mode::Train)?;
        if mode == Mode::Predict {
            for &p in &p {
                let stored = store_rows(&g, p, rows)?;
                g.output(stored);
                feed.outputs.push(stored);
            }
        } else {
            let column = (mode == Mode::Train).then(|| g.column("loss weight", |_| 1.0));
            let mut losses = vec![];
            for &p in &p {
                feed.targets.push(g.data(of_rows(&self.target()?)));
                feed.weights.push(g.data(Type::f32([rows])));
                let [y, weights] = [&feed.targets, &feed.weights].map(|v| gather(&v[v.len() - 1]));
                losses.push(self.observe(&g, p, Targets { y: y?, weights: weights? }, column)?);
            }
            if mode == Mode::Train {
                self.minimize(&g, &losses)?;
            }
        }
        step_end(&g, rows.div_ceil(batch.max(1)))?;
        Ok((Arc::new(g.finish()), feed))
    }

    /// Loss and metrics of an output, and what they report.
    fn observe(&self, g: &Builder, p: Value, targets: Targets, column: Option<usize>) -> Result<LossValue> {
        let compiled = self.compiled()?;
        let loss = Loss::call(&*compiled.loss, g, p, targets, column)?;
        let report = |name: &str, Measured { partials, terms_per_row, root }| {
            g.report(Report { name: name.into(), partials, terms_per_row, root });
        };
        report("loss", Measured::sums(&loss));
        for (name, metric) in &compiled.metrics {
            report(name, metric.call(g, Observed { p, targets, loss: &loss })?);
        }
        Ok(loss)
    }

    /// Gradients of the losses and the update of every parameter.
    fn minimize(&self, g: &Builder, losses: &[LossValue]) -> Result<()> {
        let of = |kind| self.variables.iter().enumerate().filter(move |(_, v)| v.kind == kind).map(|(index, _)| index);
        let trained: Vec<usize> = of(VariableKind::Parameter).collect();
        if trained.is_empty() {
            return Err(Error::argument("layers", "at least one that trains something", "none"));
        }
        let parameters = trained.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>()?;
        let seeds: Vec<(Value, Value)> = losses.iter().map(|loss| (loss.prediction, loss.gradient)).collect();
        let unreached = |index: usize| {
            let name = self.variables.get(index).map_or("", |v| &v.name);
            Error::argument(name, "a parameter that the loss depends on", "one that it does not depend on")
        };
        let gradients = g.gradients(&seeds, &parameters)?.into_iter().zip(&trained);
        let checked = |(dp, &index): (Option<Value>, &usize)| check_finite(g, dp.ok_or_else(|| unreached(index))?);
        let gradients = gradients.map(checked).collect::<Result<Vec<_>>>()?;
        let kept: Vec<usize> = of(VariableKind::Moment).collect();
        let moments = kept.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>()?;
        let updated = self.compiled()?.optimizer.apply(g, &parameters, &gradients, &moments)?;
        for (index, value) in trained.into_iter().chain(kept).zip(updated) {
            g.write(index, value);
        }
        Ok(())
    }

    /// The graph of a mode on the device, made where it is not there yet. One per mode is kept.
    pub(crate) fn load(&mut self, mode: Mode, batch: usize, rows: usize) -> Result<usize> {
        let key = (mode, batch, rows);
        if let Some(found) = self.loaded.iter().position(|loaded| loaded.key == key) {
            return Ok(found);
        }
        self.loaded.retain(|loaded| loaded.key.0 != mode);
        let (graph, feed) = self.trace(mode, batch, rows)?;
        let executable = self.device.load(&graph, &self.storage, &Options::default())?;
        self.loaded.push(Loaded { key, graph, feed, executable });
        Ok(self.loaded.len() - 1)
    }

    /// The training step as it runs on this device, for batches of `batch` rows: a line per launch.
    ///
    /// # Errors
    /// [`Error::Argument`] before `compile`, and for a batch of 0.
    ///
    /// ```
    /// # use wgrad::{Device, Sequential, layers::Dense, losses::MeanSquaredError, optimizers::Sgd};
    /// # let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).build(&Device::cpu())?;
    /// model.compile(Sgd::default(), MeanSquaredError, ["mse"; 0])?;
    /// let program = model.explain(32)?;
    /// assert_eq!(program.launches().count(), 5); // 2 L + 3 for L dense layers
    /// println!("{program}");
    /// # Ok::<(), wgrad::Error>(())
    /// ```
    pub fn explain(&self, batch: usize) -> Result<Program> {
        if batch == 0 {
            return Err(Error::argument("batch", "at least 1", batch));
        }
        let (graph, _) = self.trace(Mode::Train, batch, batch)?;
        plan(graph, &self.device.caps(), &Options::default())
    }
}
