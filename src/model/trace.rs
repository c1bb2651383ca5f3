//! A model as graphs: one per mode, batch size and number of rows.

use std::sync::Arc;

use crate::device::Executable;
use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Graph, Over, Part, Report, Value, VariableKind};
use crate::losses::Loss;
use crate::metrics::Observed;
use crate::model::compile::of_output;
use crate::model::{CompiledMetric, CompiledOutput, Model};
use crate::ops::{LossValue, Targets, check_finite, constant, reshape, row_gather, step_end, store_rows, sum};
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
    /// A weight of 1 per row, for metrics without weights where rows have some.
    pub(crate) ones: Option<Value>,
    pub(crate) outputs: Vec<Value>,
}

/// Which graph: of a mode, for batches of some rows out of all rows, whose weights differ or are all 1.
pub(crate) type Key = (Mode, usize, usize, bool);

/// A graph on the device.
#[derive(Debug)]
pub(crate) struct Loaded {
    key: Key,
    pub(crate) graph: Arc<Graph>,
    pub(crate) feed: Feed,
    pub(crate) executable: Box<dyn Executable>,
}

/// Rows of data, and the batch of them that a step reads.
struct Batch<'a> {
    g: &'a Builder,
    rows: usize,
    batch: usize,
    permutation: Value,
}

impl Batch<'_> {
    /// Data for all rows, and a step's part of it.
    fn data(&self, of_row: &Type) -> Result<(Value, Value)> {
        let data = self.g.data(Type { shape: of_row.shape.with_batch(self.rows), ..of_row.clone() });
        Ok((data, row_gather(self.g, data, self.permutation, self.batch)?))
    }
}

impl Model {
    /// The graph of a mode, for batches of `batch` rows out of `rows`, which are `weighted` or not.
    pub(crate) fn trace(&self, mode: Mode, batch: usize, rows: usize, weighted: bool) -> Result<(Arc<Graph>, Feed)> {
        let g = Builder::new(self.shared_variables());
        let mut feed = Feed::default();
        let mut x = vec![];
        let permutation = g.data(Type::u32([rows]));
        feed.permutation = Some(permutation);
        let from = Batch { g: &g, rows, batch, permutation };
        for (_, ty) in &self.inputs {
            let (data, value) = from.data(ty)?;
            feed.inputs.push(data);
            x.push(value);
        }
        let p = self.call(&g, &x, mode == Mode::Train)?;
        if mode == Mode::Predict {
            for &p in &p {
                let stored = store_rows(&g, p, rows)?;
                g.output(stored);
                feed.outputs.push(stored);
            }
        } else {
            let losses = self.observe(&from, &mut feed, &p, mode == Mode::Train, weighted)?;
            if mode == Mode::Train {
                self.minimize(&g, &losses)?;
            }
        }
        step_end(&g, rows.div_ceil(batch.max(1)))?;
        Ok((Arc::new(g.finish()), feed))
    }

    /// Losses and metrics of all outputs, and what they report.
    fn observe(
        &self,
        from: &Batch<'_>,
        feed: &mut Feed,
        p: &[Value],
        training: bool,
        weighted: bool,
    ) -> Result<Vec<LossValue>> {
        let g = from.g;
        let (mut losses, mut total, mut reports) = (vec![], vec![], vec![]);
        let compiled = &self.compiled()?.outputs;
        for (at, ((compiled, ty), &p)) in compiled.iter().zip(self.targets()?).zip(p).enumerate() {
            let name = self.outputs[at].0.as_str();
            let (target, y) = from.data(&ty)?;
            let (weight, weights) = from.data(&Type::f32([]))?;
            feed.targets.push(target);
            feed.weights.push(weight);
            let weight = compiled.weight;
            let column = g.column(&format!("loss weight of {name}"), move |_| weight);
            let targets = Targets { y, weights };
            let loss = Loss::call(&*compiled.loss, g, p, targets, training.then_some(column));
            let loss = loss.map_err(|e| of_output(name, format!("loss {}", compiled.loss.name()), e))?;
            let of_output = Report::mean(&format!("{name}_loss"), loss.sums, loss.terms_per_row);
            total.extend(of_output.parts.iter().map(|part| Part { weight: Some(column), ..*part }));
            reports.extend((self.outputs.len() > 1).then_some(of_output));
            let targets = [self.unweighted(from, feed, compiled, targets, weighted)?, targets];
            for metric in &compiled.metrics {
                let observed = Observed {
                    p,
                    targets: targets[usize::from(metric.weighted)],
                    loss: &loss,
                    weighted: metric.weighted,
                };
                reports.push(measure(g, metric, (at, name), observed)?);
            }
            losses.push(loss);
        }
        for value in g.added_losses() {
            total.push(Part { partials: whole_sum(g, value)?, weight: None, over: Over::Steps });
        }
        g.report(Report { name: "loss".into(), parts: total, finish: Finish::sum() });
        reports.into_iter().for_each(|report| g.report(report));
        Ok(losses)
    }

    /// The targets of an output with weights that are all 1: the same where no row has another one.
    fn unweighted(
        &self,
        from: &Batch<'_>,
        feed: &mut Feed,
        compiled: &CompiledOutput,
        targets: Targets,
        weighted: bool,
    ) -> Result<Targets> {
        if !weighted || compiled.metrics.iter().all(|metric| metric.weighted) {
            return Ok(targets);
        }
        let ones = *feed.ones.get_or_insert_with(|| from.g.data(Type::f32([from.rows])));
        Ok(Targets { weights: row_gather(from.g, ones, from.permutation, from.batch)?, ..targets })
    }

    /// Gradients of the losses and the update of every parameter.
    fn minimize(&self, g: &Builder, losses: &[LossValue]) -> Result<()> {
        let trained = self.places(VariableKind::Parameter);
        if trained.is_empty() {
            return Err(Error::argument("layers", "at least one that trains something", "none"));
        }
        let parameters = trained.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>()?;
        let mut seeds: Vec<(Value, Value)> = losses.iter().map(|loss| (loss.prediction, loss.gradient)).collect();
        for value in g.added_losses() {
            seeds.push((whole_sum(g, value)?, constant(g, 1.0)?));
        }
        let unreached = |index: usize| {
            let name = self.variables.get(index).map_or("", |v| &v.name);
            Error::argument(name, "a parameter that the loss depends on", "one that it does not depend on")
        };
        let gradients = g.gradients(&seeds, &parameters)?.into_iter().zip(&trained);
        let checked = |(dp, &index): (Option<Value>, &usize)| check_finite(g, dp.ok_or_else(|| unreached(index))?);
        let gradients = gradients.map(checked).collect::<Result<Vec<_>>>()?;
        let kept = self.places(VariableKind::Moment);
        let moments = kept.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>()?;
        let updated = self.compiled()?.optimizer.apply(g, &parameters, &gradients, &moments)?;
        for (index, value) in trained.into_iter().chain(kept).zip(updated) {
            g.write(index, value);
        }
        Ok(())
    }

    /// The graph of a key on the device, made where it is not there yet. One per mode is kept.
    pub(crate) fn ready(&mut self, key: Key) -> Result<usize> {
        if let Some(found) = self.loaded.iter().position(|loaded| loaded.key == key) {
            return Ok(found);
        }
        let (mode, batch, rows, weighted) = key;
        self.loaded.retain(|loaded| loaded.key.0 != mode);
        let (graph, feed) = self.trace(mode, batch, rows, weighted)?;
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
    /// # use wgrad::layers::{Dense, Layer};
    /// # use wgrad::{Device, Sequential, losses::MeanSquaredError, optimizers::Sgd};
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
        let (graph, _) = self.trace(Mode::Train, batch, batch, false)?;
        plan(graph, &self.device.caps(), &Options::default())
    }
}

/// What a metric of an output reports.
fn measure(
    g: &Builder,
    metric: &CompiledMetric,
    (at, output): (usize, &str),
    observed: Observed<'_>,
) -> Result<Report> {
    let CompiledMetric { key, metric, weighted } = metric;
    let wrong = |e| of_output(output, format!("metric {}", metric.name()), e);
    Ok(metric.call(g, observed).map_err(wrong)?.report(key, weighted.then_some(at)))
}

/// The sum of all elements of a value without a batch axis, `[1]`.
fn whole_sum(g: &Builder, value: Value) -> Result<Value> {
    let axes: Vec<usize> = (0..g.ty(value).shape.rank()).collect();
    reshape(g, sum(g, value, &axes, true)?, [1])
}
