//! A model as graphs: one per mode, batch size and number of rows.

use std::fmt;
use std::sync::Arc;

use crate::device::{Device, Executable, Storage};
use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Graph, Over, Part, Report, Value, VariableKind};
use crate::losses::Loss;
use crate::metrics::Observed;
use crate::model::compile::of_output;
use crate::model::{CompiledMetric, CompiledOutput, Model};
use crate::ops::{
    LossValue, Targets, add, check_finite, constant, packed_rows, reshape, row_gather, row_gather_u8, step_end,
    store_rows, sum,
};
use crate::optimizers::Optimizer;
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

/// Which graph: of a mode, for batches of some rows out of data of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) mode: Mode,
    /// Rows of a batch.
    pub(crate) batch: usize,
    pub(crate) data: Layout,
}

/// How rows of data lie on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) rows: usize,
    /// Whether their weights differ, or are all 1.
    pub(crate) weighted: bool,
    /// A bit for each of the first 64 inputs: whether it is kept as bytes.
    pub(crate) bytes: u64,
}

impl Layout {
    /// Rows of f32 whose weights are all 1.
    pub(crate) fn plain(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Whether an input is kept as bytes.
    pub(crate) fn is_bytes(&self, input: usize) -> bool {
        self.bytes.checked_shr(input as u32).is_some_and(|bits| bits & 1 == 1)
    }
}

/// A graph on the device.
#[derive(Debug)]
pub(crate) struct Loaded {
    key: Key,
    pub(crate) graph: Arc<Graph>,
    pub(crate) feed: Feed,
    pub(crate) executable: Box<dyn Executable>,
}

/// What a run trains: something with graphs, and with the memory that they share.
pub(crate) trait Trained: fmt::Debug {
    /// The graph of a key.
    fn graph(&self, key: Key) -> Result<(Arc<Graph>, Feed)>;
    /// Where its graphs run, and on what.
    fn memory(&self) -> (&Device, &Storage);
    /// Graphs that were made, one per mode: made again when the batch size or the number of rows changes.
    fn loaded(&mut self) -> &mut Vec<Loaded>;
    /// Steps that were trained.
    fn iterations(&mut self) -> &mut u64;
    /// The names of what it takes: inputs, then outputs with targets.
    fn names(&self) -> [Vec<String>; 2];
    /// The model that it is, if it is one.
    fn model(&mut self) -> Option<&mut Model> {
        None
    }
}

impl dyn Trained + '_ {
    /// The graph of a key on the device, made where it is not there yet. One per mode is kept.
    pub(crate) fn ready(&mut self, key: Key) -> Result<&mut Loaded> {
        let found = self.loaded().iter().position(|loaded| loaded.key == key);
        let at = match found {
            Some(at) => at,
            None => {
                self.loaded().retain(|loaded| loaded.key.mode != key.mode);
                let loaded = self.load(key, &Options::default()).map_err(|error| self.with_batch(key, error))?;
                self.loaded().push(loaded);
                self.loaded().len() - 1
            }
        };
        Ok(&mut self.loaded()[at])
    }

    /// The error of a graph that the device has no room for, with the largest batch that it has room for, if there is one.
    fn with_batch(&self, key: Key, error: Error) -> Error {
        let batch = key.batch;
        let fits = |batch: usize| match &error {
            Error::Limit { .. } => self.graph(Key { batch, ..key }).and_then(|(g, _)| self.memory().0.check(&g)),
            _ => self.load(Key { batch, ..key }, &Options::default()).map(drop),
        };
        if !matches!(error, Error::Limit { .. } | Error::OutOfMemory { .. }) || batch < 2 || fits(1).is_err() {
            return error;
        }
        let (mut good, mut bad) = (1, batch);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if fits(middle).is_ok() { good = middle } else { bad = middle }
        }
        Error::Batch { batch, fits: good, source: Box::new(error) }
    }

    /// The graph of a key on the device, in memory of its own but for the variables.
    pub(crate) fn load(&self, key: Key, options: &Options) -> Result<Loaded> {
        let (graph, feed) = self.graph(key)?;
        let (device, storage) = self.memory();
        let executable = device.load(&graph, storage, options)?;
        Ok(Loaded { key, graph, feed, executable })
    }
}

impl Trained for Model {
    fn graph(&self, key: Key) -> Result<(Arc<Graph>, Feed)> {
        self.trace(key)
    }

    fn memory(&self) -> (&Device, &Storage) {
        (&self.device, &self.storage)
    }

    fn loaded(&mut self) -> &mut Vec<Loaded> {
        &mut self.loaded
    }

    fn iterations(&mut self) -> &mut u64 {
        &mut self.iterations
    }

    fn names(&self) -> [Vec<String>; 2] {
        [&self.inputs, &self.outputs].map(|of| of.iter().map(|(name, _)| name.clone()).collect())
    }

    fn model(&mut self) -> Option<&mut Model> {
        Some(self)
    }
}

/// Rows of data, and the batch of them that a step reads.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) g: &'a Builder,
    pub(crate) data: Layout,
    pub(crate) batch: usize,
    pub(crate) permutation: Value,
}

impl Batch<'_> {
    /// Data for all rows, and a step's part of it.
    pub(crate) fn data(&self, of_row: &Type) -> Result<(Value, Value)> {
        let data = self.g.data(Type { shape: of_row.shape.with_batch(self.data.rows), ..of_row.clone() });
        Ok((data, row_gather(self.g, data, self.permutation, self.batch)?))
    }

    /// The same for input `at`, which may be kept as bytes.
    pub(crate) fn input(&self, at: usize, of_row: &Type) -> Result<(Value, Value)> {
        if !self.data.is_bytes(at) {
            return self.data(of_row);
        }
        let data = self.g.data(packed_rows(self.data.rows, &of_row.shape));
        Ok((data, row_gather_u8(self.g, data, self.permutation, self.batch, of_row.clone())?))
    }
}

impl Model {
    /// The graph of a key.
    pub(crate) fn trace(&self, Key { mode, batch, data: layout }: Key) -> Result<(Arc<Graph>, Feed)> {
        let g = Builder::new(self.shared_variables());
        let mut feed = Feed::default();
        let mut x = vec![];
        let permutation = g.data(Type::u32([layout.rows]));
        feed.permutation = Some(permutation);
        let from = Batch { g: &g, data: layout, batch, permutation };
        for (at, (_, ty)) in self.inputs.iter().enumerate() {
            let (data, value) = from.input(at, ty)?;
            feed.inputs.push(data);
            x.push(value);
        }
        let p = self.call(&g, &x, mode == Mode::Train)?;
        if mode == Mode::Predict {
            for &p in &p {
                let stored = store_rows(&g, p, layout.rows)?;
                g.output(stored);
                feed.outputs.push(stored);
            }
        } else {
            let losses = self.observe(&from, &mut feed, &p, mode == Mode::Train)?;
            if mode == Mode::Train {
                self.minimize(&g, &losses)?;
            }
        }
        step_end(&g, layout.rows.div_ceil(batch.max(1)))?;
        Ok((Arc::new(g.finish()), feed))
    }

    /// Losses and metrics of all outputs, and what they report.
    fn observe(&self, from: &Batch<'_>, feed: &mut Feed, p: &[Value], training: bool) -> Result<Vec<LossValue>> {
        let g = from.g;
        let (mut losses, mut total, mut reports) = (vec![], vec![], vec![]);
        let compiled = &self.compiled()?.outputs;
        for (at, ((compiled, ty), &p)) in compiled.iter().zip(self.targets()?).zip(p).enumerate() {
            let name = self.outputs[at].0.as_str();
            let (target, y) = from.data(&ty)?;
            let (weight, weights) = from.data(&Type::f32([]))?;
            feed.targets.push(target);
            feed.weights.push(weight);
            let weight = compiled.weight.clone();
            let column = g.column(&format!("loss weight of {name}"), move |_| weight.get());
            let targets = Targets { y, weights };
            let part = format!("the loss of output `{name}`");
            let loss = g.within(&part, || Loss::call(&*compiled.loss, g, p, targets, training.then_some(column)));
            let loss = loss.map_err(|e| of_output(name, format!("loss {}", compiled.loss.name()), e))?;
            let of_output = Report::mean(&format!("{name}_loss"), loss.sums, loss.terms_per_row);
            total.extend(of_output.parts.iter().map(|part| Part { weight: Some(column), ..*part }));
            reports.extend((self.outputs.len() > 1).then_some(of_output));
            let targets = [self.unweighted(from, feed, compiled, targets)?, targets];
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
        total.extend(added(g)?.map(|partials| Part { partials, weight: None, over: Over::Steps }));
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
    ) -> Result<Targets> {
        if !from.data.weighted || compiled.metrics.iter().all(|metric| metric.weighted) {
            return Ok(targets);
        }
        let ones = *feed.ones.get_or_insert_with(|| from.g.data(Type::f32([from.data.rows])));
        Ok(Targets { weights: row_gather(from.g, ones, from.permutation, from.batch)?, ..targets })
    }

    /// Gradients of the losses and the update of every parameter.
    fn minimize(&self, g: &Builder, losses: &[LossValue]) -> Result<()> {
        let places = [VariableKind::Parameter, VariableKind::Moment].map(|kind| self.places(kind));
        let seeds = seeds(g, losses)?;
        update(g, &*self.compiled()?.optimizer, &seeds, &places)
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
        let (graph, _) = self.trace(Key { mode: Mode::Train, batch, data: Layout::plain(batch) })?;
        plan(graph, &self.device.caps(), &Options::default())
    }
}

/// What gradients begin from: the losses, and what layers have added to them.
pub(crate) fn seeds(g: &Builder, losses: &[LossValue]) -> Result<Vec<(Value, Value)>> {
    let of_layers = added(g)?.map(|value| Ok((value, constant(g, 1.0)?)));
    losses.iter().map(|loss| Ok((loss.prediction, loss.gradient))).chain(of_layers).collect()
}

/// The gradients of parameters, looked at.
pub(crate) fn gradients(g: &Builder, seeds: &[(Value, Value)], places: &[usize]) -> Result<Vec<Value>> {
    let parameters = places.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>()?;
    let unreached = |index: usize| {
        let name = g.variables().get(index).map_or_else(String::new, |v| v.name.clone());
        Error::argument(name, "a parameter that the loss depends on", "one that it does not depend on")
    };
    let gradients = g.gradients(seeds, &parameters)?.into_iter().zip(places);
    let checked = |(dp, &index): (Option<Value>, &usize)| check_finite(g, dp.ok_or_else(|| unreached(index))?);
    gradients.map(checked).collect()
}

/// The update of parameters, and of what an optimizer keeps of them, by their places among the variables.
pub(crate) fn update(
    g: &Builder,
    optimizer: &dyn Optimizer,
    seeds: &[(Value, Value)],
    [trained, kept]: &[Vec<usize>; 2],
) -> Result<()> {
    if trained.is_empty() {
        return Err(Error::argument("layers", "at least one that trains something", "none"));
    }
    let gradients = gradients(g, seeds, trained)?;
    let of = |places: &[usize]| places.iter().map(|&index| g.variable(index)).collect::<Result<Vec<_>>>();
    let updated = optimizer.apply(g, &of(trained)?, &gradients, &of(kept)?)?;
    trained.iter().chain(kept).zip(updated).for_each(|(&index, value)| g.write(index, value));
    Ok(())
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

/// What layers have added to the loss, `[1]`.
pub(crate) fn added(g: &Builder) -> Result<Option<Value>> {
    let mut sums = g.added_losses().into_iter().map(|value| whole_sum(g, value));
    let Some(first) = sums.next() else { return Ok(None) };
    sums.try_fold(first?, |total, sum| add(g, total, sum?)).map(Some)
}

/// The sum of all elements of a value without a batch axis, `[1]`.
fn whole_sum(g: &Builder, value: Value) -> Result<Value> {
    let axes: Vec<usize> = (0..g.ty(value).shape.rank()).collect();
    reshape(g, sum(g, value, &axes, true)?, [1])
}
