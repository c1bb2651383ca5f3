//! The command line, as a user runs it.

#[path = "common/command.rs"]
mod command;
mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use command::{err, folder, keys, lines, names, wgrad};
use serde_json::Value;

#[test]
fn arguments_that_make_no_sense_get_a_sentence_and_status_2() {
    let folder = folder("refused");
    fs::write(folder.join("file"), "").unwrap();
    fs::create_dir_all(folder.join("taken/history.csv")).unwrap();
    let before = names(&folder);
    let bad = "--epochs 0|--epochs -1|--epochs x|--epochs 1e3|--batch-size 0|--batch-size 18446744073709551616|\
               --layers 0|--layers 64,,32|--layers 64,|--layers -1|--layers 99999999999999999999|\
               --layers 18446744073709551615|--layers 4294967296,4294967296|--layers 1048577,1048577|\
               --activation nosuch|--activation=|--learning-rate nan|--learning-rate inf|--learning-rate -1|\
               --learning-rate 0|--learning-rate 1e-60|--learning-rate 1e60|--validation-split 1|\
               --validation-split -0.1|--validation-split nan|--validation-split 1e-9|--test-split 0.999999|\
               --test-split inf|--validation-split 0.6 --test-split 0.5|--seed -1|--seed x|--device nosuchdevice|\
               --device=|--out=|--out file|--out file/below|--out taken|--nosuchoption|--epochs 1 --epochs 2|extra";
    for arguments in bad.split('|') {
        let words: Vec<&str> = ["train"].into_iter().chain(arguments.split_whitespace()).collect();
        let output = wgrad(&folder, &words);
        let said = err(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{arguments}: {said}");
        assert!(!said.contains("panicked"), "{arguments}: {said}");
        assert!(output.stdout.is_empty(), "{arguments}: it says something on standard output");
        assert_eq!(names(&folder), before, "{arguments}: something was written");
    }
    for arguments in [&[][..], &["nosuchcommand"], &["devices", "--nosuchoption"]] {
        assert_eq!(wgrad(&folder, arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_with_those_that_are() {
    let folder = folder("device");
    let devices = lines(&wgrad(&folder, &["devices", "--json"]));
    let said = err(&wgrad(&folder, &["train", "--device", "nosuch"]));
    assert!(said.contains("nosuch") && said.contains("`cpu`"), "{said}");
    for device in devices.iter().filter(|device| device["kind"] != "cpu") {
        assert!(said.contains(device["name"].as_str().unwrap()), "{said}");
    }
    if devices.iter().all(|device| device["kind"] != "gpu") {
        let output = wgrad(&folder, &["train", "--device", "gpu"]);
        assert_eq!(output.status.code(), Some(2), "a GPU that was asked for is never replaced");
        assert!(err(&output).contains("a real GPU"), "{}", err(&output));
    }
}

#[test]
fn devices_are_listed_with_the_cpu_among_them() {
    let devices = lines(&wgrad(&folder("devices"), &["devices", "--json"]));
    for device in &devices {
        assert_eq!(keys(device), ["backend", "driver", "features", "kind", "limits", "name"]);
        assert!(["gpu", "software", "cpu"].contains(&device["kind"].as_str().unwrap()), "{device}");
    }
    assert_eq!(devices.iter().filter(|device| device["kind"] == "cpu").count(), 1);
    if common::gpu_required() {
        assert!(devices.len() > 1, "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
    }
    let text = wgrad(&folder("devices"), &["devices"]);
    assert!(String::from_utf8(text.stdout).unwrap().contains("cpu (cpu, native)"));
}

/// A short training with `--json`, into `out`.
fn trained(folder: &Path, out: &str, device: &str, more: &[&str]) -> Vec<Value> {
    let first = ["train", "--epochs", "2", "--json", "--device", device, "--out", out];
    lines(&wgrad(folder, &[&first, more].concat()))
}

fn check_events(events: &[Value], kind: &str) {
    let [device, data, epochs @ .., result] = events else { panic!("{events:?}") };
    assert_eq!(keys(device), ["backend", "event", "kind", "name", "reason"]);
    let expected = "dropped event features moved name rows sha256 task test train validation why";
    assert_eq!(keys(data), expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!((&data["task"], &data["features"]), (&"binary".into(), &30.into()));
    assert_eq!((&device["event"], &device["kind"]), (&"device".into(), &kind.into()));
    assert_eq!(epochs.len(), 2);
    for (i, epoch) in epochs.iter().enumerate() {
        assert_eq!(keys(epoch), ["accuracy", "epoch", "event", "loss", "val_accuracy", "val_loss"]);
        assert_eq!(epoch["epoch"], i + 1);
        assert!(epoch["loss"].is_f64() && epoch["val_loss"].is_f64(), "{epoch}");
    }
    let expected = "device dispatches_per_step epochs event seconds steps_per_second test_accuracy test_loss \
                    weights_sha256";
    assert_eq!(keys(result), expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(keys(&result["device"]), ["backend", "kind", "name"]);
    assert_eq!((&result["event"], &result["epochs"]), (&"result".into(), &2.into()));
    assert_eq!(result["dispatches_per_step"].as_u64(), (kind != "cpu").then_some(9));
    assert_eq!(result["weights_sha256"].as_str().unwrap().len(), 64);
    assert!(["seconds", "steps_per_second"].iter().all(|key| result[key].as_f64().unwrap() > 0.0), "{result}");
}

#[test]
fn a_training_says_what_happened_and_leaves_its_files() {
    let folder = folder("train");
    let events = trained(&folder, "new/run", "cpu", &[]);
    check_events(&events, "cpu");
    assert_eq!(
        names(&folder.join("new/run")),
        ["confusion_matrix.svg", "history.csv", "learning_curves.svg", "model.safetensors"]
    );
    let history = fs::read_to_string(folder.join("new/run/history.csv")).unwrap();
    let rows: Vec<&str> = history.lines().collect();
    assert_eq!((rows[0], rows.len()), ("epoch,accuracy,loss,val_accuracy,val_loss", 3));
    assert_eq!(rows[1].split(',').nth(2).unwrap().parse::<f64>().unwrap(), events[2]["loss"].as_f64().unwrap());
    let model = fs::read(folder.join("new/run/model.safetensors")).unwrap();
    assert!(model.windows(14).any(|name| name == b"dense_2/kernel"));
}

#[test]
fn a_share_of_0_leaves_its_keys_out() {
    let folder = folder("shares");
    let [_, _, epochs @ .., result] =
        &trained(&folder, "none", "cpu", &["--validation-split", "0", "--test-split", "0"])[..]
    else {
        panic!("no events")
    };
    assert!(epochs.iter().all(|epoch| keys(epoch) == ["accuracy", "epoch", "event", "loss"]));
    assert!(keys(result).iter().all(|key| !key.starts_with("test")), "{result}");
    assert!(fs::read_to_string(folder.join("none/history.csv")).unwrap().starts_with("epoch,accuracy,loss\n"));
}

#[test]
fn people_read_the_device_an_epoch_a_line_and_the_accuracy() {
    let output = wgrad(&folder("people"), &["train", "--epochs", "2", "--device", "cpu"]);
    let out = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(out.starts_with("device: cpu (cpu, native): asked for\n"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("test accuracy 0."), "{out}");
    assert!(out.contains("wgrad-run"), "{out}");
    assert_eq!(err(&output).lines().filter(|line| line.starts_with("Epoch ")).count(), 2, "{}", err(&output));
}

#[test]
fn a_training_that_diverges_says_where_and_leaves_nothing() {
    let folder = folder("diverges");
    let output = wgrad(&folder, &["train", "--device", "cpu", "--learning-rate", "1e30"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("not finite in epoch 1, step 2"), "{}", err(&output));
    assert!(names(&folder).is_empty());
}

/// The same seed gives the same bytes, over what another run has left too; another seed gives others.
fn check_seeds(folder: &Path, device: &str) {
    let bytes = |out: &str| fs::read(folder.join(out).join("model.safetensors")).unwrap();
    let hash = |out: &str, seed: &str| {
        let events = trained(folder, out, device, &["--seed", seed]);
        events.last().unwrap()["weights_sha256"].as_str().unwrap().to_string()
    };
    let (first, other) = (hash("a", "5"), hash("b", "6"));
    assert_ne!((&first, bytes("a")), (&other, bytes("b")), "{device}");
    assert_eq!((first, bytes("a")), (hash("b", "5"), bytes("b")), "{device}");
}

#[test]
fn a_seed_decides_everything() {
    check_seeds(&folder("seeds"), "cpu");
}

#[test]
fn each_adapter_trains_like_the_cpu() {
    let folder = folder("adapters");
    let cpu = trained(&folder, "cpu", "cpu", &[]);
    let mut adapters = lines(&wgrad(&folder, &["devices", "--json"]));
    adapters.retain(|device| device["kind"] != "cpu");
    if adapters.is_empty() {
        assert!(!common::gpu_required(), "WGRAD_REQUIRE_GPU is set and there is no GPU adapter");
        println!("no adapter: training on a GPU from the command line was not run");
    }
    for device in &adapters {
        let name = device["name"].as_str().unwrap();
        let events = trained(&folder, "gpu", name, &[]);
        check_events(&events, device["kind"].as_str().unwrap());
        for (a, b) in cpu.iter().zip(&events).filter(|(a, _)| a["event"] == "epoch") {
            let [a, b] = [a, b].map(|event| event["val_loss"].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-3 * a.abs(), "{name}: {a} and {b}");
        }
        check_seeds(&folder, name);
    }
}

#[test]
fn explain_says_what_a_step_launches_and_trains_nothing() {
    let folder = folder("explain");
    let events = lines(&wgrad(&folder, &["train", "--device", "cpu", "--layers", "16", "--explain", "--json"]));
    let [device, launches @ .., program] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&device["event"], &program["launches"]), (&"device".into(), &launches.len().into()));
    let kernels: Vec<&str> = launches.iter().map(|launch| launch["kernel"].as_str().unwrap()).collect();
    let expected = "dense dense binary_crossentropy_logits dense_backward dense_backward adam step_end";
    assert_eq!(kernels.join(" "), expected);
    for launch in launches {
        let expected = "buffers bytes event flops groups inputs kernel outputs variant";
        assert_eq!(keys(launch).join(" "), expected);
        assert!(
            launch["buffers"].as_array().is_some_and(|buffers| !buffers.is_empty() && buffers.len() <= 8),
            "{launch}"
        );
    }
    assert!(launches[0]["buffers"][0].as_str().unwrap().ends_with(" r"), "{}", launches[0]);
    assert!(program["flops"].as_u64().unwrap() > 0 && program["bytes"].as_u64().unwrap() > 0, "{program}");
    let text = wgrad(&folder, &["train", "--device", "cpu", "--layers", "16", "--explain"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.starts_with("device: cpu") && text.contains("7 launches, "), "{text}");
    assert!(names(&folder).is_empty());
}

#[test]
fn every_command_has_help_with_an_example_and_can_be_quiet() {
    let folder = folder("help");
    for command in ["train", "predict", "evaluate", "info", "devices", "doctor", "bench", "completions"] {
        let help = String::from_utf8(wgrad(&folder, &[command, "--help"]).stdout).unwrap();
        assert!(help.contains(&format!("Example: wgrad {command} ")) && help.contains("--quiet"), "{help}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = String::from_utf8(wgrad(&folder, &["completions", shell]).stdout).unwrap();
        assert!(text.contains("wgrad") && text.contains("evaluate"), "{shell}");
    }
    let output = wgrad(&folder, &["train", "--device", "cpu", "--epochs", "1", "--quiet"]);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{}", err(&output));
    // What is asked for is printed all the same.
    let of_json = |arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').chain(["--quiet", "--json"]).collect();
        lines(&wgrad(&folder, &words)).len()
    };
    assert_eq!(of_json("train --device cpu --epochs 3"), 6);
    assert!(of_json("devices") >= 1);
    assert_eq!(of_json("info wgrad-run/model.safetensors"), 1);
    assert_eq!(of_json("completions zsh"), 1);
    assert!(of_json("train --device cpu --explain") > 5);
}

/// The rows of `wgrad doctor --json`.
fn diagnosed(device: &str, op: &str) -> Vec<Value> {
    lines(&wgrad(&folder("doctor"), &["doctor", "--device", device, "--op", op, "--json"]))
}

#[test]
fn doctor_refuses_arguments_that_make_no_sense() {
    let folder = folder("doctor-refused");
    fs::write(folder.join("file"), "").unwrap();
    let bad = "--op (|--op nosuchop|--device nosuchdevice|--device=|--json --report|--reproduce file|--nosuchoption";
    for arguments in bad.split('|') {
        let words: Vec<&str> = ["doctor"].into_iter().chain(arguments.split_whitespace()).collect();
        let output = wgrad(&folder, &words);
        let said = err(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{arguments}: {said}");
        assert!(output.stdout.is_empty(), "{arguments}: it says something on standard output");
    }
}

#[test]
fn doctor_prints_a_row_for_an_op_a_variant_and_a_device() {
    let rows = diagnosed("cpu", "^(relu|row_gather)$");
    let mut seen: Vec<_> =
        rows.iter().map(|row| (row["op"].as_str().unwrap(), row["variant"].as_str().unwrap())).collect();
    seen.retain(|(_, variant)| !variant.starts_with("avx")); // not every CPU has these
    assert_eq!(seen, [("relu", "portable"), ("relu", "plain"), ("row_gather", "plain")]);
    for row in &rows {
        assert_eq!(keys(row), ["bar", "cases", "device", "max_error", "measure", "ok", "op", "shapes", "variant"]);
        assert_eq!((row["device"].as_str(), row["ok"].as_bool()), (Some("cpu"), Some(true)));
        assert!(row["max_error"].as_f64().unwrap() <= row["bar"].as_f64().unwrap(), "{row}");
        assert!(row["cases"].as_u64().unwrap() > 100 && row["shapes"].as_u64().unwrap() >= 15, "{row}");
    }
}

#[test]
fn doctor_checks_every_device_unless_told_otherwise() {
    let folder = folder("doctor-all");
    let devices = lines(&wgrad(&folder, &["devices", "--json"]));
    let mut names: Vec<String> = devices.iter().map(|device| device["name"].as_str().unwrap().into()).collect();
    names.sort();
    let rows = lines(&wgrad(&folder, &["doctor", "--op", "^relu$", "--json"]));
    let mut seen: Vec<String> = rows.iter().map(|row| row["device"].as_str().unwrap().into()).collect();
    seen.sort();
    seen.dedup(); // a row for each variant
    assert_eq!(seen, names);
    if let Some(name) = names.iter().find(|name| *name != "cpu") {
        assert!(diagnosed(&name.to_uppercase(), "^relu$").iter().all(|row| row["device"] == name.as_str()));
    }
}

#[test]
fn doctor_says_it_in_a_table_and_in_a_report() {
    let folder = folder("doctor-text");
    let said = |more: &[&str]| {
        let output = wgrad(&folder, &[&["doctor", "--device", "cpu", "--op", "^sigmoid$"], more].concat());
        assert!(output.status.success(), "{}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = said(&[]);
    for part in ["cpu (cpu, native): 1 ops, ", "all right", "largest error", "  sigmoid  plain ", "4 ULP"] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    let report = said(&["--report", "--reproduce", "cases"]);
    for part in ["```text\nwgrad ", "adapter: cpu (cpu, native)", "  sigmoid (plain): ", "bar 4 ULP\n```"] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}

/// The process that `wgrad doctor` runs a device in.
#[cfg(target_os = "linux")]
fn child_of(doctor: &std::process::Child) -> u32 {
    let is_device = |pid: &u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split('\0').any(|word| word == "--child")
    };
    for _ in 0..600 {
        let threads = fs::read_dir(format!("/proc/{}/task", doctor.id())).into_iter().flatten().flatten();
        let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let pids: Vec<u32> = children
            .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        if let Some(pid) = pids.into_iter().find(is_device) {
            return pid;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("there is no process of a device")
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_reports_a_process_that_dies_and_goes_on() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgrad"));
    command.args(["doctor", "--device", "cpu", "--op", "^(matmul_nt|relu)$", "--json"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let doctor = command.spawn().unwrap();
    let pid = child_of(&doctor);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(Command::new("kill").args(["-ABRT", &pid.to_string()]).status().unwrap().success());
    let output = doctor.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("rows failed"), "{}", err(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&Value> = rows.iter().filter(|row| row["ok"] == false).collect();
    assert_eq!(failed.len(), 1, "{text}");
    assert!(failed[0]["problems"][0].as_str().unwrap().contains("signal: 6"), "{text}");
    assert!(failed[0]["max_error"].is_number());
}
