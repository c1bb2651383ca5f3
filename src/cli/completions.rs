//! `wgrad completions`: what a shell needs to complete the commands.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use serde_json::json;

use crate::cli::{Cli, output};

/// Prints the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad completions bash > ~/.local/share/bash-completion/completions/wgrad")]
pub(super) struct Arguments {
    /// bash, elvish, fish, powershell or zsh.
    shell: Shell,
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut text = vec![];
    generate(arguments.shell, &mut Cli::command(), "wgrad", &mut text);
    let script = String::from_utf8_lossy(&text);
    match arguments.json {
        true => output::json(&json!({ "shell": arguments.shell.to_string(), "script": script })),
        false => output::result(script.trim_end()),
    }
}
