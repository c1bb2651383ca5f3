//! One edit on one adapter, in a process of its own: a driver may crash or hang on it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use wgrad::check::parity;
use wgrad::ops::Case;
use wgrad::program::Options;
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

fn open(adapter: usize) -> Result<Device> {
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
    let path: &'static str = path.leak();
    let unchanged = Arc::new(Change { path, old: old.clone(), new: old.clone() });
    let change = Arc::new(Change { path, old, new: edited });
    let (mut device, mut broken) = (open(adapter)?, 0);
    for (number, job) in jobs.iter().enumerate() {
        say(&format!("{number}"))?;
        let Some(reason) = fails(&device, job, &change) else { continue };
        // The edit may have lost the device.
        device = open(adapter)?;
        if fails(&device, job, &unchanged).is_none() {
            return say(&format!("{CAUGHT}{}, case {} of {}: {reason}", name(job), number + 1, jobs.len()));
        }
        broken += 1;
    }
    let besides = if broken > 0 { format!(" ({broken} of them fail without any edit)") } else { String::new() };
    say(&format!("{SURVIVED}{} cases{besides}", jobs.len()))
}

/// Runs one of the jobs of a file as they are, whatever it finds.
pub fn run_unchanged(adapter: usize, file: &str, job: usize) -> Result<()> {
    let (_, text) = files()?.into_iter().find(|(path, _)| path == file).context("no such file")?;
    let suite = Suite::new()?;
    let jobs = suite.jobs_of(&suite.with(&text));
    let job = jobs.get(job).context("no such job")?;
    let options = Options { variant: job.variant, ..Options::default() };
    parity(&open(adapter)?, &job.case, &options, job.seed)?;
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
    let options = Options { variant: job.variant, ..Options::default() };
    match catch_unwind(AssertUnwindSafe(|| parity(device, &case, &options, job.seed))) {
        Ok(Ok(outcome)) if outcome.passes() => None,
        Ok(Ok(outcome)) => Some(one_line(&outcome.to_string())),
        Ok(Err(error)) => Some(one_line(&error.to_string())),
        Err(_) => Some("it panicked".into()),
    }
}

/// The begin of a text, in one line.
fn one_line(text: &str) -> String {
    const MOST: usize = 240;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST).collect()
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
