//! The workloads: the same trainings as those of other frameworks, and what `wgrad bench` prints.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use wgrad::Device;
use wgrad::bench::{Chain, matmul_operands, training};

/// Losses of the first step and of the last one of the warm-up, as seven drivers of other frameworks have them.
const LOSSES: [(&str, [f64; 2]); 4] = [
    ("mlp_small_b32", [0.711_208, 0.246_256]),
    ("multi_output_b64", [1.198_72, 0.592_241]),
    ("mnist_mlp_b128", [2.400_701, 2.195_539]),
    ("mnist_mlp_b32", [2.321_45, 2.278_742]),
];

fn trains_like_the_others(device: &Device) {
    for (name, [first, last]) in LOSSES {
        let [got_first, got_last] = training(name).unwrap().losses(device).unwrap();
        assert!((got_first - first).abs() < 1e-5 * first, "{name} on {device}: {got_first}, not {first}");
        assert!((got_last - last).abs() < 1e-3 * last, "{name} on {device}: {got_last}, not {last}");
    }
}

#[test]
fn trainings_are_those_of_other_frameworks() {
    common::on_every_device("trainings_are_those_of_other_frameworks", trains_like_the_others);
}

#[test]
fn a_chain_is_eight_products() {
    let n = 96;
    let [a, x] = matmul_operands(n).unwrap();
    let (a, x) = (a.to_f64(), x.to_f64());
    let mut column: Vec<f64> = x.chunks(n).map(|row| row[0]).collect();
    for _ in 0..8 {
        column = a.chunks(n).map(|row| row.iter().zip(&column).map(|(a, x)| a * x).sum()).collect();
    }
    common::on_every_device("a_chain_is_eight_products", |device| {
        let mut chain = Chain::new(device, n).unwrap();
        assert!(chain.run(3).unwrap() > 0.0);
        let got = chain.element().unwrap();
        assert!((got - column[0]).abs() < 1e-4, "{device}: {got}, not {}", column[0]);
    });
}

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgrad"));
    // Without this folder the Vulkan loader speaks on standard error.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    }
    command.arg("bench").args(arguments).current_dir(Path::new(env!("CARGO_TARGET_TMPDIR"))).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn arguments_that_make_no_sense_get_a_sentence_and_status_2() {
    for arguments in ["--filter (", "--filter nosuch", "--device nosuch", "--device=", "--nosuchoption"] {
        let output = bench(&arguments.split(' ').collect::<Vec<_>>());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{arguments}: {said}");
        assert!(output.stdout.is_empty(), "{arguments}: it says something on standard output");
    }
    let said = text(&bench(&["--filter", "nosuch"]).stderr);
    for name in ["matmul_2048", "mlp_small_b32", "fit_epoch", "startup_to_first_step"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn a_json_line_has_the_keys_in_their_order() {
    let filter = "^mlp_small_(b32|launches|bytes)|^startup";
    let output = bench(&["--device", "cpu", "--filter", filter, "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "mlp_small_launches on cpu is left out: a CPU launches nothing\n");
    let out = text(&output.stdout);
    let [steps, bytes, startup] = &out.lines().collect::<Vec<_>>()[..] else { panic!("{out}") };
    let first = r#"{"bench":"mlp_small_b32","device":"cpu","value":"#;
    assert!(steps.starts_with(first), "{steps}");
    let keys = "bench device value unit best n limit fraction worst loss1 warm_steps loss_w";
    let places: Vec<usize> = keys.split(' ').map(|key| steps.find(&format!("\"{key}\":")).unwrap()).collect();
    assert!(places.is_sorted() && steps.matches("\":").count() == places.len(), "{steps}");
    let of = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let (steps, bytes, startup) = (of(steps), of(bytes), of(startup));
    assert_eq!((&steps["unit"], &steps["n"], &steps["warm_steps"]), (&"steps/s".into(), &7.into(), &100.into()));
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
    assert!((number(&steps, "loss1") - LOSSES[0].1[0]).abs() < 1e-5, "{steps}");
    assert!((number(&startup, "loss1") - LOSSES[0].1[0]).abs() < 1e-5, "{startup}");
    assert!(number(&steps, "best") >= number(&steps, "value") && number(&steps, "value") >= number(&steps, "worst"));
    assert!(number(&startup, "best") <= number(&startup, "worst") && startup["limit"].is_null(), "{startup}");
    for line in [&steps, &bytes] {
        assert!(number(line, "fraction") > 0.0 && number(line, "fraction") <= 1.0, "{line}");
    }
}

#[test]
fn people_read_a_table_with_the_device_and_its_limits() {
    let output = bench(&["--device", "cpu,cpu", "--filter", "bytes"]);
    let out = text(&output.stdout);
    assert!(out.starts_with("cpu (cpu, native): asked for\n  at most "), "{out}");
    assert_eq!(out.lines().count(), 4, "{out}");
    assert!(out.lines().last().unwrap().trim_start().starts_with("mlp_small_bytes "), "{out}");
}
