//! Every op against its f64 kernel, on every device: awkward sizes, value regimes, guard bands, NaN.

mod common;

use std::collections::BTreeMap;

use wgrad::Device;
use wgrad::check::{Outcome, parity, variants};
use wgrad::ops::FAMILIES;

/// Every case of a family in every variant.
fn check(name: &str, device: &Device) {
    let family = FAMILIES.iter().find(|family| family.name == name).expect("a family of ops");
    let mut outcomes = BTreeMap::<String, Outcome>::new();
    for (seed, case) in (family.cases)().into_iter().enumerate() {
        for variant in 0..variants(device, &case).expect("variants") {
            let op = case.op.name();
            let outcome = parity(device, &case, variant, seed as u64).unwrap_or_else(|e| panic!("{op}, {case:?}: {e}"));
            outcomes.entry(op.into()).or_default().merge(outcome);
        }
    }
    for (op, outcome) in &outcomes {
        println!("{device}: {op}: {outcome}");
    }
    let failed: Vec<&String> = outcomes.iter().filter(|(_, outcome)| !outcome.passes()).map(|(op, _)| op).collect();
    assert!(failed.is_empty(), "{failed:?} failed on {device}");
}

macro_rules! families {
    ($($family:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($family)),*];
        $(mod $family {
            #[test]
            fn cpu() {
                super::check(stringify!($family), &wgrad::Device::cpu());
            }
            #[test]
            fn adapters() {
                let test = concat!(stringify!($family), "::adapters");
                super::common::on_every_adapter(test, |device| super::check(stringify!($family), device));
            }
        })*
    };
}

families!(unary add bias_add matmul dense reshape rows loss finite adam sgd step_end);

#[test]
fn every_family_is_tested() {
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(names, TESTED);
}
