//! `wgrad bench`: the workloads on this machine's devices.

use std::process::Command;

use anyhow::Result;
use regex_lite::Regex;

use crate::bench::{Bench, FIRST_STEP, Measured, Outcome, Start, WORKLOADS, Workload, first_step};
use crate::cli::found::{Found, find, open};
use crate::cli::{Refused, output, refused};
use crate::device::{Device, Peaks};

/// Times workloads on devices, beside what each device can do at most.
///
/// Each workload is run in blocks of about half a second after a warm-up; the median counts. What a device can do at most
/// is measured just before. Nothing else should run on the machine meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad bench --device all --filter '^mlp_small'")]
pub(super) struct Arguments {
    /// Runs only the workloads whose names match this regular expression.
    #[arg(long, value_name = "REGEX")]
    filter: Option<String>,
    /// cpu, auto, gpu (the real ones), all, or a part of an adapter's name; several by commas. Without: the CPU, and what
    /// auto takes.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    device: Vec<String>,
    /// A JSON object a line: a workload on a device.
    #[arg(long)]
    json: bool,
    /// What a child of this command is told: its device, on which it trains one step.
    #[arg(long, hide = true, value_name = "DEVICE")]
    first_step: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(device) = &arguments.first_step {
        return output::line(&format!("{FIRST_STEP}{}", first_step(&open(device)?)?));
    }
    let workloads = chosen(arguments.filter.as_deref())?;
    for Place { id, reason } in places(&arguments.device)? {
        let device = open(&id)?;
        let peaks = device.peaks()?;
        if !arguments.json {
            output::line(&head(&device, &reason, &peaks, &workloads))?;
        }
        let bench = Bench { device: &device, peaks, first_step: &Child { device: id } };
        for workload in &workloads {
            match workload.run(&bench)? {
                Outcome::Measured(measured) if arguments.json => output::json(&measured)?,
                Outcome::Measured(measured) => output::line(&row(&measured, width(&workloads)))?,
                Outcome::LeftOut(why) => {
                    output::say(&format!("{} on {} is left out: {why}", workload.name(), device.name()));
                }
            }
        }
    }
    Ok(())
}

/// The workloads that are asked for.
fn chosen(pattern: Option<&str>) -> Result<Vec<Workload>> {
    let pattern = pattern.unwrap_or_default();
    let refuse = |got: String| {
        Refused(format!("--filter: expected a regular expression that matches a workload's name, got `{pattern}`{got}"))
    };
    let regex = Regex::new(pattern).map_err(|error| refuse(format!(": {error}")))?;
    let chosen: Vec<Workload> = WORKLOADS.iter().copied().filter(|w| regex.is_match(w.name())).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = WORKLOADS.iter().map(Workload::name).collect();
        return Err(refuse(format!(", which matches none of {}", names.join(", "))).into());
    }
    Ok(chosen)
}

/// A device, and why it was taken.
struct Place {
    id: String,
    reason: String,
}

/// The devices that are asked for, each once.
fn places(wanted: &[String]) -> Result<Vec<Place>> {
    let by_default = ["cpu".to_string(), "auto".to_string()];
    let mut places: Vec<Place> = vec![];
    for name in if wanted.is_empty() { &by_default } else { wanted } {
        for place in of_name(name)? {
            if places.iter().all(|other| other.id != place.id) {
                places.push(place);
            }
        }
    }
    Ok(places)
}

/// The devices of a name. What `auto` takes is the first of its name.
fn of_name(name: &str) -> Result<Vec<Place>> {
    let (wanted, reason, most) = match name.trim().to_lowercase().as_str() {
        "auto" => {
            let device = Device::auto()?;
            (device.name().to_string(), device.reason().to_string(), 1)
        }
        _ => (name.to_string(), "asked for".to_string(), usize::MAX),
    };
    let (found, broken) = find(&wanted).map_err(refused)?;
    if let Some(why) = broken {
        anyhow::bail!("the adapters cannot be listed: the process that does it {why}");
    }
    let places = found.into_iter().take(most);
    Ok(places.map(|Found { id, .. }| Place { id, reason: reason.clone() }).collect())
}

/// A fresh process of this program that trains one step.
#[derive(Debug)]
struct Child {
    device: String,
}

impl Start for Child {
    fn command(&self) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "--first-step", &self.device]);
        Ok(command)
    }
}

/// The longest name.
fn width(workloads: &[Workload]) -> usize {
    workloads.iter().map(|workload| workload.name().len()).max().unwrap_or(0)
}

/// The lines above a device's rows.
fn head(device: &Device, reason: &str, peaks: &Peaks, workloads: &[Workload]) -> String {
    let (name, kind, backend) = (device.name(), device.kind(), device.backend());
    let rate = |value: f64| figure(value / 1e9);
    let mut limit = format!(
        "{} GFLOP/s, {} GB/s copied, {} GB/s in the cache",
        rate(peaks.flops_per_second),
        rate(peaks.bytes_per_second),
        rate(peaks.cached_bytes_per_second)
    );
    if peaks.launch_seconds > 0.0 {
        limit += &format!(", {} us a launch", figure(1e6 * peaks.launch_seconds));
    }
    let wide = width(workloads);
    format!(
        "{name} ({kind}, {backend}): {reason}\n  at most {limit}\n  {:wide$}  {:>9}  {:>9}  {:>9}  {:13} {:>9}  {:>8}",
        "workload", "median", "best", "worst", "unit", "limit", "of limit"
    )
}

fn row(measured: &Measured, wide: usize) -> String {
    let Measured { bench, value, best, worst, unit, limit, fraction, .. } = measured;
    let limit = limit.map_or("-".into(), figure);
    let fraction = fraction.map_or("-".into(), |fraction| format!("{:.1} %", 100.0 * fraction));
    let [value, best, worst] = [*value, *best, *worst].map(figure);
    format!("  {bench:wide$}  {value:>9}  {best:>9}  {worst:>9}  {unit:13} {limit:>9}  {fraction:>8}")
}

/// A number in three digits or all those before its point.
fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 || v == 0.0 => format!("{value:.2}"),
        v if v >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Statistics;

    #[test]
    fn rows_stand_below_their_head() {
        let peaks = Peaks {
            flops_per_second: 190e9,
            bytes_per_second: 12e9,
            cached_bytes_per_second: 90e9,
            cache_bytes: 1 << 20,
            launch_seconds: 5.5e-5,
        };
        let head = head(&Device::cpu(), "asked for", &peaks, WORKLOADS);
        let of = Statistics { median: 1234.5, best: 1300.0, worst: 0.5, n: 7 };
        let row =
            row(&Measured::new("matmul_256", &Device::cpu(), "GFLOP/s", of).limit(2000.0, true), width(WORKLOADS));
        let want = "\
cpu (cpu, native): asked for
  at most 190 GFLOP/s, 12.0 GB/s copied, 90.0 GB/s in the cache, 55.0 us a launch
  workload                  median       best      worst  unit              limit  of limit
  matmul_256                  1234       1300      0.500  GFLOP/s            2000    61.7 %";
        assert_eq!(format!("{head}\n{row}"), want);
    }
}
