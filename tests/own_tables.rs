//! Tables of one's own on the command line: from a CSV file to a model, its predictions and its scores.

#[path = "common/command.rs"]
mod command;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use command::{err, folder, keys, lines, wgrad};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits.csv");

/// Trains on four fifths of the digits, and holds what fresh processes predict and evaluate of the last fifth to each other.
fn check_digits(folder: &Path, device: &str) {
    let digits = fs::read_to_string(DIGITS).unwrap();
    let (header, rows) = digits.split_once('\n').unwrap();
    let write = |name: &str, is_in: fn(usize) -> bool| {
        let rows = rows.lines().enumerate().filter(|(i, _)| is_in(*i)).map(|(_, row)| row);
        let text = std::iter::once(header).chain(rows).collect::<Vec<_>>().join("\n");
        fs::write(folder.join(name), &text).unwrap();
        text
    };
    write("seen.csv", |i| i % 5 > 0);
    let held = write("held.csv", |i| i % 5 == 0);
    let train =
        "train --data seen.csv --target digit --test-split 0.1 --validation-split 0.1 --epochs 30 --json --out digits";
    let train: Vec<&str> = train.split(' ').chain(["--device", device]).collect();
    let result = lines(&wgrad(folder, &train)).pop().unwrap();
    assert!(result["test_accuracy"].as_f64().unwrap() >= 0.95, "{device}: {result}");
    let (model, data) = ("digits/model.safetensors", "held.csv");
    let predict = ["predict", model, "--data", data, "--out", "digits/predicted.csv", "--quiet", "--device", device];
    let output = wgrad(folder, &predict);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{}", err(&output));
    let evaluate = ["evaluate", model, "--data", data, "--target", "digit", "--json", "--quiet", "--device", device];
    let scores = lines(&wgrad(folder, &evaluate)).pop().unwrap();
    let given = fs::read_to_string(folder.join("digits/predicted.csv")).unwrap();
    let last = |line: &str| line.rsplit(',').next().unwrap().to_string();
    let pairs: Vec<_> = given.lines().map(last).zip(held.lines().map(last)).skip(1).collect();
    let right = pairs.iter().filter(|(given, truth)| given == truth).count() as f64;
    assert_eq!((pairs.len(), scores["rows"].as_u64()), (360, Some(360)), "{device}");
    assert_eq!(scores["accuracy"].as_f64(), Some(right / 360.0), "{device}");
    assert!(right / 360.0 >= 0.95, "{device}: {right} of 360 rows that training never saw");
    let confusion = scores["confusion"].as_array().unwrap();
    let diagonal: u64 = (0..10).map(|class| confusion[class][class].as_u64().unwrap()).sum();
    assert_eq!(diagonal as f64, right, "{device}");
}

#[test]
fn digits_are_learned_predicted_and_evaluated_by_fresh_processes() {
    let folder = folder("digits");
    check_digits(&folder, "cpu");
    let info = lines(&wgrad(&folder, &["info", "digits/model.safetensors", "--json"])).pop().unwrap();
    assert_eq!(keys(&info), ["model", "name", "origin", "parameters", "preprocessing", "weights_sha256"]);
    assert_eq!((&info["origin"]["data"], &info["origin"]["rows"][0]), (&"seen.csv".into(), &1437.into()));
    let devices = lines(&wgrad(&folder, &["devices", "--json"]));
    for device in devices.iter().filter(|device| device["kind"] != "cpu") {
        check_digits(&folder, device["name"].as_str().unwrap());
    }
}

#[test]
fn a_regression_says_its_errors_in_the_units_of_the_target() {
    let folder = folder("regression");
    let row = |i: usize| {
        let (x, zone) = (i * 37 % 100, ["n", "s"][i % 2]);
        format!("{x},{zone},7,{}\n", 1000 * x + 500 * (i % 2) + 20 * (i % 5))
    };
    let table = "x,zone,same,price\n".to_string() + &(0..400).map(row).collect::<String>();
    fs::write(folder.join("prices.csv"), table).unwrap();
    let train = ["train", "--data", "prices.csv", "--target", "price", "--epochs", "60", "--device", "cpu", "--json"];
    fs::create_dir(folder.join("wgrad-run")).unwrap();
    fs::write(folder.join("wgrad-run/confusion_matrix.svg"), "of another run").unwrap();
    let output = wgrad(&folder, &train);
    assert!(err(&output).contains("warning: `same` of prices.csv: constant"), "{}", err(&output));
    let result = lines(&output).pop().unwrap();
    let of = |key: &str| result[key].as_f64().unwrap();
    assert!(of("test_r2") > 0.99 && of("test_mae") < 1500.0 && of("test_rmse") >= of("test_mae"), "{result}");
    let predicted =
        wgrad(&folder, &["predict", "wgrad-run/model.safetensors", "--data", "prices.csv", "--device", "cpu"]);
    let text = String::from_utf8(predicted.stdout).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!((rows[0], rows.len()), ("price", 401));
    assert!((rows[1].parse::<f64>().unwrap() - 0.0).abs() < 5000.0, "{}", rows[1]);
    assert!(!folder.join("wgrad-run/confusion_matrix.svg").exists());
}

/// A table of this many rows with a number and a class.
fn small_table(folder: &Path, rows: usize) {
    let row = |i: usize| format!("{},{},{}\n", i % 7, i * 37 % 11, ["no", "yes"][i / 3 % 2]);
    let text = "a,\"b, c\",y\n".to_string() + &(0..rows).map(row).collect::<String>();
    fs::write(folder.join("t.csv"), text).unwrap();
}

#[test]
fn a_training_that_nobody_reads_leaves_its_files() {
    let folder = folder("unread");
    small_table(&folder, 50);
    let train = "train --data t.csv --target y --device cpu --epochs 3 --out run";
    let mut child = Command::new(env!("CARGO_BIN_EXE_wgrad"));
    let child = child.args(train.split(' ')).current_dir(&folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", err(&output));
    assert!(folder.join("run/model.safetensors").exists());
}

#[test]
fn a_column_with_a_comma_in_its_name_stands_in_quotes() {
    let folder = folder("comma");
    small_table(&folder, 50);
    let train = ["train", "--data", "t.csv", "--target", "y", "--device", "cpu", "--epochs", "1", "--json", "--ignore"];
    let data = &lines(&wgrad(&folder, &[&train[..], &["\"b, c\""]].concat()))[1];
    assert_eq!((&data["event"], &data["features"]), (&"data".into(), &1.into()));
    let refused = wgrad(&folder, &[&train[..], &["b, c"]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", err(&refused));
}

#[test]
fn a_text_is_trained_on_wherever_it_stands_and_no_other_is_known() {
    let folder = folder("texts");
    let row = |i: usize| format!("{},{},{}\n", i % 7, if i == 17 { "once" } else { "often" }, ["no", "yes"][i / 3 % 2]);
    fs::write(folder.join("t.csv"), "a,kind,y\n".to_string() + &(0..60).map(row).collect::<String>()).unwrap();
    let mut noted = 0;
    for seed in ["0", "1", "2", "3", "4", "5", "6", "7"] {
        let train =
            ["train", "--data", "t.csv", "--target", "y", "--device", "cpu", "--epochs", "1", "--seed", seed, "--json"];
        let output = wgrad(&folder, &train);
        let data = &lines(&output)[1];
        let of = |key: &str| data[key].as_u64().unwrap();
        let moved = of("moved");
        assert_eq!((of("features"), of("train") + of("validation") + of("test")), (3, 60), "{data}");
        assert_eq!((of("validation"), of("test")), (12, 12), "{data}");
        noted += moved;
    }
    assert!(noted > 0 && noted < 8, "{noted} of 8 splits");
}

#[test]
fn rows_with_empty_cells_are_left_out_of_training_and_evaluation() {
    let folder = folder("dropped");
    let row = |i: usize| {
        format!("{},{}\n", if i.is_multiple_of(10) { String::new() } else { (i % 7).to_string() }, ["no", "yes"][i % 2])
    };
    fs::write(folder.join("t.csv"), "a,y\n".to_string() + &(0..60).map(row).collect::<String>()).unwrap();
    let train = [
        "train",
        "--data",
        "t.csv",
        "--target",
        "y",
        "--device",
        "cpu",
        "--epochs",
        "1",
        "--missing",
        "drop",
        "--json",
    ];
    let data = &lines(&wgrad(&folder, &train))[1];
    assert_eq!((&data["rows"], &data["dropped"]), (&54.into(), &6.into()));
    let evaluate = ["evaluate", "wgrad-run/model.safetensors", "--data", "t.csv", "--device", "cpu", "--json"];
    assert_eq!(wgrad(&folder, &evaluate).status.code(), Some(2));
    let scores = &lines(&wgrad(&folder, &[&evaluate[..], &["--missing", "drop"]].concat()))[0];
    assert_eq!(scores["rows"], 54);
}

#[test]
fn predictions_of_values_keep_their_digits_and_another_target_may_be_asked_for() {
    let folder = folder("timestamps");
    let row = |i: usize| format!("{},{},{}\n", i % 50, 1_700_000_000 + i % 50, 1_700_000_001 + i % 50);
    fs::write(folder.join("t.csv"), "a,time,later\n".to_string() + &(0..200).map(row).collect::<String>()).unwrap();
    let train = "train --data t.csv --target time --ignore later --device cpu --epochs 100 --json";
    let result = lines(&wgrad(&folder, &train.split(' ').collect::<Vec<_>>())).pop().unwrap();
    let predict = "predict wgrad-run/model.safetensors --data t.csv --device cpu".split(' ').collect::<Vec<_>>();
    let printed = String::from_utf8(wgrad(&folder, &predict).stdout).unwrap();
    let values: Vec<f64> = printed.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    let errors = values.iter().enumerate().map(|(i, v)| (v - (1_700_000_000 + i % 50) as f64).abs());
    let mae = errors.sum::<f64>() / 200.0;
    assert!(mae < 5.0 && mae < 3.0 * result["test_mae"].as_f64().unwrap(), "{mae}, {result}");
    let evaluate = "evaluate wgrad-run/model.safetensors --data t.csv --device cpu --json --target";
    let evaluate = |target: &str| {
        let words: Vec<&str> = evaluate.split(' ').chain([target]).collect();
        lines(&wgrad(&folder, &words))[0]["mae"].as_f64().unwrap()
    };
    assert!((evaluate("time") - mae).abs() < 1e-6 * mae, "{} {mae}", evaluate("time"));
    assert!(evaluate("later") > evaluate("time"));
}
