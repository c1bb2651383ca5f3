//! One edit on one adapter, in a process of its own: a driver may crash or hang on it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use wgrad::check::parity;
use wgrad::ops::Case;
use wgrad::runtime::{Adapter, AdapterKind, adapters};
use wgrad::{Device, Gpu};

use crate::kernels::{Job, Suite, files};
use crate::mutated::{Change, Mutated};

/// What a line begins with that says what caught the edit.
pub const CAUGHT: &str = "caught: ";
/// What a line begins with that says that nothing did.
pub const SURVIVED: &str = "survived ";

/// The adapters that edits run on, the fast one first. Software alone: a kernel that hangs would take a screen with it.
pub fn software() -> Result<Vec<Adapter>> {
    let mut found = adapters()?;
    found.retain(|adapter| adapter.info().kind == AdapterKind::Software);
    found.sort_by_key(|adapter| !adapter.info().name.contains("llvmpipe"));
    if found.is_empty() {
        bail!("there is no software driver to run edits on; `cargo xtask test --install-drivers` gets one");
    }
    Ok(found)
}

fn device(adapter: usize) -> Result<Device> {
    let found = software()?;
    Ok(Device::gpu(Gpu::open(found.get(adapter).context("that adapter is there no more")?)?))
}

/// Runs the jobs of a file with bytes `begin` to `end` of it replaced, up to the first that fails; says on stdout how
/// far it is.
pub fn run(adapter: usize, file: &str, range: std::ops::Range<usize>, new: &str) -> Result<()> {
    let (path, old) = files()?.into_iter().find(|(path, _)| path == file).context("no such file")?;
    let edited = [&old[..range.start], new, &old[range.end..]].concat();
    let suite = Suite::new()?;
    let jobs = suite.jobs_of(&suite.with(&old));
    let change = Arc::new(Change { path: path.leak(), old, new: edited });
    let device = device(adapter)?;
    for (number, job) in jobs.iter().enumerate() {
        say(&format!("{number}"))?;
        if let Some(reason) = fails(&device, job, &change) {
            return say(&format!("{CAUGHT}{}, case {} of {}: {reason}", name(job), number + 1, jobs.len()));
        }
    }
    say(&format!("{SURVIVED}{} cases", jobs.len()))
}

/// A job of each file passes while nothing is changed.
pub fn control(adapter: usize) -> Result<()> {
    let (suite, device) = (Suite::new()?, device(adapter)?);
    for (path, text) in files()? {
        say(&path)?;
        let jobs = suite.jobs_of(&suite.with(&text));
        let change = Arc::new(Change { path: path.leak(), old: text.clone(), new: text });
        if let Some((job, reason)) = jobs.first().and_then(|job| Some((job, fails(&device, job, &change)?))) {
            return say(&format!("{CAUGHT}{}: {reason}", name(job)));
        }
    }
    say(SURVIVED)
}

fn name(job: &Job) -> String {
    let types: Vec<String> = job.case.inputs.iter().map(|input| input.ty.to_string()).collect();
    format!("{} variant {} of ({})", job.case.op.name(), job.variant, types.join(", "))
}

/// Why a job with a change does not pass.
fn fails(device: &Device, job: &Job, change: &Arc<Change>) -> Option<String> {
    let op = Mutated { op: Arc::clone(&job.case.op), change: Arc::clone(change) };
    let case = Case { op: Arc::new(op), ..job.case.clone() };
    match catch_unwind(AssertUnwindSafe(|| parity(device, &case, job.variant, job.seed))) {
        Ok(Ok(outcome)) if outcome.passes() => None,
        Ok(Ok(outcome)) => Some(outcome.to_string().split_whitespace().collect::<Vec<_>>().join(" ")),
        Ok(Err(error)) => Some(error.to_string().lines().next().unwrap_or_default().into()),
        Err(_) => Some("it panicked".into()),
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
