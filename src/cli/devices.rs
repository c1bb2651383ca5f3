//! `wgrad devices`: what this machine can train on.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::cli::output;
use crate::device::Device;
use crate::runtime::{AdapterInfo, adapters};

/// Lists every adapter and the CPU, with the limits and features that matter.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad devices --json")]
pub(super) struct Arguments {
    /// A JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let found = adapters();
    let infos = found.iter().flatten().map(|adapter| adapter.info());
    for device in infos.map(of_adapter).chain([of_cpu()]) {
        match arguments.json {
            true => output::json(&device)?,
            false => output::result(&text(&device))?,
        }
    }
    found.map(|_| ()).context("the GPU adapters cannot be listed")
}

fn of_adapter(info: &AdapterInfo) -> Value {
    let limits = &info.limits;
    json!({
        "name": info.name,
        "kind": info.kind.class(),
        "backend": info.backend,
        "driver": info.driver,
        "limits": {
            "max_buffer_bytes": limits.max_buffer_bytes,
            "max_binding_bytes": limits.max_binding_bytes,
            "storage_buffers_per_stage": limits.storage_buffers_per_stage,
            "workgroups_per_dimension": limits.workgroups_per_dimension,
            "workgroup_memory_bytes": limits.workgroup_memory_bytes,
            "invocations_per_workgroup": limits.invocations_per_workgroup,
            "subgroup_min": limits.subgroup_min,
            "subgroup_max": limits.subgroup_max,
        },
        "features": info.features,
    })
}

/// Its limits are those of the machine's memory.
pub(super) fn of_cpu() -> Value {
    let cpu = Device::cpu();
    json!({
        "name": cpu.name(),
        "kind": cpu.kind(),
        "backend": cpu.backend(),
        "driver": "",
        "limits": {},
        "features": [],
    })
}

fn text(device: &Value) -> String {
    let field = |name: &str| device[name].as_str().unwrap_or_default();
    let about = [field("kind"), field("backend"), field("driver")];
    let about: Vec<&str> = about.into_iter().filter(|text| !text.is_empty()).collect();
    let mut lines = vec![format!("{} ({})", field("name"), about.join(", "))];
    let limits = device["limits"].as_object().map(limits).unwrap_or_default();
    let features: Vec<&str> = device["features"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, values) in [("limits", limits), ("features", features.join(", "))] {
        if !values.is_empty() {
            lines.push(format!("  {name}: {values}"));
        }
    }
    lines.join("\n")
}

fn limits(limits: &Map<String, Value>) -> String {
    limits.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}
