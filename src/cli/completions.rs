//! `wgrad completions`: what a shell needs to complete the commands.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::Cli;

/// Prints the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad completions bash > ~/.local/share/bash-completion/completions/wgrad")]
pub(super) struct Arguments {
    /// bash, elvish, fish, powershell or zsh.
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut text = vec![];
    generate(arguments.shell, &mut Cli::command(), "wgrad", &mut text);
    crate::cli::output::line(String::from_utf8_lossy(&text).trim_end())
}
