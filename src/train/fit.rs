//! `fit`: a loop around [`Run::advance`].

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::Model;
use crate::tensor::{IntoTensors, Tensor, Tensors};
use crate::train::history::History;
use crate::train::progress::Reporter;

/// How much `fit` prints, on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// A progress bar on a terminal, a line per epoch elsewhere.
    #[default]
    Auto,
    /// Nothing.
    Silent,
    /// A line per epoch.
    Lines,
}

/// Classes with their weights.
pub(crate) type ClassWeights = Vec<(usize, f64)>;

/// How `fit` trains.
///
/// # Defaults
/// Batches of 32 rows, shuffled every epoch by seed 0, no validation. Source: Keras' `fit`.
///
/// ```
/// use wgrad::Fit;
/// let fit = Fit::epochs(10).batch_size(64).validation_split(0.2).seed(7);
/// ```
#[derive(Clone, Debug)]
pub struct Fit {
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) seed: u64,
    pub(crate) validation_split: f64,
    pub(crate) validation_data: Option<(Tensors, Tensors)>,
    /// By output; `None` for the only one.
    pub(crate) sample_weights: Vec<(Option<String>, Tensor)>,
    /// By output; `None` for the only one.
    pub(crate) class_weights: Vec<(Option<String>, ClassWeights)>,
    pub(crate) verbosity: Verbosity,
}

impl Fit {
    /// Passes over the data.
    pub fn epochs(epochs: usize) -> Self {
        Self {
            epochs,
            batch_size: 32,
            shuffle: true,
            seed: 0,
            validation_split: 0.0,
            validation_data: None,
            sample_weights: vec![],
            class_weights: vec![],
            verbosity: Verbosity::Auto,
        }
    }

    /// Rows of a batch. The last batch of an epoch has what is left.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Whether rows are in another order every epoch.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The seed of that order.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The share of the rows that is not trained on, taken from the end, and looked at after every epoch.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }

    /// Rows that are looked at after every epoch; they win over a split.
    ///
    /// # Errors
    /// [`Error::Shape`] where rows differ in length.
    pub fn validation_data(mut self, x: impl IntoTensors, y: impl IntoTensors) -> Result<Self> {
        self.validation_data = Some((x.into_tensors()?, y.into_tensors()?));
        Ok(self)
    }

    /// A weight per row, `[rows]`, for the loss of the only output: it is multiplied with it, and the mean is over rows
    /// still. Rows that are split off for validation keep theirs.
    pub fn sample_weight(mut self, weights: Tensor) -> Self {
        self.sample_weights.push((None, weights));
        self
    }

    /// The same for an output by name.
    pub fn sample_weight_of(mut self, output: &str, weights: Tensor) -> Self {
        self.sample_weights.push((Some(output.into()), weights));
        self
    }

    /// A weight for the rows of a class, for the loss of the only output; 1 for the others. Rows that are validated on
    /// have none of it.
    ///
    /// ```
    /// use wgrad::Fit;
    /// let fit = Fit::epochs(5).class_weight([(0, 0.5), (1, 2.0)]);
    /// ```
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (usize, f64)>) -> Self {
        self.class_weights.push((None, weights.into_iter().collect()));
        self
    }

    /// The same for an output by name.
    pub fn class_weight_of(mut self, output: &str, weights: impl IntoIterator<Item = (usize, f64)>) -> Self {
        self.class_weights.push((Some(output.into()), weights.into_iter().collect()));
        self
    }

    /// How much is printed.
    pub fn verbosity(mut self, verbosity: Verbosity) -> Self {
        self.verbosity = verbosity;
        self
    }

    /// Refuses what a step of a program's own does by itself.
    pub(crate) fn check_plain(&self) -> Result<()> {
        let asked = [
            ("validation_data", self.validation_data.is_some()),
            ("validation_split", self.validation_split > 0.0),
            ("sample_weight", !self.sample_weights.is_empty()),
            ("class_weight", !self.class_weights.is_empty()),
        ];
        match asked.into_iter().find(|(_, is_asked)| *is_asked) {
            Some((name, _)) => Err(Error::argument(name, "nothing: a step of one's own has none", "one")),
            None => Ok(()),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (name, value) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            if value == 0 {
                return Err(Error::argument(name, "at least 1", value));
            }
        }
        if (0.0..1.0).contains(&self.validation_split) {
            return Ok(());
        }
        Err(Error::argument("validation_split", "a share from 0 to below 1", self.validation_split))
    }
}

impl Model {
    /// Trains on rows `x` with targets `y`. Targets `[n]` fit an output `[n, 1]`.
    ///
    /// # Errors
    /// What is wrong with the arguments, before anything is trained; [`Error::NotFinite`] with the weights of the step
    /// before; [`Error::DeviceLost`].
    pub fn fit(&mut self, x: impl IntoTensors, y: impl IntoTensors, fit: Fit) -> Result<History> {
        let mut reporter = Reporter::new(fit.verbosity);
        let mut run = self.run(x, y, fit)?;
        loop {
            let progress = run.advance(Duration::from_millis(50))?;
            reporter.show(&progress);
            if progress.done {
                return Ok(run.into_history());
            }
        }
    }
}
