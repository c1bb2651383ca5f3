//! A step of training as a value: traced by the program, of several models, losses and optimizers.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use crate::check::own_ops;
use crate::device::{Device, Storage};
use crate::error::{Error, Result};
use crate::graph::{Builder, Finish, Graph, Over, Part, Report, Value, Variable, VariableKind, Variables};
use crate::layers::{Layer, Network, Scope};
use crate::losses::Loss;
use crate::metrics::{Metric, Observed};
use crate::model::{Batch, Feed, Key, Layout, Loaded, Mode, Model, Trained, added, gradients, seeds, update};
use crate::ops::{LossValue, Targets, full, step_end};
use crate::optimizers::Optimizer;
use crate::program::Options;
use crate::shape::{Dtype, Shape, Type};
use crate::tensor::{IntoTensors, Tensor};
use crate::train::fit::Fit;
use crate::train::rows::{Rows, fitting};
use crate::train::run::Run;

/// What a program traces a step by.
type Trace = Box<dyn Fn(&Tracing<'_>) -> Result<()> + Send>;

/// A step of training: what `fit` runs, made by the program from the same pieces. It takes several models, losses and
/// optimizers, as training two models against each other or one after the other wants.
///
/// It begins with the weights of its models and has its own from then on; [`Step::give_back`] brings them back.
///
/// ```
/// use wgrad::prelude::*;
/// use wgrad::train::Step;
/// # let x = Tensor::full([8, 4], 1.0)?;
/// # let y = Tensor::full([8, 1], 1.0)?;
/// let mut model = Sequential::new().name("classifier").add(Dense::new(1).input_shape([4])).build(&Device::cpu())?;
/// let mut step = Step::trace(&[&model], |s| {
///     let (x, y) = (s.input("x", [4])?, s.input("y", [1])?);
///     let p = s.call("classifier", &[x])?[0];
///     let loss = s.loss("loss", &MeanSquaredError, y, p)?;
///     s.minimize(&[loss], &Adam::default(), &["classifier"])
/// })?;
/// let mut run = step.run([("x", &x), ("y", &y)], Fit::epochs(2))?;
/// while !run.advance(std::time::Duration::from_millis(2))?.done {}
/// let history = run.into_history();
/// step.give_back(&mut model)?;
/// # assert!(history[1]["loss"] < history[0]["loss"]);
/// # Ok::<(), wgrad::Error>(())
/// ```
pub struct Step {
    device: Device,
    models: Vec<Traced>,
    trace: Trace,
    inputs: Vec<(String, Type)>,
    variables: Arc<Variables>,
    storage: Storage,
    loaded: Vec<Loaded>,
    iterations: u64,
}

/// A model in a step.
#[derive(Clone, Debug)]
struct Traced {
    name: String,
    network: Arc<Network>,
    seed: u64,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("models", &self.models).field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

impl Step {
    /// Traces a step of these models, which are on one device and have each a name of their own: once now, to see that it
    /// can be, and once for each batch size it is run with.
    ///
    /// # Errors
    /// [`Error::Argument`] for models on several devices or with one name, and what `trace` gives.
    pub fn trace(models: &[&Model], trace: impl Fn(&Tracing<'_>) -> Result<()> + Send + 'static) -> Result<Self> {
        let first = models.first().ok_or_else(|| Error::argument("models", "at least one", "none"))?;
        let mut variables = Variables::default();
        for (i, model) in models.iter().enumerate() {
            if model.name.is_empty() || model.name.contains('/') {
                return Err(Error::argument("the name of a model", "a word without `/`", &model.name));
            }
            if models[..i].iter().any(|other| other.name == model.name) {
                let expected = "models with a name each, as `Sequential::name` gives";
                return Err(Error::argument("models", expected, format!("`{}` twice", model.name)));
            }
            if model.device.to_string() != first.device.to_string() {
                let got = format!("{} and {}", first.device, model.device);
                return Err(Error::argument("models", "models on one device", got));
            }
            for variable in model.variables.iter().filter(|v| v.kind != VariableKind::Moment) {
                variables.add(Variable { name: format!("{}/{}", model.name, variable.name), ..variable.clone() })?;
            }
        }
        let of =
            |model: &&Model| Traced { name: model.name.clone(), network: Arc::clone(&model.network), seed: model.seed };
        let mut step = Self {
            device: first.device.clone(),
            models: models.iter().map(of).collect(),
            trace: Box::new(trace),
            inputs: vec![],
            storage: first.storage.clone(),
            variables: Arc::new(variables),
            loaded: vec![],
            iterations: 0,
        };
        let (graph, inputs) = step.traced(Key { mode: Mode::Train, batch: 5, data: Layout::plain(7) })?;
        let graph = Arc::new(graph);
        step.device.check(&graph)?;
        own_ops(&step.device, &graph)?;
        step.inputs = inputs.named;
        step.variables = Arc::clone(&graph.variables);
        step.storage = step.device.storage(&step.variables, &Options::default())?;
        for model in models {
            step.exchange(model, |index, of_model| step.storage.write(index, &model.weight(of_model)?))?;
        }
        Ok(step)
    }

    /// Calls `with` for each weight of a model: its place here, and its name there.
    fn exchange(&self, model: &Model, mut with: impl FnMut(usize, &str) -> Result<()>) -> Result<()> {
        for name in model.weight_names() {
            let path = format!("{}/{name}", model.name);
            let index = self.variables.iter().position(|v| v.name == path);
            let names = || self.models.iter().map(|model| model.name.as_str());
            with(index.ok_or_else(|| Error::unknown("model of this step", &model.name, names()))?, name)?;
        }
        Ok(())
    }

    /// Gives a model the weights that it has here.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a model that is not in the step, [`Error::DeviceLost`].
    pub fn give_back(&self, model: &mut Model) -> Result<()> {
        let mut weights = vec![];
        self.exchange(model, |index, name| {
            let ty = self.variables.get(index).map_or_else(|| Type::f32([]), |v| v.ty.clone());
            let (_, wanted) = model.find(name)?;
            if ty != wanted {
                return Err(Error::shape(name, wanted.to_string(), ty));
            }
            weights.push((name.to_string(), self.storage.read(index, &ty)?));
            Ok(())
        })?;
        weights.iter().try_for_each(|(name, tensor)| model.set_weight(name, tensor))
    }

    /// Begins a training on rows for the inputs of the step: of `fit`, it takes epochs, batch size, order and seed.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rows do not fit the inputs; [`Error::Argument`] where `fit` asks for validation or has
    /// weights: these are the program's own in a step of its own.
    pub fn run(&mut self, data: impl IntoTensors, fit: Fit) -> Result<Run<'_>> {
        fit.check()?;
        fit.check_plain()?;
        let names: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let tensors = data.into_tensors()?.arrange("data", &names)?;
        let count = tensors.first().map_or(0, Tensor::rows);
        let fit_row = |(tensor, (name, ty)): (&Tensor, &(String, Type))| fitting(name, tensor, &ty.shape, count);
        let x = tensors.iter().zip(&self.inputs).map(fit_row).collect::<Result<Vec<_>>>()?;
        Run::new(self, Rows { x, y: vec![], weights: vec![], count }, None, fit)
    }

    /// The names of its inputs, in the order in which they were first asked for.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn traced(&self, Key { batch, data, .. }: Key) -> Result<(Graph, Inputs)> {
        let g = Builder::new(Arc::clone(&self.variables));
        let permutation = g.data(Type::u32([data.rows]));
        let batch = Batch { g: &g, data, batch, permutation };
        let tracing = Tracing { batch: &batch, models: &self.models, inputs: RefCell::default() };
        (self.trace)(&tracing)?;
        let inputs = tracing.inputs.into_inner();
        step_end(&g, data.rows.div_ceil(batch.batch.max(1)))?;
        Ok((g.finish(), Inputs { permutation: Some(permutation), ..inputs }))
    }
}

impl Trained for Step {
    fn graph(&self, key: Key) -> Result<(Arc<Graph>, Feed)> {
        let (graph, Inputs { data, ones, permutation, .. }) = self.traced(key)?;
        Ok((Arc::new(graph), Feed { inputs: data, permutation, ones, ..Feed::default() }))
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
        [self.inputs.iter().map(|(name, _)| name.clone()).collect(), vec![]]
    }
}

/// What a step has asked for.
#[derive(Debug, Default)]
struct Inputs {
    named: Vec<(String, Type)>,
    data: Vec<Value>,
    /// The batch of each.
    rows: Vec<Value>,
    /// Weights of 1 for all rows, and those of the batch.
    ones: Option<Value>,
    weights: Option<Value>,
    /// Of each loss, what it adds to the sum of all.
    losses: Vec<Part>,
    permutation: Option<Value>,
}

/// A step in the making: rows of data, models by name, losses, and what is done about them.
#[derive(Debug)]
pub struct Tracing<'a> {
    batch: &'a Batch<'a>,
    models: &'a [Traced],
    inputs: RefCell<Inputs>,
}

impl<'a> Tracing<'a> {
    /// What takes the ops.
    pub fn builder(&self) -> &'a Builder {
        self.batch.g
    }

    /// The batch of an input, `[batch, …row]`: rows that [`Step::run`] is given under this name.
    ///
    /// # Errors
    /// [`Error::Shape`] where it was asked for with another shape.
    pub fn input(&self, name: &str, row: impl Into<Shape>) -> Result<Value> {
        self.data(name, Type::f32(row))
    }

    /// The same for rows of whole numbers from 0 on.
    ///
    /// # Errors
    /// As [`Tracing::input`].
    pub fn ids(&self, name: &str, row: impl Into<Shape>) -> Result<Value> {
        self.data(name, Type { dtype: Dtype::U32, ..Type::f32(row) })
    }

    fn data(&self, name: &str, ty: Type) -> Result<Value> {
        let inputs = &mut *self.inputs.borrow_mut();
        if let Some(at) = inputs.named.iter().position(|(other, _)| other == name) {
            let known = &inputs.named[at].1;
            return if *known == ty { Ok(inputs.rows[at]) } else { Err(Error::shape(name, known.to_string(), ty)) };
        }
        let (data, rows) = self.batch.input(inputs.named.len(), &ty)?;
        inputs.named.push((name.into(), ty));
        inputs.data.push(data);
        inputs.rows.push(rows);
        Ok(rows)
    }

    /// Rows that all hold one number, `[batch, …row]`.
    ///
    /// # Errors
    /// Those of the ops.
    pub fn full(&self, value: f64, row: impl Into<Shape>) -> Result<Value> {
        full(self.builder(), value, Type::f32(row.into().with_batch(self.batch.batch)).batched(true))
    }

    /// What a model gives for its inputs, in training.
    ///
    /// # Errors
    /// [`Error::Unknown`] where the step has no such model, and what is wrong in a layer.
    pub fn call(&self, model: &str, x: &[Value]) -> Result<Vec<Value>> {
        self.called(model, x, true)
    }

    /// What a model gives for its inputs as `predict` does: nothing is dropped, moving averages count and stay as they
    /// are. What a teacher says, or one of two adversaries that is only asked.
    ///
    /// # Errors
    /// Those of [`Tracing::call`].
    pub fn infer(&self, model: &str, x: &[Value]) -> Result<Vec<Value>> {
        self.called(model, x, false)
    }

    fn called(&self, model: &str, x: &[Value], training: bool) -> Result<Vec<Value>> {
        let names = || self.models.iter().map(|model| model.name.as_str());
        let found = self.models.iter().find(|other| other.name == model);
        let Traced { network, seed, name } =
            found.ok_or_else(|| Error::unknown("model of this step", model, names()))?;
        let variables = self.builder().variables();
        let scope = Scope::new(self.builder(), &variables, training, *seed);
        network.call(&scope.child(name), x)
    }

    /// A weight by its path, as `classifier/dense/kernel`.
    ///
    /// # Errors
    /// [`Error::Unknown`] where there is none.
    pub fn weight(&self, path: &str) -> Result<Value> {
        let variables = self.builder().variables();
        let at = variables.iter().position(|v| v.name == path);
        let names = || variables.iter().filter(|v| v.kind != VariableKind::Moment).map(|v| v.name.as_str());
        self.builder().variable(at.ok_or_else(|| Error::unknown("weight", path, names()))?)
    }

    /// A loss of predictions `p` against targets `y`, reported under a name. Targets are taken as they are: where they
    /// are made of weights, no gradient goes there from a loss of wgrad's; it does from one of ops
    /// ([`losses::from_fn`](crate::losses::from_fn)).
    ///
    /// # Errors
    /// [`Error::Shape`] where they do not fit.
    pub fn loss(&self, name: &str, loss: &dyn Loss, y: Value, p: Value) -> Result<LossValue> {
        self.weighted_loss(name, loss, 1.0, y, p)
    }

    /// The same for a loss that is multiplied with a weight in the sum that is minimized, and not where it is reported.
    ///
    /// # Errors
    /// Those of [`Tracing::loss`].
    pub fn weighted_loss(&self, name: &str, loss: &dyn Loss, weight: f64, y: Value, p: Value) -> Result<LossValue> {
        let column = self.builder().column(&format!("loss weight of {name}"), move |_| weight);
        let targets = self.targets(y)?;
        let of_loss = || loss.call(self.builder(), p, targets, Some(column));
        let value = self.builder().within(&format!("the loss `{name}`"), of_loss)?;
        let report = Report::mean(name, value.sums, value.terms_per_row);
        let weighed = report.parts.iter().map(|part| Part { weight: Some(column), ..*part });
        self.inputs.borrow_mut().losses.extend(weighed);
        self.builder().report(report);
        Ok(value)
    }

    /// Reports the sum of all losses so far, each with its weight, and of what layers have added to them, under a name:
    /// `loss` in `fit`.
    ///
    /// # Errors
    /// Those of the ops.
    pub fn total(&self, name: &str) -> Result<()> {
        let of_layers = added(self.builder())?.map(|partials| Part { partials, weight: None, over: Over::Steps });
        let parts = self.inputs.borrow().losses.iter().copied().chain(of_layers).collect();
        self.builder().report(Report { name: name.into(), parts, finish: Finish::sum() });
        Ok(())
    }

    /// A metric of predictions `p` against targets `y`, reported under a name; `loss` is that of the same pair.
    ///
    /// # Errors
    /// [`Error::Shape`] where they do not fit.
    pub fn metric(&self, name: &str, metric: &dyn Metric, y: Value, p: Value, loss: &LossValue) -> Result<()> {
        let observed = Observed { p, targets: self.targets(y)?, loss, weighted: false };
        self.builder().report(metric.call(self.builder(), observed)?.report(name, None));
        Ok(())
    }

    fn targets(&self, y: Value) -> Result<Targets> {
        let inputs = &mut *self.inputs.borrow_mut();
        let weights = match inputs.weights {
            Some(weights) => weights,
            None => {
                let (ones, weights) = self.batch.data(&Type::f32([]))?;
                (inputs.ones, inputs.weights) = (Some(ones), Some(weights));
                weights
            }
        };
        Ok(Targets { y, weights })
    }

    /// The parameters of models, or of layers by their paths, as places among the variables.
    fn parameters(&self, of: &[&str]) -> Result<Vec<usize>> {
        let variables = self.builder().variables();
        for path in of {
            let known = || self.models.iter().map(|model| model.name.as_str());
            if !variables.iter().any(|v| is_under(&v.name, path)) {
                return Err(Error::unknown("model or layer", path, known()));
            }
        }
        let is_trained = |v: &Variable| v.kind == VariableKind::Parameter && of.iter().any(|p| is_under(&v.name, p));
        Ok(variables.iter().enumerate().filter(|(_, v)| is_trained(v)).map(|(index, _)| index).collect())
    }

    /// The gradients of the sum of losses by the parameters of models, or of layers by their paths: name and value each.
    /// What is not finite sets the flag of the step.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a path that nothing has, [`Error::Argument`] for a parameter that no loss depends on.
    pub fn gradients(&self, losses: &[LossValue], of: &[&str]) -> Result<Vec<(String, Value)>> {
        let (g, places) = (self.builder(), self.parameters(of)?);
        let values = gradients(g, &self.seeds(losses)?, &places)?;
        let variables = g.variables();
        let name = |index: usize| variables.get(index).map_or_else(String::new, |v| v.name.clone());
        Ok(places.into_iter().map(name).zip(values).collect())
    }

    fn seeds(&self, losses: &[LossValue]) -> Result<Vec<(Value, Value)>> {
        seeds(self.builder(), losses)
    }

    /// Updates the parameters of models, or of layers by their paths, by the gradients of the sum of losses. All updates
    /// of a step begin from the same weights. What one call updates must lie side by side: models that stand next to each
    /// other in the list of [`Step::trace`]; others are updated by a call each.
    ///
    /// # Errors
    /// Those of [`Tracing::gradients`]; [`Error::Argument`] for a parameter that is updated twice and for settings of
    /// the optimizer that make no sense.
    pub fn minimize(&self, losses: &[LossValue], optimizer: &dyn Optimizer, of: &[&str]) -> Result<()> {
        optimizer.check()?;
        let (g, trained) = (self.builder(), self.parameters(of)?);
        let variables = g.variables();
        let of_places = trained.iter().filter_map(|&index| variables.get(index)).collect::<Vec<_>>();
        if let Some((_, twice)) = trained.iter().zip(&of_places).find(|(index, _)| g.written(**index).is_some()) {
            return Err(Error::argument(&twice.name, "one update in a step", "two"));
        }
        let mut kept = vec![];
        for moment in optimizer.moments() {
            for variable in &of_places {
                let name = format!("optimizer/{}/{moment}", variable.name);
                kept.push(g.add_variable(Variable { name, ty: variable.ty.clone(), kind: VariableKind::Moment })?);
            }
        }
        update(g, optimizer, &self.seeds(losses)?, &[trained, kept])
    }
}

/// Whether a variable is one of a path.
fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
