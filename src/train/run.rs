//! A training as a state machine: a bit of it at a time.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::{Key, Mode, Model, Trained};
use crate::optimizers::LearningRate;
use crate::random::permutation;
use crate::runtime::clock::Clock;
use crate::tensor::IntoTensors;
use crate::train::fit::Fit;
use crate::train::halt::Halt;
use crate::train::history::{History, Logs};
use crate::train::pass::{Pass, in_order};
use crate::train::rows::Rows;

/// Where a training stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The epoch, from 1.
    pub epoch: usize,
    /// All epochs.
    pub epochs: usize,
    /// Training steps of this epoch that have finished.
    pub step: usize,
    /// Training steps of an epoch.
    pub steps: usize,
    /// The means over the epoch so far; with `val_` keys once the epoch has ended.
    pub logs: Logs,
    /// Whether the epoch has ended, validation included.
    pub epoch_ended: bool,
    /// Whether the training has ended.
    pub done: bool,
    /// Time since the epoch began; 0 in a browser.
    pub elapsed: Duration,
}

/// A training: data is on the device, and [`Run::advance`] does a bit of it.
///
/// ```
/// # use std::time::Duration;
/// # use wgrad::{Device, Fit, Sequential, Tensor, losses::MeanSquaredError, optimizers::Sgd, train::Run};
/// # use wgrad::layers::{Dense, Layer};
/// # let mut model = Sequential::new().add(Dense::new(1).input_shape([2])).build(&Device::cpu())?;
/// # model.compile(Sgd::default(), MeanSquaredError, ["mse"; 0])?;
/// # let (x, y) = (Tensor::full([8, 2], 1.0)?, Tensor::full([8, 1], 1.0)?);
/// let mut run = model.run(&x, &y, Fit::epochs(3))?;
/// while !run.advance(Duration::from_millis(2))?.done {
///     // draw a frame
/// }
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug)]
pub struct Run<'m> {
    trained: &'m mut dyn Trained,
    fit: Fit,
    batch: usize,
    train: Rows,
    validation: Option<Rows>,
    epoch: usize,
    phase: Phase,
    history: History,
    clock: Clock,
    /// When `advance` was called, and how long it may take.
    now: (Clock, Duration),
    work: Work,
    /// The last logs: what a run that has ended goes on saying.
    last: Logs,
}

#[derive(Debug)]
enum Phase {
    /// Before an epoch.
    Between,
    Training(Pass),
    /// With the logs of the training.
    Validating(Pass, Logs),
    /// An error has ended it.
    Failed,
}

/// What the training passes took, without validation.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    sent: u64,
    finished: u64,
    dispatches: Option<u64>,
    time: Duration,
}

impl Model {
    /// Begins a training that the program advances itself; `fit` is a loop around one.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn run(&mut self, x: impl IntoTensors, y: impl IntoTensors, fit: Fit) -> Result<Run<'_>> {
        fit.check()?;
        self.compiled()?;
        let mut rows = self.rows(["x", "y"], x.into_tensors()?, y.into_tensors()?)?;
        self.weigh(&mut rows, &fit.sample_weights)?;
        let (mut train, validation) = match &fit.validation_data {
            Some((x, y)) => (rows, Some(self.rows(["validation x", "validation y"], x.clone(), y.clone())?)),
            None if fit.validation_split > 0.0 => split(&rows, fit.validation_split)?,
            None => (rows, None),
        };
        self.weigh_classes(&mut train, &fit.class_weights)?;
        Run::new(self, train, validation, fit)
    }
}

impl<'m> Run<'m> {
    pub(crate) fn new(trained: &'m mut dyn Trained, train: Rows, validation: Option<Rows>, fit: Fit) -> Result<Self> {
        if train.count == 0 || validation.as_ref().is_some_and(|rows| rows.count == 0) {
            return Err(Error::shape("x", "at least one row to train on, and one to validate on", 0));
        }
        let batch = fit.batch_size.min(train.count);
        let mut run = Self {
            trained,
            batch,
            train,
            validation,
            epoch: 0,
            phase: Phase::Between,
            history: History::default(),
            clock: Clock::start(),
            now: (Clock::start(), Duration::ZERO),
            work: Work::default(),
            last: Logs::new(),
            fit,
        };
        run.upload()?;
        Ok(run)
    }

    /// Loads the programs, brings the data to the device and warms it up: nothing of that happens in an epoch.
    fn upload(&mut self) -> Result<()> {
        let key = self.training();
        let loaded = self.trained.ready(key)?;
        self.train.upload(loaded)?;
        loaded.executable.warm()?;
        if let Some(rows) = &self.validation {
            let loaded = self.trained.ready(validating(&self.fit, rows))?;
            rows.upload(loaded)?;
            loaded.executable.warm()?;
        }
        Ok(())
    }

    fn training(&self) -> Key {
        Key { mode: Mode::Train, batch: self.batch, data: self.train.layout() }
    }

    /// Works for at most `budget`, or until an epoch has ended: never waits longer for the device, and gives it no more at
    /// once than it does in that time. A single step and the begin of an epoch are never cut.
    ///
    /// # Errors
    /// [`Error::NotFinite`] and [`Error::BadIndex`] with the weights of the step before; [`Error::DeviceLost`].
    pub fn advance(&mut self, budget: Duration) -> Result<Progress> {
        self.now = (Clock::start(), budget);
        loop {
            let progress = self.turn()?;
            if progress.epoch_ended || self.left().is_zero() || Clock::STANDS_STILL {
                return Ok(progress);
            }
        }
    }

    /// [`Model::set_learning_rate`] while it trains: from the next epoch on.
    ///
    /// # Errors
    /// Those of it, and [`Error::Argument`] for a step of one's own, whose optimizers the program holds.
    pub fn set_learning_rate(&mut self, rate: impl Into<LearningRate>) -> Result<()> {
        self.model()?.set_learning_rate(rate)
    }

    /// [`Model::set_loss_weight`] while it trains: from the next epoch on.
    ///
    /// # Errors
    /// Those of it, and [`Error::Argument`] for a step of one's own.
    pub fn set_loss_weight(&mut self, output: &str, weight: f64) -> Result<()> {
        self.model()?.set_loss_weight(output, weight)
    }

    /// The logs of the epochs that have ended.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The logs of the epochs that have ended.
    pub fn into_history(mut self) -> History {
        std::mem::take(&mut self.history)
    }

    /// Launches of one training step, as they were counted; `None` on the CPU, and before the first.
    pub fn dispatches_per_step(&self) -> Option<u64> {
        self.work.dispatches.filter(|_| self.work.sent > 0).map(|dispatches| dispatches / self.work.sent)
    }

    /// Training steps per second, without validation; `None` before the first, and in a browser.
    pub fn steps_per_second(&self) -> Option<f64> {
        let seconds = self.work.time.as_secs_f64();
        (seconds > 0.0).then(|| self.work.finished as f64 / seconds)
    }

    /// What is left of the time that [`Run::advance`] was given.
    fn left(&self) -> Duration {
        self.now.1.saturating_sub(self.now.0.elapsed())
    }

    fn turn(&mut self) -> Result<Progress> {
        match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Between => self.begin_epoch(),
            Phase::Training(pass) => self.train(pass),
            Phase::Validating(pass, logs) => self.validate(pass, logs),
            Phase::Failed => Err(Error::argument("run", "one that goes on", "one that an error has ended")),
        }
    }

    fn begin_epoch(&mut self) -> Result<Progress> {
        if self.epoch == self.fit.epochs {
            self.phase = Phase::Between;
            return Ok(self.progress(self.steps(), self.last.clone(), true));
        }
        self.epoch += 1;
        self.clock = Clock::start();
        let order = self.order()?;
        let (key, iteration) = (self.training(), *self.trained.iterations());
        let pass = Pass::begin(self.trained.ready(key)?, self.batch, &order, &self.train.weights, iteration)?;
        let progress = self.progress(0, Logs::new(), false);
        self.phase = Phase::Training(pass);
        Ok(progress)
    }

    /// The order of the rows in this epoch.
    fn order(&self) -> Result<Vec<u32>> {
        let order = in_order(self.train.count)?;
        Ok(match self.fit.shuffle {
            true => permutation(order.len() as u32, self.fit.seed, self.epoch as u64),
            false => order,
        })
    }

    /// What halted a step of this epoch.
    fn halted(&self, pass: &Pass, error: Error) -> Error {
        match self.order() {
            Ok(order) => {
                let halt = Halt { key: self.training(), rows: &self.train, order: &order, table: pass.table() };
                halt.named(self.trained, error)
            }
            Err(_) => error,
        }
    }

    fn train(&mut self, mut pass: Pass) -> Result<Progress> {
        let (key, finished, sent) = (self.training(), pass.finished(), pass.sent());
        let (clock, dispatches) = (Clock::start(), self.dispatches());
        let (budget, left) = (self.now.1, self.left());
        let loaded = self.trained.ready(key)?;
        loaded.executable.pace(budget, left);
        let turned = pass.turn(&mut *loaded.executable, self.epoch as u64);
        let done = (pass.finished() - finished) as u64;
        let logs = pass.logs("");
        *self.trained.iterations() += done;
        self.work.finished += done;
        self.work.sent += (pass.sent() - sent) as u64;
        self.work.time += clock.elapsed();
        let more = self.dispatches().zip(dispatches).map(|(now, before)| now - before);
        self.work.dispatches = more.map(|more| self.work.dispatches.unwrap_or(0) + more);
        if !turned.map_err(|error| self.halted(&pass, error))? {
            let progress = self.progress(pass.finished(), logs, false);
            self.phase = Phase::Training(pass);
            return Ok(progress);
        }
        let Some(rows) = &self.validation else { return Ok(self.end_epoch(logs)) };
        let key = validating(&self.fit, rows);
        let order = in_order(rows.count)?;
        let validation = Pass::begin(self.trained.ready(key)?, key.batch, &order, &rows.weights, 0)?;
        let progress = self.progress(pass.finished(), logs.clone(), false);
        self.phase = Phase::Validating(validation, logs);
        Ok(progress)
    }

    fn validate(&mut self, mut pass: Pass, mut logs: Logs) -> Result<Progress> {
        let Some(rows) = &self.validation else { return Ok(self.end_epoch(logs)) };
        let (key, budget, left) = (validating(&self.fit, rows), self.now.1, self.left());
        let loaded = self.trained.ready(key)?;
        loaded.executable.pace(budget, left);
        if pass.turn(&mut *loaded.executable, self.epoch as u64)? {
            logs.extend(pass.logs("val_"));
            return Ok(self.end_epoch(logs));
        }
        let progress = self.progress(self.steps(), logs.clone(), false);
        self.phase = Phase::Validating(pass, logs);
        Ok(progress)
    }

    fn end_epoch(&mut self, logs: Logs) -> Progress {
        self.history.push(logs.clone());
        self.last.clone_from(&logs);
        self.phase = Phase::Between;
        self.progress(self.steps(), logs, true)
    }

    /// The model that is trained.
    pub(super) fn model(&mut self) -> Result<&mut Model> {
        let several = || Error::argument("run", "the run of a model", "that of a step of one's own");
        self.trained.model().ok_or_else(several)
    }

    fn dispatches(&self) -> Option<u64> {
        self.trained.memory().0.counters().map(|counters| counters.dispatches)
    }

    fn steps(&self) -> usize {
        self.train.count.div_ceil(self.batch)
    }

    fn progress(&self, step: usize, logs: Logs, epoch_ended: bool) -> Progress {
        let (epoch, epochs, steps) = (self.epoch, self.fit.epochs, self.steps());
        let done = epoch_ended && epoch == epochs;
        Progress { epoch, epochs, step, steps, logs, epoch_ended, done, elapsed: self.clock.elapsed() }
    }
}

impl Drop for Run<'_> {
    /// A training that is given up may have steps on their way: they count.
    fn drop(&mut self) {
        let Phase::Training(pass) = &mut std::mem::replace(&mut self.phase, Phase::Failed) else { return };
        let (key, finished) = (self.training(), pass.finished());
        // An error here is that of a device that is lost: the next call to it says so.
        let _ = self.trained.ready(key).and_then(|loaded| pass.drain(&mut *loaded.executable));
        *self.trained.iterations() += (pass.finished() - finished) as u64;
    }
}

/// The graph that looks at rows between epochs.
fn validating(fit: &Fit, rows: &Rows) -> Key {
    Key { mode: Mode::Validate, batch: fit.batch_size.min(rows.count), data: rows.layout() }
}

/// The first rows to train on, the last ones to validate on.
fn split(rows: &Rows, share: f64) -> Result<(Rows, Option<Rows>)> {
    let at = (rows.count as f64 * (1.0 - share)).floor() as usize;
    if at == 0 || at == rows.count {
        let got = format!("{share} of {} rows", rows.count);
        return Err(Error::argument("validation_split", "a share that leaves rows on both sides", got));
    }
    Ok((rows.slice(0..at)?, Some(rows.slice(at..rows.count)?)))
}
