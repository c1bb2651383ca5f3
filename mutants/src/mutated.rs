//! An op whose kernels have an edit, and are else the same.

use std::borrow::Cow;
use std::sync::Arc;

use wgrad::graph::{
    Args, Builder, CpuVariant, Launch, Measure, Node, Op, Pointwise, Site, Source, Tolerance, Value, Variant, compose,
};
use wgrad::{Result, Type};

/// A file as it is, and as it shall be.
#[derive(Debug)]
pub struct Change {
    /// Its path under `shaders/`.
    pub path: &'static str,
    /// What it holds.
    pub old: String,
    /// What it holds with the edit.
    pub new: String,
}

impl Change {
    /// The launch with the changed file, where it has the file: among its own, which may have names instead of paths, or
    /// as one of functions that those name.
    fn apply(&self, mut launch: Launch) -> Launch {
        if let Some(source) = launch.sources.iter_mut().find(|source| source.text() == self.old) {
            *source = Source::new(source.path(), Cow::Owned(self.new.clone()));
        } else if compose(&launch).text.contains(self.old.trim_end()) {
            return launch.source(Source::new(self.path, Cow::Owned(self.new.clone())));
        }
        launch
    }
}

/// The op with the change.
#[derive(Debug)]
pub struct Mutated {
    /// The op as it is.
    pub op: Arc<dyn Op>,
    /// What changes.
    pub change: Arc<Change>,
}

impl Op for Mutated {
    fn name(&self) -> &str {
        self.op.name()
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        self.op.infer(inputs)
    }

    fn is_own(&self) -> bool {
        false // what it is made of is wgrad's
    }

    fn aliases(&self) -> Vec<(usize, usize)> {
        self.op.aliases()
    }

    fn checks_finite(&self) -> bool {
        self.op.checks_finite()
    }

    fn pointwise(&self) -> Option<Pointwise> {
        None // its kernel is the one that is wrong
    }

    fn loss_terms(&self, inputs: &[&Type]) -> Option<usize> {
        self.op.loss_terms(inputs)
    }

    fn gradient(&self, g: &Builder, node: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        self.op.gradient(g, node, dy)
    }

    fn cpu_f32(&self, args: Args<'_, f32>) -> Result<()> {
        self.op.cpu_f32(args)
    }

    fn cpu_f64(&self, args: Args<'_, f64>) -> Result<()> {
        self.op.cpu_f64(args)
    }

    fn cpu_variants(&self, _: &Site<'_>) -> Vec<CpuVariant> {
        vec![]
    }

    fn measure(&self) -> Measure {
        self.op.measure()
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        self.op.tolerance(case)
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let mut variants = self.op.variants(site)?;
        for variant in &mut variants {
            variant.launches =
                std::mem::take(&mut variant.launches).into_iter().map(|l| self.change.apply(l)).collect();
        }
        Ok(variants)
    }
}
