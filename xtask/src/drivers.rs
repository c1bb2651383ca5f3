//! Software Vulkan drivers for machines without a GPU: Mesa's llvmpipe, and SwiftShader for a second opinion; and the
//! validator of SPIR-V.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::target;

const PACKAGES: [&str; 3] = ["libvulkan1", "mesa-vulkan-drivers", "spirv-tools"];
/// The package of Debian that has SwiftShader in it.
const CHROMIUM: &str = "chromium-common";

/// Installs what is not there yet. SwiftShader is optional: without it a sentence says so.
pub fn install() -> Result<()> {
    if Command::new("apt-get").arg("--version").stdout(Stdio::null()).status().is_err() {
        bail!(
            "--install-drivers needs apt-get (Debian, Ubuntu); install your system's packages of the Vulkan loader and of \
             Mesa's Vulkan drivers, then run `cargo xtask test`"
        );
    }
    let complete = PACKAGES.iter().all(|package| installed(package));
    if complete && swiftshader()?.is_some() {
        return Ok(());
    }
    let fresh = run(as_root("apt-get").args(["update", "--quiet=2"]));
    if !complete {
        fresh.context("the package lists are needed to install Mesa's Vulkan driver and spirv-tools")?;
        run(as_root("apt-get").args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(PACKAGES))
            .context("Mesa's Vulkan driver and spirv-tools cannot be installed")?;
    }
    if swiftshader()?.is_none()
        && let Err(error) = fetch_swiftshader()
    {
        println!("SwiftShader is not there, the tests run without it: {error:#}");
    }
    Ok(())
}

/// SwiftShader's driver file for the Vulkan loader, where it is unpacked.
pub fn swiftshader() -> Result<Option<PathBuf>> {
    let icd = folder()?.join("vk_swiftshader_icd.json");
    Ok(icd.exists().then_some(icd))
}

fn folder() -> Result<PathBuf> {
    Ok(target()?.join("swiftshader"))
}

fn fetch_swiftshader() -> Result<()> {
    let folder = folder()?;
    let unpacked = folder.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    run(Command::new("apt-get").args(["download", "--quiet=2", CHROMIUM]).current_dir(&folder))?;
    let package = fs::read_dir(&folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("deb")))
        .context("apt-get left no package")?;
    run(Command::new("dpkg").arg("-x").arg(&package).arg(&unpacked))?;
    // The library goes first: the driver file is what says that all is there.
    for file in ["libvk_swiftshader.so", "vk_swiftshader_icd.json"] {
        let from = unpacked.join("usr/lib/chromium").join(file);
        fs::rename(&from, folder.join(file)).with_context(|| format!("{CHROMIUM} has no {file}"))?;
    }
    fs::remove_file(package)?;
    fs::remove_dir_all(unpacked)?;
    beside(&folder)
}

/// The loader takes `library_path` from the driver file's folder if it starts with a dot.
fn beside(folder: &Path) -> Result<()> {
    let icd = folder.join("vk_swiftshader_icd.json");
    let text = fs::read_to_string(&icd)?;
    let path = serde_json::from_str::<serde_json::Value>(&text)?["ICD"]["library_path"].clone();
    if path != "./libvk_swiftshader.so" {
        fs::remove_file(&icd)?;
        bail!("its driver file points at {path}");
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    let asked = Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]).output();
    asked.is_ok_and(|output| output.stdout == b"installed")
}

fn as_root(program: &str) -> Command {
    let id = Command::new("id").arg("-u").output();
    let mut command = if id.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--preserve-env=DEBIAN_FRONTEND", program]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn run(command: &mut Command) -> Result<()> {
    let said = format!("{command:?}");
    let status = command.stdin(Stdio::inherit()).status().with_context(|| format!("{said} does not start"))?;
    if !status.success() {
        bail!("{said} failed ({status})");
    }
    Ok(())
}
