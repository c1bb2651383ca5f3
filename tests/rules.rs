//! The rules of browsers and drivers, checked on the program of every case.

use std::collections::BTreeMap;
use std::sync::Arc;

use wgrad::check::graph_of;
use wgrad::graph::{Caps, MOST_TRIPS, VariableKind};
use wgrad::ops::{Case, FAMILIES};
use wgrad::program::{Memory, Options, Program, plan};

fn program(case: &Case) -> Program {
    let types: Vec<_> = case.inputs.iter().map(|input| &input.ty).collect();
    let outputs = case.op.infer(&types).expect("types that fit").len();
    let (graph, _) = graph_of(case, &vec![true; outputs]).expect("a graph");
    plan(Arc::new(graph), &Caps::default(), &Options::default()).expect("a program")
}

fn cases() -> impl Iterator<Item = Case> {
    FAMILIES.iter().flat_map(|family| (family.cases)())
}

#[test]
fn every_program_keeps_the_rules() {
    for case in cases() {
        assert_eq!(program(&case).violations(), Vec::<String>::new(), "{case:?}");
    }
}

#[test]
fn cases_stand_on_both_sides_of_the_bound_on_iterations() {
    // Of each op: whether a case is one launch, and the most iterations that a case would need in one.
    let mut found = BTreeMap::<String, (bool, u64)>::new();
    for case in cases() {
        let program = program(&case);
        let of_op = found.entry(case.op.name().into()).or_default();
        let launches: Vec<u64> = program.launches().map(|launch| launch.trips).collect();
        *of_op = (of_op.0 || launches.len() == 1, of_op.1.max(launches.iter().sum()));
    }
    let matmul = ["matmul", "matmul_nt", "matmul_tn", "matmul_tt", "matmul_backward"];
    for op in matmul.into_iter().chain(["dense", "dense_backward", "bias_add_backward", "scatter_add"]) {
        let (one, most) = found[op];
        assert!(one && most > MOST_TRIPS, "{op}: {one}, {most}");
    }
}

#[test]
fn broken_rules_are_found() {
    let case = cases().find(|case| case.op.name() == "adam").expect("a case of Adam");
    assert!(case.inputs.iter().any(|input| input.variable == Some(VariableKind::Moment)));
    let broken = |change: &dyn Fn(&mut Program)| {
        let mut program = program(&cases().filter(|c| c.op.name() == "adam").nth(5).expect("a case of Adam"));
        assert!(program.violations().is_empty());
        change(&mut program);
        program.violations().len()
    };
    let bindings = |program: &mut Program| program.steps[0].launches[0].bindings.clone();
    assert_eq!(broken(&|p| p.steps[0].launches[0].trips = MOST_TRIPS + 1), 1);
    assert_eq!(broken(&|p| p.steps[0].launches[0].grid = [65_536, 1, 1]), 1);
    // Parameters bound a second time: to write, and to read.
    assert_eq!(broken(&|p| p.steps[0].launches[0].bindings[2] = bindings(p)[0]), 1);
    assert_eq!(broken(&|p| p.steps[0].launches[0].bindings[1].memory = bindings(p)[0].memory), 1);
    assert!(broken(&|p| p.steps[0].launches[0].bindings = bindings(p).repeat(2)) > 1);
    assert_eq!(
        broken(&|p| match &mut p.steps[0].launches[0].bindings[1].memory {
            Memory::Arena { offset, .. } => *offset += 4,
            other => panic!("{other:?}"),
        }),
        1
    );
}
