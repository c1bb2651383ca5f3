//! The rules of browsers and drivers, checked on the program of every case.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::kernels::{cases, outputs, reads, variants};
use wgrad::Error;
use wgrad::check::graph_of;
use wgrad::graph::{Bind, Caps, Launch, MOST_TRIPS, Operand, Param, VariableKind};
use wgrad::ops::Case;
use wgrad::program::{Memory, Options, PlannedLaunch, Program, plan};

/// The program of a case in its default variant, all outputs read.
fn program(case: &Case) -> Program {
    program_of(case, 0, &vec![true; outputs(case)])
}

fn program_of(case: &Case, variant: usize, used: &[bool]) -> Program {
    let (graph, _) = graph_of(case, used).expect("a graph");
    plan(Arc::new(graph), &Caps::default(), &Options { variant, ..Options::default() }).expect("a program")
}

/// Does for each program of each case: in each variant, with each choice of outputs that are read, the launches of the
/// one node as the op gives them and as they are planned.
fn each_program(check: impl Fn(&Case, &Program, Vec<(&Launch, &PlannedLaunch)>)) {
    for case in cases() {
        for used in reads(outputs(&case)) {
            for (place, variant) in variants(&case, &used).iter().enumerate() {
                let program = program_of(&case, place, &used);
                let launches = variant.launches.iter().filter(|launch| launch.groups > 0);
                // An op whose outputs nothing reads may be gone.
                let planned = program.steps.first().map_or(&[][..], |step| &step.launches);
                check(&case, &program, launches.zip(planned).collect());
            }
        }
    }
}

#[test]
fn every_program_keeps_the_rules() {
    each_program(|case, program, _| assert_eq!(program.violations(), Vec::<String>::new(), "{case:?}"));
}

/// What is wrong with the words of `Params` that point into a binding.
fn misplaced(program: &Program, launch: &Launch, planned: &PlannedLaunch) -> Vec<String> {
    let words = |bind: usize| match planned.bindings.get(bind)?.memory {
        Memory::Arena { offset, words, .. } => Some((offset, words)),
        Memory::Step | Memory::Flag => None,
    };
    let len = |operand: Operand| {
        let node = &program.graph.nodes[program.steps[0].node];
        let value = match operand {
            Operand::Input(i) => node.inputs[i],
            Operand::Output(i) => node.outputs[i],
        };
        program.slot(value).map_or(0, |slot| slot.len)
    };
    let right = |param: Param, word: usize| match param {
        Param::Offset { bind, member } => match (launch.binds.get(bind), words(bind)) {
            (Some(Bind::Span(_, members)), Some((_, words))) => {
                members.get(member).is_some_and(|&operand| word + len(operand) <= words)
            }
            _ => false,
        },
        Param::Words { bind } => words(bind).is_some_and(|(_, words)| word == words),
        Param::StepWidth => word == program.graph.step_width(),
        Param::U32(_) | Param::F32(_) => true,
    };
    let given = launch.params.iter().zip(&planned.params);
    let wrong = given.filter(|((_, param), (_, word))| !right(*param, *word as usize));
    wrong.map(|((name, param), (_, word))| format!("{name}: {param:?} is {word}")).collect()
}

#[test]
fn params_point_into_their_bindings() {
    each_program(|case, program, launches| {
        for (launch, planned) in launches {
            assert_eq!(launch.params.len(), planned.params.len(), "{case:?}");
            assert_eq!(misplaced(program, launch, planned), Vec::<String>::new(), "{case:?}");
        }
    });
}

#[test]
fn params_that_point_elsewhere_are_found() {
    let case = cases().find(|case| case.op.name() == "adam").expect("a case of Adam");
    let program = program(&case);
    let launch = &variants(&case, &vec![true; outputs(&case)])[0].launches[0];
    let wrong = |params: &[(&'static str, Param)], word: u32| {
        let launch = Launch { params: params.to_vec(), ..launch.clone() };
        let planned = PlannedLaunch { params: vec![("x", word)], ..program.steps[0].launches[0].clone() };
        misplaced(&program, &launch, &planned).len()
    };
    let Memory::Arena { words, .. } = program.steps[0].launches[0].bindings[0].memory else { panic!("no arena") };
    assert_eq!(wrong(&[("x", Param::Words { bind: 0 })], words as u32), 0);
    assert_eq!(wrong(&[("x", Param::Words { bind: 0 })], words as u32 + 1), 1);
    assert_eq!(wrong(&[("x", Param::Words { bind: 3 })], 0), 1);
    assert_eq!(wrong(&[("x", Param::Offset { bind: 0, member: 0 })], 0), 0);
    assert_eq!(wrong(&[("x", Param::Offset { bind: 0, member: 0 })], words as u32 + 1), 1);
    assert_eq!(wrong(&[("x", Param::Offset { bind: 0, member: 99 })], 0), 1);
    assert_eq!(wrong(&[("x", Param::Offset { bind: 9, member: 0 })], 0), 1);
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
    let normalizations = ["batch_normalization", "batch_normalization_backward", "layer_normalization_backward"];
    for op in matmul
        .into_iter()
        .chain(["dense", "dense_backward", "bias_add_backward", "scatter_add", "sum"])
        .chain(normalizations)
    {
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

/// What no binding of a device may pass, in bytes.
const TINY_BINDING: u64 = 256;

/// Bytes of the largest binding of a program.
fn largest_binding(program: &Program) -> u64 {
    let bindings = program.launches().flat_map(|launch| &launch.bindings);
    let words = bindings.map(|binding| match binding.memory {
        Memory::Arena { words, .. } => words as u64,
        Memory::Step | Memory::Flag => 0,
    });
    4 * words.max().unwrap_or(0)
}

#[test]
fn a_binding_that_passes_the_limit_is_split_or_refused() {
    let mut refused = BTreeMap::<String, usize>::new();
    for case in cases() {
        let name = case.op.name().to_string();
        let (graph, _) = graph_of(&case, &vec![true; outputs(&case)]).expect("a graph");
        let caps = Caps { max_binding_bytes: TINY_BINDING, ..Caps::default() };
        let count = refused.entry(name.clone()).or_default();
        match plan(Arc::new(graph), &caps, &Options::default()) {
            Ok(program) => assert!(largest_binding(&program) <= TINY_BINDING, "{case:?}"),
            Err(Error::Limit { what, need, limit, .. }) => {
                assert!(what == name && need > limit && limit == TINY_BINDING, "{what}: {need} of {limit}");
                *count += 1;
            }
            Err(other) => panic!("{case:?}: {other}"),
        }
    }
    for (op, count) in refused {
        // Only what launches nothing has nothing to refuse.
        assert!(count > 0 || ["reshape", "squeeze", "expand_dims"].contains(&op.as_str()), "{op}: no case was refused");
    }
}
