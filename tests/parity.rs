//! Every op against its f64 kernel, on every device: awkward sizes, value regimes, guard bands, NaN.

mod common;

use std::collections::BTreeMap;

use wgrad::Device;
use wgrad::check::{Outcome, parity, variants};
use wgrad::ops::FAMILIES;

/// Every case of every family in every variant.
fn check(device: &Device) {
    let mut outcomes = BTreeMap::<String, Outcome>::new();
    let wanted = std::env::var("WGRAD_TEST_OP").unwrap_or_default();
    for family in FAMILIES {
        let cases = (family.cases)().into_iter().enumerate();
        for (seed, case) in cases.filter(|(_, case)| case.op.name().contains(&wanted)) {
            for variant in 0..variants(device, &case).expect("variants").len() {
                let op = case.op.name();
                let options = wgrad::program::Options { variant, ..Default::default() };
                let outcome =
                    parity(device, &case, &options, seed as u64).unwrap_or_else(|e| panic!("{op}, {case:?}: {e}"));
                outcomes.entry(op.into()).or_default().merge(outcome);
            }
        }
    }
    for (op, outcome) in &outcomes {
        println!("{device}: {op}: {outcome}");
    }
    let failed: Vec<&String> = outcomes.iter().filter(|(_, outcome)| !outcome.passes()).map(|(op, _)| op).collect();
    assert!(failed.is_empty(), "{failed:?} failed on {device}");
}

#[test]
fn cpu() {
    check(&Device::cpu());
}

#[test]
fn adapters() {
    common::on_every_adapter("adapters", check);
}
