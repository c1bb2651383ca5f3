//! A device's run, in a process of its own, and what it says: a JSON object a line on standard output.

use std::process::{Command, Stdio};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::check::{Finding, Job, run as check};
use crate::cli::found::open;
use crate::cli::output;
use crate::device::Device;

/// What a child says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Message {
    /// It begins with a case in a variant.
    At {
        /// The case's place among the jobs.
        job: usize,
        /// The variant.
        variant: String,
    },
    /// What a case showed.
    Found {
        /// The case's place among the jobs.
        job: usize,
        /// What it showed.
        finding: Box<Finding>,
    },
    /// It cannot go on, and why.
    Failed(String),
    /// It has done all.
    Done,
}

/// How a child is started for a device, from a job on.
pub fn command(device: &str, pattern: Option<&str>, from: usize) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["doctor", "--child", device, "--from", &from.to_string()]);
    if let Some(pattern) = pattern {
        command.arg(format!("--op={pattern}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Runs the jobs from `from` on.
pub fn run(device: &str, jobs: &[Job], from: usize) -> Result<()> {
    let done = open(device).map_err(anyhow::Error::from).and_then(|device| run_on(&device, jobs, from));
    let last = match &done {
        Ok(()) => Message::Done,
        Err(error) => Message::Failed(format!("{error:#}")),
    };
    output::json(&last)?;
    done
}

fn run_on(device: &Device, jobs: &[Job], from: usize) -> Result<()> {
    for (place, job) in jobs.iter().enumerate().skip(from) {
        let mut told = Ok(());
        let mut tell = |variant: &str| {
            let at = output::json(&Message::At { job: place, variant: variant.into() });
            if told.is_ok() {
                told = at;
            }
        };
        let findings = check(device, job, &mut tell)?;
        told?;
        for finding in findings {
            output::json(&Message::Found { job: place, finding: Box::new(finding) })?;
        }
    }
    Ok(())
}
