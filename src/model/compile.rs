//! `compile`: what a model is trained by, checked before anything runs.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::graph::{Variable, VariableKind, Variables};
use crate::losses::Loss;
use crate::metrics::MetricSpec;
use crate::model::{Compiled, Mode, Model};
use crate::optimizers::Optimizer;
use crate::shape::Type;

impl Model {
    /// Says how the model is trained: an optimizer, a loss, and metrics, each a value or a name (`["mse"; 0]` for none). What an optimizer
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
        loss.check()?;
        let metrics = metrics.into_iter().map(|m| m.into().resolve()).collect::<Result<Vec<_>>>()?;
        for (i, (name, _)) in metrics.iter().enumerate() {
            if name == "loss" || metrics[..i].iter().any(|(other, _)| other == name) {
                return Err(Error::argument("metrics", "each name once, and not loss", name));
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
        let compiled = Compiled { optimizer: Box::new(optimizer), loss: Box::new(loss), metrics };
        self.adopt(compiled, variables)
    }

    /// Takes settings and variables if the training step can be traced with them; else all stays as it was.
    fn adopt(&mut self, compiled: Compiled, variables: Variables) -> Result<()> {
        let old = (self.compiled.replace(compiled), std::mem::replace(&mut self.variables, Arc::new(variables)));
        let traced = self.trace(Mode::Train, 1, 1);
        let new = std::mem::replace(&mut self.variables, old.1);
        let adopted = traced.and_then(|_| self.set_variables(new));
        match adopted {
            Ok(()) => self.iterations = 0,
            Err(_) => self.compiled = old.0,
        }
        adopted
    }

    /// The type of a target, without the batch axis.
    pub(crate) fn target(&self) -> Result<Type> {
        self.compiled()?.loss.target(&self.output)
    }

    /// What `compile` has said.
    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.compiled.as_ref().ok_or_else(|| Error::argument("model", "a call of `compile` before this one", "none"))
    }
}
