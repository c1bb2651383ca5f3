//! `compile`: what a model is trained by, checked before anything runs.

use crate::error::{Error, Result};
use crate::graph::{Variable, VariableKind, Variables};
use crate::losses::Loss;
use crate::metrics::MetricSpec;
use crate::model::{Compiled, Mode, Model};
use crate::optimizers::Optimizer;

impl Model {
    /// Says how the model is trained: an optimizer, a loss, and metrics, each a value or a name. What an optimizer
    /// kept before is gone.
    ///
    /// # Errors
    /// [`Error::Argument`] for a setting or a name that makes no sense; what `fit` would find wrong with the graph.
    pub fn compile<M: Into<MetricSpec>>(
        &mut self,
        optimizer: impl Optimizer + 'static,
        loss: impl Loss + 'static,
        metrics: impl IntoIterator<Item = M>,
    ) -> Result<()> {
        optimizer.check()?;
        let metrics = metrics.into_iter().map(|m| m.into().resolve()).collect::<Result<Vec<_>>>()?;
        for (i, metric) in metrics.iter().enumerate() {
            if metric.name() == "loss" || metrics[..i].iter().any(|m| m.name() == metric.name()) {
                return Err(Error::argument("metrics", "each name once, and not loss", metric.name()));
            }
        }
        let mut variables = Variables::default();
        let kept = self.variables.iter().filter(|v| v.kind != VariableKind::Moment).cloned();
        let kept: Vec<Variable> = kept.collect();
        let trained = kept.iter().filter(|v| v.kind == VariableKind::Parameter).cloned().collect::<Vec<_>>();
        kept.into_iter().try_for_each(|variable| variables.add(variable).map(|_| ()))?;
        for moment in optimizer.moments() {
            for Variable { name, ty, .. } in &trained {
                let name = format!("optimizer/{name}/{moment}");
                variables.add(Variable { name, ty: ty.clone(), kind: VariableKind::Moment })?;
            }
        }
        self.set_variables(variables)?;
        self.iterations = 0;
        self.compiled = Some(Compiled { optimizer: Box::new(optimizer), loss: Box::new(loss), metrics });
        let traced = self.trace(Mode::Train, 1, 1).map(|_| ());
        traced.inspect_err(|_| self.compiled = None)
    }

    /// What `compile` has said.
    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled.as_ref().ok_or_else(|| Error::argument("model", "one that is compiled", "one that is not"))
    }
}
