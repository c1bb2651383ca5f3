//! `wgrad doctor`: the parity suite on this machine's devices.

mod child;
mod report;
mod show;
mod supervise;

pub(super) use supervise::ended;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::{Result, bail};
use regex_lite::Regex;

use crate::check::{Job, Row, jobs, reproduce};
use crate::cli::doctor::show::Screen;
use crate::cli::doctor::supervise::{Event, Supervisor};
use crate::cli::found::{self, Found};
use crate::cli::{Refused, output, refused};

/// Devices that are checked at a time.
const AT_A_TIME: usize = 2;

/// Checks every op on this machine's devices against float64.
///
/// Each case of each op, in each variant of its kernel, is compared with the op's definition in float64, at the bar of
/// its kind. A device's run is a process of its own, so that a driver that crashes is a failure and not the end.
/// Status 0 where all is right, 1 on any failure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad doctor --device all --op '^dense'")]
pub(super) struct Arguments {
    /// all, cpu, gpu (the real ones), or a part of an adapter's name.
    #[arg(long, value_name = "NAME", default_value = "all")]
    device: String,
    /// Checks only the ops whose names match this regular expression.
    #[arg(long, value_name = "REGEX")]
    op: Option<String>,
    /// A JSON object a line: an op, a variant, a device.
    #[arg(long, conflicts_with = "report")]
    json: bool,
    /// Prints a block that can be pasted into an issue.
    #[arg(long)]
    report: bool,
    /// Writes the worst case of everything that fails into this folder, as WGSL with its inputs.
    #[arg(long, value_name = "DIR")]
    reproduce: Option<PathBuf>,
    /// What a child of this command is told: its device.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// What a child of this command is told: the first case.
    #[arg(long, hide = true, default_value_t = 0)]
    from: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let jobs = chosen(arguments.op.as_deref())?;
    if let Some(device) = &arguments.child {
        return child::run(device, &jobs, arguments.from);
    }
    if let Some(folder) = &arguments.reproduce {
        output::check(folder, &[""; 0], &[]).map_err(|error| Refused(format!("--reproduce: {error}")))?;
    }
    let (devices, broken) = found::find(&arguments.device).map_err(refused)?;
    let mut screen = Screen::new(arguments.json, arguments.report, &devices, jobs.len());
    if let Some(reason) = &broken {
        screen.broken(reason)?;
    }
    let rows = check(&devices, &jobs, arguments.op.as_deref(), &mut screen)?;
    if arguments.report {
        output::line(&report::block(&devices, &rows))?;
    }
    if let Some(folder) = &arguments.reproduce {
        write_out(folder, &devices, &jobs, &rows)?;
    }
    let failed = rows.iter().flatten().filter(|row| !row.ok).count();
    match (failed, broken) {
        (0, None) => Ok(()),
        (0, Some(reason)) => bail!("the adapters cannot be listed: the process that does it {reason}"),
        _ => bail!("{failed} of {} rows failed", rows.iter().map(Vec::len).sum::<usize>()),
    }
}

/// The cases of the ops that are asked for.
fn chosen(pattern: Option<&str>) -> Result<Vec<Job>> {
    let pattern = pattern.unwrap_or_default();
    let refuse =
        |got: &str| Refused(format!("--op: expected a regular expression that matches an op's name, got {got}"));
    let regex = Regex::new(pattern).map_err(|error| refuse(&format!("`{pattern}`: {error}")))?;
    let jobs = jobs(|op| regex.is_match(op));
    if jobs.is_empty() {
        let all = crate::check::jobs(|_| true);
        let mut names: Vec<&str> = all.iter().map(Job::op).collect();
        names.dedup();
        return Err(refuse(&format!("`{pattern}`, which matches none of {}", names.join(", "))).into());
    }
    Ok(jobs)
}

/// Runs the jobs on every device, a few devices at a time; gives the rows of each.
fn check(devices: &[Found], jobs: &[Job], pattern: Option<&str>, screen: &mut Screen) -> Result<Vec<Vec<Row>>> {
    let waiting: Mutex<VecDeque<usize>> = Mutex::new((0..devices.len()).collect());
    let stop = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, AT_A_TIME);
    let mut rows: Vec<Vec<Row>> = vec![vec![]; devices.len()];
    std::thread::scope(|scope| {
        let (sender, events) = mpsc::channel();
        for _ in 0..threads {
            let (sender, waiting, stop) = (sender.clone(), &waiting, &stop);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(device) = next else { break };
                    let command = |from| child::command(&devices[device].id, pattern, from);
                    // Nobody is left to tell where the receiver is gone.
                    let tell = |event| drop(sender.send((device, event)));
                    Supervisor { name: &devices[device].name, jobs, stop }.run(command, tell);
                }
            });
        }
        drop(sender);
        let shown = events.iter().try_for_each(|(device, event)| {
            screen.show(device, &event)?;
            if let Event::Rows(more) = event {
                rows[device].extend(more);
            }
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        shown
    })
    .map(|()| rows)
}

/// Writes the worst case of each row that failed into a folder.
fn write_out(folder: &Path, devices: &[Found], jobs: &[Job], rows: &[Vec<Row>]) -> Result<()> {
    let mut files = vec![];
    for (device, rows) in devices.iter().zip(rows) {
        // The CPU has no kernel in WGSL.
        let Some(caps) = &device.caps else { continue };
        for row in rows {
            let Some(worst) = &row.worst else { continue };
            let about = [report::about(device), row.problems.clone()].concat();
            for (name, text) in reproduce(&jobs[worst.job], worst, caps, &about)? {
                files.push((format!("{}.{name}", device.stem()), text.into_bytes()));
            }
        }
    }
    if files.is_empty() {
        output::say("no case of a kernel failed: nothing is written");
        return Ok(());
    }
    output::say(&format!("files written to {}: {}", folder.display(), files.len()));
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    Ok(output::save(folder, &files)?)
}
