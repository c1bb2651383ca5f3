//! The command line: `wgrad train`, `wgrad devices`, `wgrad doctor` and `wgrad bench`.

mod bench;
mod devices;
mod doctor;
mod found;
mod output;
mod train;

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::error::Error;

/// Trains neural networks on any GPU, and on the CPU with the same model.
#[derive(Debug, Parser)]
#[command(name = "wgrad", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Arguments),
    Devices(devices::Arguments),
    Doctor(doctor::Arguments),
    Bench(bench::Arguments),
}

/// Runs what the program's arguments ask for. Status 0 where it is done, 2 where the arguments make no sense, else 1.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// The same for other arguments, of which the first is the program's name.
///
/// What a command starts as a process of its own is this program, with arguments whose second is the command's name.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let done = match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Command::Train(arguments) }) => train::run(&arguments),
        Ok(Cli { command: Command::Devices(arguments) }) => devices::run(&arguments),
        Ok(Cli { command: Command::Doctor(arguments) }) => doctor::run(&arguments),
        Ok(Cli { command: Command::Bench(arguments) }) => bench::run(&arguments),
        Err(error) => unparsed(&error),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    // Whoever read the output has closed it, and wants no more of it.
    if !output::is_closed_pipe(&error) {
        // Nobody may be left to read it.
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
    }
    if error.is::<Refused>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// Help and version are what was asked for; everything else becomes one line.
fn unparsed(error: &clap::Error) -> Result<()> {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return output::line(error.to_string().trim_end());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Refused("expected a command: train, devices, doctor or bench; see `wgrad --help`".into()).into());
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let said: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    Err(Refused(said.join("; ").trim_start_matches("error: ").to_string()).into())
}

/// Arguments that make no sense, in a sentence.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// What the library finds wrong with the arguments, in the words of the command line; other errors stay what they are.
fn refused(error: Error) -> anyhow::Error {
    if !is_refusal(&error) {
        return error.into();
    }
    let Error::Argument { name, expected, got } = error else { return Refused(error.to_string()).into() };
    let options: Vec<String> = name.split(" and ").map(|word| format!("--{}", word.replace('_', "-"))).collect();
    Refused(format!("{}: expected {expected}, got {got}", options.join(" and "))).into()
}

fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Layer { source, .. } => is_refusal(source),
        Error::Argument { .. } | Error::Shape { .. } | Error::NoAdapter { .. } => true,
        // Nothing has been trained yet: these layers do not fit this device.
        Error::Limit { .. } | Error::OutOfMemory { .. } => true,
        _ => false,
    }
}
