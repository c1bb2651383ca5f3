//! The command line: a file for each command.

mod bench;
mod completions;
mod devices;
mod doctor;
mod evaluate;
mod found;
mod info;
mod output;
mod predict;
mod train;

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use crate::data::Table;
use crate::device::Device;
use crate::error::Error;
use crate::layers::Registry;
use crate::tabular::Predictor;

/// Trains neural networks on any GPU, and on the CPU with the same model.
#[derive(Debug, Parser)]
#[command(
    name = "wgrad",
    version,
    after_help = "Status 0: done; 2: bad arguments or input, nothing was written; 1: it failed."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Says nothing along the way: results that are asked for are printed, and what goes wrong.
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Arguments),
    Predict(predict::Arguments),
    Evaluate(evaluate::Arguments),
    Info(info::Arguments),
    Devices(devices::Arguments),
    Doctor(doctor::Arguments),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
}

/// A model, a table for it, and where it runs.
#[derive(Debug, clap::Args)]
struct Given {
    /// The model's file.
    model: PathBuf,
    /// A table as CSV with the columns that the model was trained on.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Columns that the model does not know and that are left out, separated by commas.
    #[arg(long, value_name = "COLUMNS", default_value = "", value_parser = columns, hide_default_value = true)]
    ignore: Columns,
    /// auto (a real GPU, else the CPU), cpu, gpu (a real one), or a part of an adapter's name.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    device: String,
}

/// Names of columns, as an option has them.
#[derive(Clone, Debug)]
struct Columns(Vec<String>);

/// A record of CSV: a name with a comma in it stands in quotes.
fn columns(text: &str) -> Result<Columns, String> {
    let names = crate::data::cells(text).map_err(|_| "expected names with commas between them, as a,\"b, c\"")?;
    Ok(Columns(names))
}

impl Command {
    fn run(&self) -> Result<()> {
        match self {
            Self::Train(arguments) => train::run(arguments),
            Self::Predict(arguments) => predict::run(arguments),
            Self::Evaluate(arguments) => evaluate::run(arguments),
            Self::Info(arguments) => info::run(arguments),
            Self::Devices(arguments) => devices::run(arguments),
            Self::Doctor(arguments) => doctor::run(arguments),
            Self::Bench(arguments) => bench::run(arguments),
            Self::Completions(arguments) => completions::run(arguments),
        }
    }
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
        Ok(Cli { command, quiet }) => {
            if quiet {
                output::quieten();
            }
            command.run()
        }
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
        let commands: Vec<String> = Cli::command().get_subcommands().map(|c| c.get_name().to_string()).collect();
        return Err(Refused(format!("expected a command: {}; see `wgrad --help`", commands.join(", "))).into());
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let said: Vec<&str> = lines.filter(|line| !line.is_empty() && !line.starts_with("For more")).collect();
    let said = said.join("; ").replace(":; ", ": ");
    Err(Refused(said.trim_start_matches("error: ").to_string()).into())
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

/// Of a table that has a row with an empty cell alone.
fn nothing_left(table: &Table) -> anyhow::Error {
    Refused(format!("{}: expected a row without an empty cell, got none", table.path().display())).into()
}

/// What is wrong with a file that is given, before anything is done; a device that fails stays what it is.
fn bad_input(error: Error) -> anyhow::Error {
    match error {
        Error::DeviceLost { .. } | Error::Device { .. } => error.into(),
        error => Refused(error.to_string()).into(),
    }
}

/// The predictor of a model's file on a device.
fn open_model(path: &Path, device: &str) -> Result<Predictor> {
    if path.join("model.safetensors").is_file() {
        let path = path.display();
        let reason = format!("{path}: expected a model's file, got a folder; it holds {path}/model.safetensors");
        return Err(Refused(reason).into());
    }
    let device = Device::named(device).map_err(refused)?;
    Predictor::load(path, &device, &Registry::default()).map_err(bad_input)
}
