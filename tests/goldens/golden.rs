//! Golden values as files, how they are compared, and what a run over them found.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value as Json;
use wgrad::device::{Executable, Row, Upload};
use wgrad::graph::{Buffer, Graph, StepTable, Value};
use wgrad::{Device, Tensor};

use crate::common::place;

/// The folder that somebody else's golden values are in.
fn others() -> Option<OsString> {
    std::env::var_os("WGRAD_GOLDENS")
}

/// The folder of the golden values: that of the environment variable `WGRAD_GOLDENS`, else the project's own.
fn folder() -> PathBuf {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens"));
    others().map_or_else(own, PathBuf::from)
}

/// A group of cases: a file of configs and one of tensors.
pub struct Group {
    cases: Vec<Json>,
    tensors: Vec<u8>,
}

impl Group {
    pub fn new(name: &str) -> Self {
        let path = |ending: &str| folder().join(format!("{name}.{ending}"));
        let read = |ending: &str| fs::read(path(ending)).unwrap_or_else(|e| panic!("{}: {e}", path(ending).display()));
        let json: Json = serde_json::from_slice(&read("json")).unwrap();
        let cases = json["cases"].as_array().unwrap().clone();
        assert!(!cases.is_empty(), "{name}");
        Self { cases, tensors: read("safetensors") }
    }

    pub fn cases(&self) -> impl Iterator<Item = Golden<'_>> {
        self.cases.iter().map(|json| Golden { group: self, json })
    }
}

/// A case as it was recorded.
#[derive(Clone, Copy)]
pub struct Golden<'a> {
    group: &'a Group,
    pub json: &'a Json,
}

impl Golden<'_> {
    pub fn name(&self) -> &str {
        self.json["case"].as_str().unwrap()
    }

    /// What Keras says of what was run.
    pub fn config(&self) -> &Json {
        &self.json["config"]
    }

    /// The names of its tensors.
    pub fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.group.tensors).unwrap();
        let prefix = format!("{}/", self.name());
        file.names().into_iter().filter_map(|name| name.strip_prefix(&prefix).map(String::from)).collect()
    }

    pub fn find(&self, name: &str) -> Option<Tensor> {
        let file = SafeTensors::deserialize(&self.group.tensors).unwrap();
        let view = file.tensor(&format!("{}/{name}", self.name())).ok()?;
        let values = view.data().chunks_exact(8);
        let values = match view.dtype() {
            safetensors::Dtype::F64 => values.map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            _ => values.map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        };
        Some(Tensor::from_f64(view.shape(), values).unwrap())
    }

    pub fn tensor(&self, name: &str) -> Tensor {
        self.find(name).unwrap_or_else(|| panic!("{} has no {name}", self.name()))
    }

    pub fn number(&self, key: &str) -> usize {
        self.json[key].as_u64().unwrap() as usize
    }
}

/// What is not covered yet, by what the config says: `Err` with it.
pub type Covered<T> = Result<T, String>;

/// Refuses settings of a config that nobody has looked at: a key that is not among `known` must be null, or one of
/// those that decide nothing here.
pub fn only(config: &Json, known: &[&str]) -> Covered<()> {
    let decides_nothing = |key: &str| ["name", "trainable"].contains(&key) || key.ends_with("_initializer");
    let unknown = config
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, value)| !value.is_null() && !known.contains(&key.as_str()) && !decides_nothing(key));
    match unknown.map(|(key, value)| format!("{key} = {value}")).next() {
        Some(setting) => Err(setting),
        None => Ok(()),
    }
}

/// Refuses a setting that is there and has another value.
pub fn is(config: &Json, key: &str, value: impl Into<Json>) -> Covered<()> {
    match &config[key] {
        Json::Null => Ok(()),
        got if *got == value.into() => Ok(()),
        got => Err(format!("{key} = {got}")),
    }
}

/// How far numbers of a device may be from the largest one of their tensor.
pub fn bar(device: &Device) -> f64 {
    if device.is_exact() { 1e-9 } else { 1e-5 }
}

/// How far numbers are from what was recorded, over the largest one of their tensor.
pub fn distance(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let far = got.iter().zip(want).map(|(got, want)| {
        let far = (got - want).abs();
        if far == 0.0 { 0.0 } else { far / largest }
    });
    far.fold(0.0, |most, far| if far.is_nan() { f64::INFINITY } else { most.max(far) })
}

/// What a run over a group found.
#[derive(Default)]
pub struct Found {
    passed: Vec<String>,
    failed: Vec<String>,
    missing: Vec<String>,
    worst: (f64, String),
}

impl Found {
    /// Adds what a case gave: pairs (what, distance, its bar), or what is not covered.
    pub fn add(&mut self, golden: &Golden<'_>, outcome: Covered<Vec<(String, f64, f64)>>) {
        let name = golden.name();
        let tensors = match outcome {
            Err(what) => return self.missing.push(format!("{name} ({what})")),
            Ok(tensors) => tensors,
        };
        assert!(!tensors.is_empty(), "{name}: nothing was compared");
        let failed = tensors.iter().filter(|(_, far, bar)| far > bar);
        let failed: Vec<String> = failed.map(|(what, far, bar)| format!("{name} {what}: {far:e} > {bar:e}")).collect();
        for (what, far, bar) in tensors {
            if far / bar > self.worst.0 {
                self.worst = (far / bar, format!("{name} {what}"));
            }
        }
        if failed.is_empty() {
            self.passed.push(name.into());
        }
        self.failed.extend(failed);
    }

    /// Says what passed and what is not covered; fails where a case failed, and where one of `required` was not run.
    pub fn finish(self, group: &str, device: &Device, required: &[&str]) {
        let Self { passed, failed, missing, worst: (share, place) } = self;
        println!(
            "{group} on {device}: {} passed, the worst at {share:.3} of its bar ({place}): {}",
            passed.len(),
            passed.join(", ")
        );
        println!("{group} on {device}: {} not covered yet: {}", missing.len(), missing.join(", "));
        assert!(failed.is_empty(), "{group} on {device}: {failed:#?}");
        // Another set may have other cases.
        let own = others().is_none();
        let left_out = |name: &str| missing.iter().any(|m| m.split(' ').next() == Some(name));
        let is_gone = |name: &&&str| !passed.iter().any(|p| p == **name) && (own || left_out(name));
        let gone: Vec<&&str> = required.iter().filter(is_gone).collect();
        assert!(gone.is_empty(), "{group} on {device}: {gone:?} must be covered");
        assert!(!passed.is_empty(), "{group} on {device}: no case was run");
        note(group, device, &passed, &missing);
    }
}

/// Leaves what was run for `cargo xtask test`, which says it at its end.
fn note(group: &str, device: &Device, passed: &[String], missing: &[String]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("goldens");
    fs::create_dir_all(&folder).expect("a folder for what was run");
    let place = if device.adapter().is_some() { place() } else { device.name().to_string() };
    let noted = serde_json::json!({ "group": group, "passed": passed.len(), "missing": missing });
    fs::write(folder.join(format!("{group}-{place}.json")), noted.to_string()).expect("a file for what was run");
}

/// Runs all steps of a graph that ends with `step_end`; gives the results of each.
pub fn run(executable: &mut dyn Executable, graph: &Graph, rows: &[u32]) -> Vec<Row> {
    run_from(executable, graph, rows, 0)
}

/// The same, with columns as they are from step `first` of a training on.
pub fn run_from(executable: &mut dyn Executable, graph: &Graph, rows: &[u32], first: u64) -> Vec<Row> {
    let columns = |step: u64| graph.columns.iter().map(|column| (column.rule)(step)).collect();
    let columns = (first..).take(rows.len()).map(columns).collect();
    executable.begin(&StepTable { rows: rows.to_vec(), columns, first: 0 }).unwrap();
    let (mut results, mut left) = (vec![], rows.len() as u32);
    while results.len() < rows.len() {
        let sent = executable.submit(left).unwrap();
        left -= sent;
        let status = executable.poll(sent == 0).unwrap();
        assert_eq!(status.words.halt, 0, "a step was flagged");
        results.extend(status.rows);
    }
    results
}

/// Uploads a tensor; as whole numbers where the value holds those.
pub fn upload(executable: &mut dyn Executable, value: Value, tensor: &Tensor) {
    if executable.upload(value, Upload::Tensor(tensor)).is_err() {
        let index: Vec<u32> = tensor.to_f64().iter().map(|&v| v as u32).collect();
        executable.upload(value, Upload::Index(&index)).unwrap();
    }
}

pub fn download(executable: &mut dyn Executable, value: Value) -> Vec<f64> {
    match executable.download(value).unwrap() {
        Buffer::Float(values) => values,
        Buffer::Index(values) => values.into_iter().map(f64::from).collect(),
    }
}
