//! Bad tables and bad files on the command line: one sentence, status 2, nothing written; held against `bad_tables.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Rows of a good table, the header in front.
fn good() -> Vec<String> {
    let row = |i: usize| format!("{},{},{},{}", i % 7, i * 37 % 11, ["red", "blue"][i % 2], ["no", "yes"][i / 3 % 2]);
    std::iter::once("a,b,kind,y".to_string()).chain((0..40).map(row)).collect()
}

/// The good table with another line in the place of one; lines count from 1.
fn with(line: usize, text: &[u8]) -> Vec<u8> {
    let mut rows: Vec<Vec<u8>> = good().into_iter().map(String::into_bytes).collect();
    rows[line - 1] = text.to_vec();
    let mut bytes = rows.join(&b'\n');
    bytes.push(b'\n');
    bytes
}

/// A table whose target is made of the row's number.
fn target_of(value: impl Fn(usize) -> String, rows: usize) -> Vec<u8> {
    let rows: String = (0..rows).map(|i| format!("{},{}\n", i % 5, value(i))).collect();
    format!("a,y\n{rows}").into_bytes()
}

/// A column of text that is another in every row.
fn names_of_their_own() -> Vec<u8> {
    let rows: String = (0..60).map(|i| format!("{},name {i},{}\n", i % 5, ["x", "z"][i % 2])).collect();
    format!("a,name,y\n{rows}").into_bytes()
}

/// Columns of text that are more features than a model takes.
fn too_many_features() -> Vec<u8> {
    let names: String = (0..70).map(|column| format!(",c{column}")).collect();
    let row =
        |i: usize| format!("{}{}\n", ["x", "z"][i % 2], (0..70).map(|_| format!(",t{}", i / 2)).collect::<String>());
    let rows: String = (0..2000).map(row).collect();
    format!("y{names}\n{rows}").into_bytes()
}

/// A target `p_x` whose classes are `x` and `z`.
fn target_named_like_a_probability() -> Vec<u8> {
    let rows: String = (0..60).map(|i| format!("{},{}\n", i % 5, ["x", "z"][i % 2])).collect();
    format!("a,p_x\n{rows}").into_bytes()
}

/// An empty folder with the files that the cases name.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bad-tables");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("folder")).unwrap();
    folder
}

fn wgrad(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wgrad")).args(arguments).current_dir(folder).output().unwrap()
}

/// Tables that are wrong in themselves, trained with `--target y`.
fn tables() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let utf16 = good().join("\n").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let noise = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        ("empty", vec![]),
        ("blank-lines", text("\n\r\n\n")),
        ("header-only", text("a,b,kind,y\n")),
        ("header-without-end", text("a,b,kind,y")),
        ("ragged-short", with(32, b"1,2,red")),
        ("ragged-long", with(32, b"1,2,red,no,9")),
        ("ragged-after-quotes", with(32, b"1,2,\"re\nd\",no\n1,2")),
        ("ragged-last", with(41, b"1")),
        ("nan", with(32, b"1,nan,red,no")),
        ("nan-capitals", with(32, b"1,NaN,red,no")),
        ("nan-negative", with(32, b"1,-nan,red,no")),
        ("nan-first", with(2, b"1,nan,red,no")),
        ("inf", with(32, b"1,inf,red,no")),
        ("inf-negative", with(32, b"-inf,2,red,no")),
        ("infinity", with(32, b"1,Infinity,red,no")),
        ("overflow", with(32, b"1,1e999,red,no")),
        ("overflow-f32", with(32, b"1,1e39,red,no")),
        ("overflow-negative", with(32, b"1,-1e400,red,no")),
        ("missing-number", with(32, b"1,,red,no")),
        ("missing-text", with(32, b"1,2,,no")),
        ("missing-target", with(32, b"1,2,red,")),
        ("missing-first", with(2, b",2,red,no")),
        ("missing-blanks", with(32, b"1,  ,red,no")),
        ("missing-quoted", with(32, b"1,\"\",red,no")),
        ("mixed-text", with(32, b"1,x,red,no")),
        ("mixed-number", with(32, b"1,2,3,no")),
        ("mixed-target", with(32, b"1,2,red,1")),
        ("mixed-hexadecimal", with(32, b"1,0x10,red,no")),
        ("mixed-decimal-comma", with(32, b"1,\"1,5\",red,no")),
        ("mixed-thousands", with(32, b"1,1 000,red,no")),
        ("mixed-underscore", with(32, b"1,1_000,red,no")),
        ("mixed-na", with(32, b"1,NA,red,no")),
        ("mixed-arabic-digits", with(32, "1,٣,red,no".as_bytes())),
        ("utf8", with(32, b"1,2,\xff\xfe,no")),
        ("utf8-cut", with(32, b"1,2,r\xc3,no")),
        ("utf8-header", with(1, b"a,b,kin\xff,y")),
        ("utf16", utf16),
        ("nul", with(32, b"1,\x00,red,no")),
        ("nul-header", with(1, b"a,b\x00,kind,y")),
        ("duplicate", with(1, b"a,a,kind,y")),
        ("duplicate-blanks", with(1, b"a, a ,kind,y")),
        ("nameless", with(1, b"a,,kind,y")),
        ("nameless-last", with(1, b"a,b,kind,y,")),
        ("quote-open", with(32, b"1,2,\"red,no")),
        ("quote-stray", with(32, b"1,2,re\"d,no")),
        ("quote-open-header", with(1, b"a,b,\"kind,y")),
        ("one-class-text", target_of(|_| "yes".into(), 40)),
        ("one-class-number", target_of(|_| "1".into(), 40)),
        ("only-the-target", text("y\n1\n0\n1\n0\n1\n0\n1\n0\n1\n0\n")),
        ("too-many-classes", target_of(|i| format!("c{i}"), 1100)),
        ("prices-as-text", target_of(|i| format!("${i}.5"), 60)),
        ("names-of-their-own", names_of_their_own()),
        ("too-many-features", too_many_features()),
        (
            "far-off",
            text("a,b,y\n1,1e-30,x\n2,2e-30,z\n1,1e38,x\n2,1e-30,z\n1,2e-30,x\n2,1e-30,z\n1,1e-30,x\n2,2e-30,z\n"),
        ),
        ("quote-behind", with(32, b"1,2,\"re\"d,no")),
        ("quoted-semicolons", text("\"a\";\"b\";\"y\"\n1;2;x\n")),
        ("semicolons-and-quotes", text("a;\"b\";y\n1;2;x\n")),
        ("named-like-a-probability", target_named_like_a_probability()),
        ("target-far-off", target_of(|i| if i == 8 { "1e38".into() } else { format!("{i}.5e-30") }, 60)),
        ("quote-after-blank", with(32, b"1,2, \"red\",no")),
        ("quotes-that-pair-by-chance", with(32, b"5\" pipe,2,red,\"no")),
        ("returns", with(32, b"1,x,red,no").into_iter().map(|b| if b == b'\n' { b'\r' } else { b }).collect()),
        ("number-empty-column", text("a,b,y\n1,,x\n2,,z\n1,,x\n2,,z\n1,,x\n2,,z\n1,,x\n2,,z\n1,,x\n2,,z\n")),
        ("one-row", text("a,y\n1,x\n")),
        ("two-rows", text("a,y\n1,x\n2,z\n")),
        ("semicolons", text("a;b;y\n1;2;x\n2;3;z\n")),
        ("tabs", text("a\tb\ty\n1\t2\tx\n")),
        ("noise", noise),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KL\xd2Il\xd2\xa9\xe4\x02\x00".to_vec()),
        ("picture", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00".to_vec()),
        ("json", text("{\"a\": [1, 2], \"y\": [0, 1]}\n")),
        ("wide", format!("y,{}\n1\n", ["x"; 100_001].join(",")).into_bytes()),
    ]
}

/// What a case says, with its arguments; `DATA` stands for a table.
fn said(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let before = files(folder);
    let output = wgrad(folder, arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{name}: {arguments:?}: {text}");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("warning: ")).collect();
    let [line] = lines[..] else { panic!("{name}: one sentence, got {text}") };
    assert!(line.starts_with("error: ") && !line.contains("panicked") && line.len() < 700, "{name}: {line}");
    assert!(output.stdout.is_empty(), "{name}: it says something on standard output");
    assert!(files(folder) == before, "{name}: something was written");
    let place = format!("{}/", folder.display());
    format!("{name}\n    {}\n", line.trim_start_matches("error: ").replace(&place, ""))
}

/// All files below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| match path.is_dir() {
        true => files(&path).into_iter().chain([(path, vec![])]).collect(),
        false => BTreeMap::from([(path.clone(), fs::read(&path).unwrap())]),
    };
    paths.flat_map(of).collect()
}

fn train<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let first = ["train", "--device", "cpu", "--epochs", "1", "--out", "out", "--data", data];
    let target = if more.contains(&"--target") || more.contains(&"NO-TARGET") { &[][..] } else { &["--target", "y"] };
    let more = more.iter().copied().filter(|&word| word != "NO-TARGET");
    first.into_iter().chain(target.iter().copied()).chain(more).collect()
}

/// Options that do not fit the table.
const OPTIONS: &[(&str, &str, &[&str])] = &[
    ("no file", "none.csv", &[]),
    ("a folder", "folder", &[]),
    ("a file below a file", "good.csv/x.csv", &[]),
    ("no target", "good.csv", &["NO-TARGET"]),
    ("another target", "good.csv", &["--target", "z"]),
    ("a target in capitals", "good.csv", &["--target", "Y"]),
    ("an empty target", "good.csv", &["--target", ""]),
    ("no such task", "good.csv", &["--task", "clustering"]),
    ("binary of three", "three.csv", &["--task", "binary"]),
    ("binary of numbers", "numbers.csv", &["--task", "binary"]),
    ("multiclass of numbers", "many-numbers.csv", &["--task", "multiclass"]),
    ("regression of text", "good.csv", &["--task", "regression"]),
    ("no such way with empty cells", "missing-number.csv", &["--missing", "median"]),
    ("the mean of text", "missing-text.csv", &["--missing", "mean"]),
    ("the mean of a target", "missing-target.csv", &["--missing", "mean"]),
    ("the mean of nothing", "number-empty-column.csv", &["--missing", "mean"]),
    ("nothing left", "number-empty-column.csv", &["--missing", "drop"]),
    ("ignoring what is not there", "good.csv", &["--ignore", "z"]),
    ("ignoring the target", "good.csv", &["--ignore", "y"]),
    ("ignoring everything", "good.csv", &["--ignore", "a,b,kind"]),
    ("categories that are not there", "good.csv", &["--categorical", "a,z"]),
    ("too many categories", "many-numbers.csv", &["--categorical", "y", "--target", "a"]),
    ("names of their own as categories", "names-of-their-own.csv", &["--categorical", "name"]),
    ("no rows to train on", "good.csv", &["--test-split", "0.6", "--validation-split", "0.5"]),
    ("an empty target of a regression", "missing-value.csv", &["--task", "regression", "--seed", "0"]),
    ("an empty target of a regression, elsewhere", "missing-value.csv", &["--task", "regression", "--seed", "1"]),
    ("an empty target of a regression, in the end", "missing-value.csv", &["--task", "regression", "--seed", "2"]),
    ("more weights than there can be", "good.csv", &["--layers", "100000000"]),
    ("a share in percent", "good.csv", &["--test-split", "20%"]),
    ("a share of all", "good.csv", &["--validation-split", "1"]),
    ("a seed below 0", "good.csv", &["--seed", "-1"]),
    ("a list of columns with half a quote", "good.csv", &["--ignore", "\"a"]),
    ("a class in rows that are dropped alone", "dropped-class.csv", &["--missing", "drop"]),
    ("what is read as what is written", "out/history.csv", &[]),
    ("a share of no row", "good.csv", &["--test-split", "0.001"]),
];

/// Models and tables that do not go together.
const FILES: &[(&str, &[&str])] = &[
    ("no model", &["predict", "none.safetensors", "--data", "good.csv"]),
    ("a folder as model", &["predict", "folder", "--data", "good.csv"]),
    ("an empty model", &["info", "empty.csv"]),
    ("a table as model", &["info", "good.csv"]),
    ("a model that is cut off", &["predict", "cut.safetensors", "--data", "good.csv"]),
    ("a model that is longer", &["info", "longer.safetensors"]),
    ("a model with another bit", &["info", "flipped.safetensors"]),
    ("a model of another version", &["info", "version.safetensors"]),
    ("weights of another program", &["info", "weights.safetensors"]),
    ("a model of no table", &["predict", "plain.safetensors", "--data", "good.csv"]),
    ("predictions over the table", &["predict", "model.safetensors", "--data", "good.csv", "--out", "good.csv"]),
    (
        "predictions over the model",
        &["predict", "model.safetensors", "--data", "good.csv", "--out", "model.safetensors"],
    ),
    ("predictions over a device", &["predict", "model.safetensors", "--data", "good.csv", "--out", "/dev/null"]),
    ("ignoring an input", &["predict", "model.safetensors", "--data", "good.csv", "--ignore", "a"]),
    ("ignoring what nobody has", &["predict", "model.safetensors", "--data", "good.csv", "--ignore", "q"]),
    ("filling what evaluates", &["evaluate", "model.safetensors", "--data", "good.csv", "--missing", "mean"]),
    ("no data", &["predict", "model.safetensors"]),
    ("no such data", &["predict", "model.safetensors", "--data", "none.csv"]),
    ("an empty table", &["predict", "model.safetensors", "--data", "empty.csv"]),
    ("a header alone", &["predict", "model.safetensors", "--data", "header-only.csv"]),
    ("a missing column", &["predict", "model.safetensors", "--data", "without-b.csv"]),
    ("an unknown column", &["predict", "model.safetensors", "--data", "with-c.csv"]),
    ("columns that differ", &["predict", "model.safetensors", "--data", "differs.csv"]),
    ("text among numbers", &["predict", "model.safetensors", "--data", "mixed-text.csv"]),
    ("text for numbers", &["predict", "model.safetensors", "--data", "text-for-numbers.csv"]),
    ("an unseen category", &["predict", "model.safetensors", "--data", "unseen.csv"]),
    ("an empty number", &["predict", "model.safetensors", "--data", "missing-number.csv"]),
    ("an empty category", &["predict", "model.safetensors", "--data", "missing-text.csv"]),
    ("a ragged table", &["predict", "model.safetensors", "--data", "ragged-short.csv"]),
    ("a folder for predictions", &["predict", "model.safetensors", "--data", "good.csv", "--out", "folder"]),
    ("predictions in no folder", &["predict", "model.safetensors", "--data", "good.csv", "--out", "none/p.csv"]),
    ("predictions below a file", &["predict", "model.safetensors", "--data", "good.csv", "--out", "good.csv/p.csv"]),
    ("an unseen class", &["evaluate", "model.safetensors", "--data", "unseen-class.csv"]),
    ("no target to evaluate", &["evaluate", "model.safetensors", "--data", "without-y.csv"]),
    ("another target to evaluate", &["evaluate", "model.safetensors", "--data", "good.csv", "--target", "z"]),
    ("an input as target", &["evaluate", "model.safetensors", "--data", "good.csv", "--target", "a"]),
    ("an empty target to evaluate", &["evaluate", "model.safetensors", "--data", "missing-target.csv"]),
    ("an unseen number as class", &["evaluate", "digits.safetensors", "--data", "other-digits.csv"]),
    ("no such shell", &["completions", "tcl"]),
];

/// The files of [`OPTIONS`] and [`FILES`] that are no bad table in themselves.
fn prepare(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    for (name, bytes) in tables() {
        write(&format!("{name}.csv"), &bytes);
    }
    write("good.csv", good().join("\n").as_bytes());
    write("missing-value.csv", &target_of(|i| if i == 30 { String::new() } else { format!("{i}.5") }, 60));
    write("dropped-class.csv", &target_of(|i| if i < 3 { "no".into() } else { "yes".into() }, 60));
    let dropped = String::from_utf8(fs::read(folder.join("dropped-class.csv")).unwrap()).unwrap();
    write("dropped-class.csv", dropped.replace("0,no", ",no").replace("1,no", ",no").replace("2,no", ",no").as_bytes());
    fs::create_dir(folder.join("out")).unwrap();
    write("out/history.csv", good().join("\n").as_bytes());
    write("three.csv", &target_of(|i| ["a", "b", "c"][i % 3].into(), 60));
    write("numbers.csv", &target_of(|i| format!("{}.5", i * i), 60));
    write("many-numbers.csv", &target_of(|i| format!("{i}.5"), 1100));
    let columns = |kept: &[usize], more: &[&str]| {
        let pick = |row: &String| {
            let cells: Vec<&str> = row.split(',').collect();
            kept.iter().map(|&i| cells[i]).chain(more.iter().copied()).collect::<Vec<_>>().join(",")
        };
        good().iter().map(pick).collect::<Vec<_>>().join("\n")
    };
    write("without-b.csv", columns(&[0, 2, 3], &[]).as_bytes());
    write("without-y.csv", columns(&[0, 1, 2], &[]).as_bytes());
    write("with-c.csv", columns(&[0, 1, 2], &["c"]).as_bytes());
    write("differs.csv", columns(&[0, 2], &["bb", "c"]).as_bytes());
    write("text-for-numbers.csv", b"a,b,kind\n1,x,red\n");
    write("unseen.csv", &with(32, b"1,2,green,no"));
    write("unseen-class.csv", &with(32, b"1,2,red,maybe"));
    write("digits.csv", &target_of(|i| (i % 3).to_string(), 60));
    write("other-digits.csv", &target_of(|i| (i % 3 + i / 30).to_string(), 60));
    for (data, out) in [("good.csv", "model"), ("digits.csv", "digits")] {
        let arguments =
            ["train", "--device", "cpu", "--epochs", "1", "--data", data, "--target", "y", "--out", "trained"];
        let output = wgrad(folder, &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(folder.join("trained/model.safetensors"), folder.join(format!("{out}.safetensors"))).unwrap();
        fs::remove_dir_all(folder.join("trained")).unwrap();
    }
    let model = fs::read(folder.join("model.safetensors")).unwrap();
    write("cut.safetensors", &model[..model.len() / 2]);
    write("longer.safetensors", &[&model[..], b"\n"].concat());
    let mut flipped = model.clone();
    flipped[model.len() - 100] ^= 4;
    write("flipped.safetensors", &flipped);
    let before = br#"\"version\":"#;
    let at = model.windows(before.len()).position(|bytes| bytes == before).unwrap() + before.len();
    let mut version = model.clone();
    version[at] = b'7';
    write("version.safetensors", &version);
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mlp_small.safetensors");
    fs::copy(weights, folder.join("weights.safetensors")).unwrap();
    use wgrad::{Dense, Device, Layer, Sequential};
    let plain = Sequential::new().add(Dense::new(2).input_shape([3])).build(&Device::cpu()).unwrap();
    plain.save(folder.join("plain.safetensors")).unwrap();
}

#[test]
fn cli_refuses_bad_tables_and_files_in_a_sentence() {
    let folder = folder();
    prepare(&folder);
    let mut got = String::new();
    for (name, _) in tables() {
        let target: &[&str] = if name == "named-like-a-probability" { &["--target", "p_x"] } else { &[] };
        got += &said(&folder, name, &train(&format!("{name}.csv"), target));
    }
    for (name, data, more) in OPTIONS {
        got += &said(&folder, name, &train(data, more));
    }
    for (name, arguments) in FILES {
        got += &said(&folder, name, arguments);
    }
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/bad_tables.txt");
    fs::write(path, &got).unwrap();
    assert_eq!(got, include_str!("bad_tables.txt"), "if the new text is meant, it stands in {path}");
    assert!(got.lines().count() / 2 >= 80);
}
