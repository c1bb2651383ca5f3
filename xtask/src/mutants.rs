//! `cargo xtask mutants`: edits in the kernels that the tests must catch.

use anyhow::{Context, Result, bail};

use crate::test::{cargo, environment};

/// Builds and starts the program `mutants` on the software drivers that are there.
pub fn run(options: &[&str]) -> Result<()> {
    let arguments = ["run", "--quiet", "--package", "mutants", "--"];
    let status = cargo(&[&arguments, options].concat(), &environment()?)?.status().context("cargo does not start")?;
    if !status.success() {
        bail!("the program `mutants` failed ({status}); what it says stands above");
    }
    Ok(())
}
