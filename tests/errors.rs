//! The text of every error, held against `tests/errors.txt`.

use std::path::PathBuf;

use wgrad::Error;
use wgrad::error::Direction;

/// One of each variant; adding a variant breaks the match in `name`, and so leads here.
fn all() -> Vec<Error> {
    let text = String::from;
    vec![
        Error::Shape { op: text("matmul"), expected: text("64 terms in b like in a"), got: text("f32 [32, 10]") },
        Error::Argument { name: text("epochs"), expected: text("at least 1"), got: text("0") },
        Error::Unknown { what: text("metric"), got: text("acuracy"), known: vec![text("accuracy"), text("mse")] },
        Error::Unknown { what: text("layer"), got: text("q"), known: vec![text("dense"), text("dense_1")] },
        Error::NoAdapter { wanted: text("radeon"), tried: vec![text("llvmpipe (software, vulkan)")] },
        Error::NoAdapter { wanted: text("a real GPU"), tried: vec![] },
        Error::Limit { what: text("adam"), name: "bytes in a binding", need: 300, limit: 128 },
        Error::Device { call: text("Device::create_buffer (step)"), reason: text("it is too large") },
        Error::DeviceLost { reason: text("a submission brought the receipt 0, not 17") },
        Error::OutOfMemory { need: 4096, held: 1024 },
        Error::Batch { batch: 4096, fits: 1023, source: Box::new(Error::OutOfMemory { need: 1 << 30, held: 1 << 20 }) },
        Error::Unsupported { what: text("accuracy of an output of shape [32, 5]"), fix: text("leave it out here") },
        Error::NotFinite {
            what: text("the output [32, 64] of dense in layer `dense_1`"),
            direction: Some(Direction::Forward),
            rows: vec![17, 40],
            epoch: 2,
            step: 7,
        },
        Error::BadIndex { rows: 10, epoch: 1, step: 3 },
        Error::Layer {
            index: 2,
            name: text("dense"),
            source: Box::new(Error::Shape { op: text("input"), expected: text("[batch, 64]"), got: text("[32, 10]") }),
        },
        Error::Output {
            output: text("binary_output"),
            what: text("metric accuracy"),
            source: Box::new(Error::Shape { op: text("y"), expected: text("[32, 1]"), got: text("[32, 10]") }),
        },
        Error::WrongNumber {
            op: text("swish"),
            variant: text("default"),
            device: text("llvmpipe"),
            point: Box::new(wgrad::error::Point {
                shape: text("f32 [5]"),
                values: text("Ties"),
                seed: 3,
                output: 0,
                index: 2,
                got: 0.5,
                want: 0.25,
                bar: 1e-7,
            }),
        },
        Error::BrokenRule {
            op: text("swish"),
            variant: text("default"),
            device: text("llvmpipe"),
            rule: text("word 17 of arena 3 (Data) belongs to no output and was written"),
        },
        Error::WrongGradient {
            op: text("swish"),
            shape: text("f32 [5]"),
            seed: 3,
            input: 0,
            index: 2,
            analytic: 1.0,
            difference: 2.0,
        },
        Error::Mismatch {
            what: text("model.safetensors"),
            differences: vec![text("dense/bias is not in the file"), text("dense_1/bias is not in the model")],
        },
        Error::Columns {
            path: PathBuf::from("table.csv"),
            differences: vec![text("`b` is missing"), text("`c` is not known to the model")],
        },
        Error::Io { path: PathBuf::from("table.csv"), source: std::io::Error::other("disk full") },
        Error::Format {
            path: PathBuf::from("table.csv"),
            position: text("line 32, column b"),
            reason: text("expected a number, got \"x\""),
        },
    ]
}

fn name(error: &Error) -> &'static str {
    match error {
        Error::Shape { .. } => "Shape",
        Error::Argument { .. } => "Argument",
        Error::Unknown { .. } => "Unknown",
        Error::NoAdapter { .. } => "NoAdapter",
        Error::Limit { .. } => "Limit",
        Error::Device { .. } => "Device",
        Error::DeviceLost { .. } => "DeviceLost",
        Error::OutOfMemory { .. } => "OutOfMemory",
        Error::Unsupported { .. } => "Unsupported",
        Error::Batch { .. } => "Batch",
        Error::NotFinite { .. } => "NotFinite",
        Error::BadIndex { .. } => "BadIndex",
        Error::Layer { .. } => "Layer",
        Error::Output { .. } => "Output",
        Error::WrongNumber { .. } => "WrongNumber",
        Error::BrokenRule { .. } => "BrokenRule",
        Error::WrongGradient { .. } => "WrongGradient",
        Error::Mismatch { .. } => "Mismatch",
        Error::Columns { .. } => "Columns",
        Error::Io { .. } => "Io",
        Error::Format { .. } => "Format",
        _ => "a variant that has no line in tests/errors.rs",
    }
}

#[test]
fn every_error_reads_as_written_down() {
    let got: String = all().iter().map(|error| format!("{}: {error}\n", name(error))).collect();
    let want = include_str!("errors.txt");
    assert_eq!(got, want, "if the new text is meant, put it into tests/errors.txt");
}

#[test]
fn every_variant_has_a_line() {
    let source = include_str!("../src/error.rs");
    let body = source.split("pub enum Error {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let variants = body.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(" {"));
    let variants: Vec<&str> = variants.filter(|v| v.chars().all(char::is_alphanumeric)).collect();
    assert!(variants.len() >= 13, "{variants:?}");
    let lines = include_str!("errors.txt");
    for variant in variants {
        assert!(lines.lines().any(|line| line.starts_with(&format!("{variant}: "))), "{variant} has no line");
    }
}
