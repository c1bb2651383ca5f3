//! The parity suite, as `wgrad doctor` runs it, on the CPU and on every adapter; and what it must not overlook.

mod common;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use wgrad::check::{Regime, Row, TrialName, jobs, parity, suite, variants};
use wgrad::graph::Caps;
use wgrad::ops::Case;
use wgrad::program::Options;
use wgrad::{Device, Error, Type};

/// Every case of every op in every variant.
fn check(device: &Device) {
    let rows = suite(device, &jobs(|_| true), |_| {}).unwrap_or_else(|error| panic!("{device}: {error}"));
    rows.iter().for_each(|row| println!("{row}"));
    let failed: Vec<&str> = rows.iter().filter(|row| !row.ok).map(|row| row.op.as_str()).collect();
    assert!(failed.is_empty(), "{failed:?} failed on {device}");
    note(device, &rows);
}

/// Leaves what was run for `cargo xtask test`, which says it at its end.
fn note(device: &Device, rows: &[Row]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parity");
    std::fs::create_dir_all(&folder).expect("a folder for what was run");
    let ops = rows.iter().map(|row| &row.op).collect::<HashSet<_>>().len();
    let cases: usize = rows.iter().map(|row| row.cases).sum();
    let noted = serde_json::json!({ "device": device.name(), "backend": device.backend(), "ops": ops, "cases": cases });
    let place = if device.adapter().is_some() { common::place() } else { "cpu".into() };
    std::fs::write(folder.join(format!("{place}.json")), noted.to_string()).expect("a file for what was run");
}

#[test]
fn cpu() {
    check(&Device::cpu());
}

#[test]
fn adapters() {
    common::on_every_adapter("adapters", check);
}

/// Shapes of an op at least, by what it is.
fn fewest(op: &str) -> usize {
    if op.starts_with("matmul") || op.starts_with("dense") { 25 } else { 15 }
}

#[test]
fn every_op_has_shapes_enough() {
    let mut shapes = BTreeMap::<String, HashSet<Vec<Type>>>::new();
    for job in jobs(|_| true) {
        let mut types: Vec<Type> = job.case.inputs.iter().map(|input| input.ty.clone()).collect();
        if types.is_empty() {
            types = job.case.op.infer(&[]).unwrap(); // what takes nothing is known by what it gives
        }
        shapes.entry(job.op().into()).or_default().insert(types);
    }
    for (op, shapes) in shapes {
        assert!(shapes.len() >= fewest(&op), "{op}: {} shapes, want {}", shapes.len(), fewest(&op));
    }
}

/// A case that is neither empty nor large, of each op.
fn one_of_each() -> BTreeMap<String, Case> {
    let mut found = BTreeMap::new();
    for job in jobs(|_| true) {
        let most = job.case.inputs.iter().map(|input| input.ty.len()).max().unwrap_or(0);
        if (500..20_000).contains(&most) && !job.case.brief {
            found.insert(job.op().to_string(), job.case);
        }
    }
    found
}

/// Grids of more workgroups than a dimension has, forced by a device that is said to have few.
#[test]
fn folded() {
    common::on_every_adapter("folded", |device| {
        let mut folded = 0;
        for (op, case) in one_of_each() {
            for variant in 0..variants(device, &case).expect("variants").len() {
                let caps = Caps { workgroups_per_dimension: 5, ..device.caps() };
                let options = Options { variant, caps: Some(caps), ..Options::default() };
                match parity(device, &case.clone().brief(), &options, 1) {
                    Err(Error::Limit { .. }) => {}
                    outcome => {
                        let outcome = outcome.unwrap_or_else(|error| panic!("{op}: {error}"));
                        assert!(outcome.passes(), "{device}: {op}: {outcome}");
                        folded += 1;
                    }
                }
            }
        }
        println!("{device}: {folded} ops on a folded grid");
        assert!(folded > 10, "{folded}");
    });
}

/// More bytes than a binding has are refused before any memory is taken.
#[test]
fn too_large_for_a_binding() {
    common::on_every_adapter("too_large_for_a_binding", |device| {
        let limit = device.caps().max_binding_bytes;
        let Ok(len) = usize::try_from(limit / 4 + 1) else { return };
        let case = Case::new(wgrad::ops::UnaryOp(wgrad::ops::Relu.into()), [Type::f32([len])]).brief();
        let (graph, _) = wgrad::check::graph_of(&case, &[true]).expect("a graph");
        let graph = std::sync::Arc::new(graph);
        let storage = device.storage(&graph.variables, &Options::default()).expect("no memory");
        let Err(Error::Limit { what, need, limit: got, .. }) = device.load(&graph, &storage, &Options::default())
        else {
            panic!("{device} takes {len} elements")
        };
        assert_eq!((what.as_str(), got), ("relu", limit));
        assert!(need > limit);
    });
}

#[test]
fn every_kind_of_values_is_tried() {
    let job = &jobs(|op| op == "add")[5];
    let trials = wgrad::check::trials(&job.case.inputs, job.seed);
    for regime in Regime::ALL {
        assert!(trials.iter().any(|trial| trial.name == TrialName::Regime(regime)), "{regime:?}");
    }
}
