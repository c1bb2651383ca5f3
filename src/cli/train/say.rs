//! What a training says: lines for people, events as JSON for programs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use crate::cli::output::{json, line, result as result_line};
use crate::cli::train::prepared::Prepared;
use crate::cli::train::{Arguments, Trained};
use crate::data::Split;
use crate::device::Device;
use crate::model::Model;
use crate::program::{Explained, Program};
use crate::tabular::Scores;
use crate::train::Logs;

#[derive(Serialize)]
struct DeviceEvent<'a> {
    event: &'static str,
    name: &'a str,
    kind: &'a str,
    backend: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct DataEvent<'a> {
    event: &'static str,
    name: String,
    sha256: &'a str,
    rows: usize,
    features: usize,
    task: &'static str,
    why: &'a str,
    train: usize,
    validation: usize,
    test: usize,
    /// Rows that were left out for an empty cell.
    dropped: usize,
    /// Rows that are trained on for a text that no other training row has.
    moved: usize,
}

#[derive(Serialize)]
struct EpochEvent<'a> {
    event: &'static str,
    epoch: usize,
    #[serde(flatten)]
    logs: &'a Logs,
}

#[derive(Serialize)]
struct ResultEvent {
    event: &'static str,
    /// `test_loss`, and `test_accuracy` or `test_mae`, `test_rmse` and `test_r2`, where there are test rows.
    #[serde(flatten)]
    test: BTreeMap<String, f64>,
    epochs: usize,
    seconds: f64,
    steps_per_second: Option<f64>,
    dispatches_per_step: Option<u64>,
    weights_sha256: String,
    device: Place,
}

#[derive(Serialize)]
struct LaunchEvent<'a> {
    event: &'static str,
    #[serde(flatten)]
    launch: &'a Explained,
}

#[derive(Serialize)]
struct ProgramEvent {
    event: &'static str,
    launches: usize,
    flops: u64,
    bytes: u64,
    memory_bytes: u64,
}

#[derive(Serialize)]
struct Place {
    name: String,
    kind: &'static str,
    backend: String,
}

pub(super) fn device(arguments: &Arguments, device: &Device) -> Result<()> {
    let (name, kind, backend, reason) = (device.name(), device.kind(), device.backend(), device.reason());
    match arguments.json {
        true => json(&DeviceEvent { event: "device", name, kind, backend, reason }),
        false => line(&format!("device: {name} ({kind}, {backend}): {reason}")),
    }
}

pub(super) fn data(arguments: &Arguments, prepared: &Prepared) -> Result<()> {
    let Prepared { table, dropped, moved, name, task, why, split: Split { train, validation, test }, preprocessing } =
        prepared;
    let (dropped, moved) = (*dropped, *moved);
    let (rows, features, task) = (table.rows(), preprocessing.width(), task.name());
    let (train, validation, test) = (train.len(), validation.len(), test.len());
    if arguments.json {
        let (event, name, sha256) = ("data", name.clone(), table.sha256());
        return json(&DataEvent {
            event,
            name,
            sha256,
            rows,
            features,
            task,
            why,
            train,
            validation,
            test,
            dropped,
            moved,
        });
    }
    let left = if dropped > 0 { format!(", {dropped} left out for an empty cell") } else { String::new() };
    line(&format!(
        "data: {name}: {rows} rows ({train} to train on, {validation} to validate, {test} to test{left}), {features} features"
    ))?;
    if moved > 0 {
        line(&format!("  {moved} of them trained on for a text that no other training row has"))?;
    }
    line(&format!("task: {task}: {why}"))
}

pub(super) fn result(
    arguments: &Arguments,
    model: &Model,
    trained: Trained,
    tested: Option<(f64, Scores)>,
    (rows, files): (usize, &[&str]),
) -> Result<()> {
    let Trained { history, seconds, steps_per_second, dispatches_per_step } = trained;
    let mut test = BTreeMap::new();
    if let Some((loss, scores)) = &tested {
        test.insert("test_loss".to_string(), *loss);
        test.extend(scores.named().map(|(name, value)| (format!("test_{name}"), value)));
    }
    if arguments.json {
        let device = model.device();
        return json(&ResultEvent {
            event: "result",
            test,
            epochs: history.epochs().len(),
            seconds,
            steps_per_second,
            dispatches_per_step,
            weights_sha256: model.weights_sha256()?,
            device: Place { name: device.name().into(), kind: device.kind(), backend: device.backend().into() },
        });
    }
    let rate = steps_per_second.map(|rate| format!(", {rate:.0} steps/s")).unwrap_or_default();
    line(&format!("trained in {seconds:.2} s{rate}"))?;
    let paths: Vec<String> = files.iter().map(|name| arguments.out.join(name).display().to_string()).collect();
    line(&format!("saved {}", paths.join(", ")))?;
    match tested {
        Some((loss, scores)) => {
            line(&format!("test {scores}, test loss {loss:.4} on {rows} rows that training never saw"))
        }
        None => line("test: not measured, there are no test rows"),
    }
}

/// The launches of a step.
pub(super) fn program(arguments: &Arguments, program: &Program) -> Result<()> {
    if !arguments.json {
        return result_line(&program.to_string());
    }
    let launches = program.explained();
    launches.iter().try_for_each(|launch| json(&LaunchEvent { event: "launch", launch }))?;
    json(&ProgramEvent {
        event: "program",
        launches: launches.len(),
        flops: program.flops(),
        bytes: launches.iter().map(|launch| launch.bytes).sum(),
        memory_bytes: program.memory_bytes(),
    })
}

/// An epoch that has ended: for people it is the reporter's line.
pub(super) fn epoch(arguments: &Arguments, epoch: usize, logs: &Logs) -> Result<()> {
    if arguments.json { json(&EpochEvent { event: "epoch", epoch, logs }) } else { Ok(()) }
}
