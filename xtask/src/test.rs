//! `cargo xtask test`: every test, then the devices that were tested.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{drivers, root, target};

/// Environment variables for everything that opens a device.
pub type Environment = Vec<(&'static str, PathBuf)>;

pub fn run(install_drivers: bool) -> Result<()> {
    if install_drivers {
        drivers::install()?;
    }
    let environment = environment()?;
    let tests = ["test", "--workspace", "--all-features"];
    // Built first: `cargo run` would build all dependencies once more, without what tests alone want of them.
    let built = cargo(&tests, &environment)?.arg("--no-run").status().context("cargo does not start")?;
    if !built.success() {
        bail!("the tests do not compile ({built}); the first error stands above");
    }
    let before = devices(&environment)?;
    let missing = before.iter().all(|device| device["kind"] == "cpu");
    if missing && std::env::var("WGRAD_REQUIRE_GPU").is_ok_and(|v| !v.is_empty() && v != "0") {
        bail!("WGRAD_REQUIRE_GPU is set and there is no GPU adapter; {HOW}");
    }
    let [noted, goldens] = ["parity", "goldens"].map(|name| target().map(|target| target.join("tmp").join(name)));
    let (noted, goldens) = (noted?, goldens?);
    for folder in [&noted, &goldens].into_iter().filter(|folder| folder.exists()) {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let status = cargo(&tests, &environment)?.status().context("cargo does not start")?;
    if !status.success() {
        bail!("tests failed ({status}); the first failure stands above");
    }
    if missing {
        println!("\nNo GPU adapter was found, so the tests of the GPU kernels were not run; {HOW}.");
    }
    println!("\nTested on:");
    for (place, device) in before.iter().enumerate() {
        println!("  {}: {}", sentence(device), parity(&noted, place, device)?);
    }
    println!("Golden values, the CPU in f64 and in f32 as two devices:");
    golden_groups(&goldens)?.iter().for_each(|group| println!("  {group}"));
    Ok(())
}

const HOW: &str = "install the GPU's Vulkan driver, or a software one with `cargo xtask test --install-drivers`";

/// The folder that the Vulkan loader wants, and SwiftShader where it is installed.
pub fn environment() -> Result<Environment> {
    let mut environment = Environment::new();
    // The Vulkan loader warns without this folder.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        let folder = target()?.join("xdg");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        environment.push(("XDG_RUNTIME_DIR", folder));
    }
    if std::env::var_os("VK_ADD_DRIVER_FILES").is_none()
        && let Some(icd) = drivers::swiftshader()?
    {
        environment.push(("VK_ADD_DRIVER_FILES", icd));
    }
    Ok(environment)
}

/// Cargo with arguments, in the repository's root.
pub fn cargo(arguments: &[&str], environment: &Environment) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()?).envs(environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// What `wgrad devices --json` prints: a JSON object a line. The program is the one that its own tests start.
fn devices(environment: &Environment) -> Result<Vec<Value>> {
    let asked = "wgrad devices --json";
    let program = target()?.join("debug").join("wgrad").with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(program)
        .args(["devices", "--json"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("`{asked}` does not start"))?;
    if !output.status.success() {
        bail!("`{asked}` failed ({}); its message stands above", output.status);
    }
    let lines = String::from_utf8(output.stdout).with_context(|| format!("`{asked}` printed no UTF-8"))?;
    let devices: Vec<Value> = lines
        .lines()
        .map(|line| {
            serde_json::from_str(line).with_context(|| format!("`{asked}` printed a line that is no JSON: {line}"))
        })
        .collect::<Result<_>>()?;
    if devices.is_empty() {
        bail!("`{asked}` lists no device, not even the CPU");
    }
    Ok(devices)
}

/// What the parity suite has noted of a device.
fn parity(folder: &Path, place: usize, device: &Value) -> Result<String> {
    let name = if device["kind"] == "cpu" { "cpu".to_string() } else { place.to_string() };
    let path = folder.join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("the parity suite left no {}: it was not run there", path.display()))?;
    let noted: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    Ok(format!("{} cases of {} ops", noted["cases"], noted["ops"]))
}

/// What the golden values have noted of each group: the fewest cases that passed anywhere, and what was left out.
fn golden_groups(folder: &Path) -> Result<Vec<String>> {
    let mut groups = BTreeMap::<String, Vec<Value>>::new();
    let place = || format!("cannot read {}: the golden values were not run", folder.display());
    for entry in std::fs::read_dir(folder).with_context(place)? {
        let path = entry.with_context(place)?.path();
        let text = std::fs::read_to_string(&path).with_context(place)?;
        let noted: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
        groups.entry(noted["group"].to_string().replace('"', "")).or_default().push(noted);
    }
    let sentence = |(group, noted): (String, Vec<Value>)| {
        let passed = noted.iter().filter_map(|one| one["passed"].as_u64()).min().unwrap_or_default();
        let missing = noted.iter().flat_map(|one| one["missing"].as_array().into_iter().flatten());
        let missing: BTreeSet<&str> = missing.filter_map(Value::as_str).collect();
        let missing = missing.into_iter().map(|one| one.split(' ').next().unwrap_or(one)).collect::<Vec<_>>();
        let left_out =
            if missing.is_empty() { String::new() } else { format!("; not covered yet: {}", missing.join(", ")) };
        format!("{group}: {passed} cases passed on each of {} devices{left_out}", noted.len())
    };
    Ok(groups.into_iter().map(sentence).collect())
}

fn sentence(device: &Value) -> String {
    let field = |name| device[name].as_str().filter(|text| !text.is_empty());
    let about: Vec<&str> = ["kind", "backend", "driver"].into_iter().filter_map(field).collect();
    format!("{} ({})", field("name").unwrap_or("a device without a name"), about.join(", "))
}
