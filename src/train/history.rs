//! What a training reports, epoch by epoch.

use std::collections::BTreeMap;
use std::ops::Index;

/// Values by name, sorted by it: `accuracy`, `loss`, `val_accuracy`, `val_loss`.
pub type Logs = BTreeMap<String, f64>;

/// The logs of every epoch.
///
/// ```
/// # let history = wgrad::train::History::default();
/// for (epoch, loss) in history.get("loss").iter().enumerate() {
///     println!("epoch {}: {loss}", epoch + 1);
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    epochs: Vec<Logs>,
}

impl History {
    /// The values of a key, an epoch each; empty for a key that was not logged.
    pub fn get(&self, key: &str) -> Vec<f64> {
        self.epochs.iter().filter_map(|logs| logs.get(key).copied()).collect()
    }

    /// The logs, an epoch each.
    pub fn epochs(&self) -> &[Logs] {
        &self.epochs
    }

    /// The values by key.
    pub fn by_key(&self) -> BTreeMap<String, Vec<f64>> {
        let keys = self.epochs.first().map(|logs| logs.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        keys.into_iter().map(|key| (key.clone(), self.get(&key))).collect()
    }

    pub(crate) fn push(&mut self, logs: Logs) {
        self.epochs.push(logs);
    }
}

impl Index<usize> for History {
    type Output = Logs;

    fn index(&self, epoch: usize) -> &Logs {
        &self.epochs[epoch]
    }
}
