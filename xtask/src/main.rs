//! The project's own commands: `cargo xtask test`, `cargo xtask mutants` and `cargo xtask lines`.

mod drivers;
mod lines;
mod mutants;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "usage: cargo xtask test [--install-drivers]   all tests, on every device that is found
       cargo xtask mutants [--seed N] [--count N]
                                              edits in the kernels that the tests must catch
       cargo xtask lines                      lines of Rust and WGSL by folder";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["test"] => test::run(false),
        ["test", "--install-drivers"] => test::run(true),
        ["mutants", ref options @ ..] => mutants::run(options),
        ["lines"] => lines::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The repository's root: cargo says where xtask is.
fn root() -> Result<PathBuf> {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR").context("run me as `cargo xtask`")?;
    Ok(PathBuf::from(xtask).parent().context("xtask has no folder above it")?.into())
}

/// Where cargo puts what it builds.
fn target() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => Ok(root()?.join("target")),
    }
}
