//! The devices of this machine, asked for in a process of its own: to list them is enough to crash some drivers.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cli::doctor::ended;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::graph::Caps;
use crate::runtime::{Gpu, adapters};

/// A device of this machine.
#[derive(Clone, Debug)]
pub struct Found {
    /// What a child is told: `cpu`, or an adapter's place among all and its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `cpu`, `software` or `gpu`.
    pub kind: String,
    /// The interface that reaches it.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// What kernels are chosen by; `None` for the CPU.
    pub caps: Option<Caps>,
}

impl Found {
    /// From the line of `wgrad devices --json` at a place.
    pub fn from_json(place: usize, device: &Value) -> Self {
        let text = |key: &str| device[key].as_str().unwrap_or_default().to_string();
        let limit = |key: &str| device["limits"][key].as_u64();
        let caps = limit("max_binding_bytes").zip(limit("workgroups_per_dimension")).map(|(bytes, groups)| Caps {
            max_binding_bytes: bytes,
            workgroups_per_dimension: u32::try_from(groups).unwrap_or(u32::MAX),
        });
        let (name, kind) = (text("name"), text("kind"));
        let id = if kind == "cpu" { name.clone() } else { format!("{place}:{name}") };
        Self { id, name, kind, backend: text("backend"), driver: text("driver"), caps }
    }

    /// Its name as a part of a file's.
    pub fn stem(&self) -> String {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_lowercase()
    }

    fn fits(&self, wanted: &str) -> bool {
        match wanted.trim().to_lowercase().as_str() {
            "all" => true,
            "" => false,
            "gpu" => self.kind == "gpu",
            "cpu" => self.kind == "cpu",
            part => self.kind != "cpu" && self.name.to_lowercase().contains(part),
        }
    }
}

/// Opens the device of an [`id`](Found::id): the list of adapters must still be the one that it was made from.
pub fn open(id: &str) -> Result<Device> {
    let Some((place, name)) = id.split_once(':') else { return Ok(Device::cpu()) };
    let found = adapters()?;
    let adapter = place.parse().ok().and_then(|place: usize| found.get(place));
    let missing = || {
        let tried = found.iter().map(|adapter| adapter.info().to_string()).collect();
        Error::NoAdapter { wanted: id.into(), tried }
    };
    let adapter = adapter.filter(|adapter| adapter.info().name == name).ok_or_else(missing)?;
    Ok(Device::gpu(Gpu::open(adapter)?))
}

/// The devices that are asked for, and why there may be more, where the list of adapters cannot be had.
pub fn find(wanted: &str) -> Result<(Vec<Found>, Option<String>)> {
    let (list, broken) = list();
    let tried: Vec<String> = list.iter().filter(|device| device.kind != "cpu").map(text).collect();
    let fitting: Vec<Found> = list.into_iter().filter(|device| device.fits(wanted)).collect();
    if fitting.is_empty() && broken.is_none() {
        return Err(Error::NoAdapter { wanted: wanted.into(), tried });
    }
    Ok((fitting, broken))
}

fn text(device: &Found) -> String {
    format!("{} ({}, {})", device.name, device.kind, device.backend)
}

/// What `wgrad devices --json` prints; the CPU alone where it fails, and how it failed.
fn list() -> (Vec<Found>, Option<String>) {
    let this = std::env::current_exe();
    let output = this.and_then(|this| {
        Command::new(this).args(["devices", "--json"]).stdin(Stdio::null()).stderr(Stdio::piped()).output()
    });
    let (stdout, broken) = match output {
        Ok(output) if output.status.success() => (output.stdout, None),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            (output.stdout, Some(ended(&output.status, &said)))
        }
        Err(error) => (vec![], Some(error.to_string())),
    };
    let lines = String::from_utf8_lossy(&stdout);
    let values: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut found: Vec<Found> =
        values.iter().enumerate().map(|(place, value)| Found::from_json(place, value)).collect();
    if !found.iter().any(|device| device.kind == "cpu") {
        found.push(Found::from_json(0, &crate::cli::devices::of_cpu()));
    }
    (found, broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, kind: &str) -> Found {
        let value = serde_json::json!({ "name": name, "kind": kind, "backend": "vulkan", "limits": {} });
        Found::from_json(3, &value)
    }

    #[test]
    fn devices_are_named_as_a_user_names_them() {
        let (gpu, software, cpu) = (found("Radeon", "gpu"), found("CPU renderer", "software"), found("cpu", "cpu"));
        let fit = |wanted: &str| [&gpu, &software, &cpu].map(|device| device.fits(wanted));
        assert_eq!(fit("all"), [true, true, true]);
        assert_eq!(fit("GPU"), [true, false, false]);
        assert_eq!(fit("cpu"), [false, false, true]);
        assert_eq!(fit("renderer"), [false, true, false]);
        assert_eq!(fit(" "), [false, false, false]);
        assert_eq!((gpu.id.as_str(), cpu.id.as_str()), ("3:Radeon", "cpu"));
        assert_eq!(found("llvmpipe (LLVM 15.0.6, 256 bits)", "software").stem(), "llvmpipe-llvm-15-0-6-256-bits");
    }
}
