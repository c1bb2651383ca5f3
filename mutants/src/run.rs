//! Starts the processes in which edits run, and watches them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::child::{CAUGHT, SURVIVED};
use crate::rules::Edit;

/// A case that takes longer hangs, where it does not without the edit; the largest takes a few seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// What became of an edit.
pub enum Verdict {
    /// What noticed it.
    Caught(String),
    /// What did not.
    Survived(String),
    /// The number of the case that does not end.
    Hangs(String),
}

/// Runs an edit on one adapter after the other, up to the first that notices it.
pub fn verdict(edit: &Edit, adapters: &[String]) -> Result<Verdict> {
    let mut survived = vec![];
    for (place, name) in adapters.iter().enumerate() {
        let range = [edit.range.start, edit.range.end].map(|at| at.to_string());
        let [begin, end] = &range;
        let place = place.to_string();
        match watch(&["run", &place, &edit.file, begin, end, &edit.new])? {
            Verdict::Caught(by) => return Ok(Verdict::Caught(format!("{by} ({name})"))),
            Verdict::Survived(cases) => survived.push(format!("{cases} on {name}")),
            Verdict::Hangs(case) => match watch(&["time", &place, &edit.file, &case])? {
                Verdict::Hangs(_) => bail!("case {case} of {} takes longer than {LIMIT:?} on {name}", edit.file),
                _ => return Ok(Verdict::Caught(format!("case {case} took longer than {LIMIT:?} ({name})"))),
            },
        }
    }
    Ok(Verdict::Survived(survived.join(", ")))
}

/// This program again, with arguments: what it says of an edit. That it dies or hangs says that the edit was noticed.
fn watch(arguments: &[&str]) -> Result<Verdict> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a process")?;
    let out = child.stdout.take().context("a process has no output")?;
    let (send, lines) = channel();
    let reader = std::thread::spawn(move || {
        BufReader::new(out).lines().map_while(|line| line.ok()).all(|line| send.send(line).is_ok())
    });
    let mut last = String::new();
    let hangs = loop {
        match lines.recv_timeout(LIMIT) {
            Ok(line) => last = line,
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => break true,
        }
    };
    if hangs {
        child.kill()?;
    }
    let status = child.wait()?;
    drop(lines);
    // It ends with the output that it reads.
    let _ = reader.join();
    if let Some(by) = last.strip_prefix(CAUGHT) {
        return Ok(Verdict::Caught(by.into()));
    }
    if let (Some(cases), true) = (last.strip_prefix(SURVIVED), status.success()) {
        return Ok(Verdict::Survived(cases.into()));
    }
    match status.code() {
        Some(1) => bail!("a process for an edit failed by itself: run `mutants {}`", arguments.join(" ")),
        _ if hangs => Ok(Verdict::Hangs(last)),
        _ => Ok(Verdict::Caught(format!("the process died ({status}) at case {last}"))),
    }
}
