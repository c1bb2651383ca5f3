//! The published table of bars is that of the ops.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wgrad::check::jobs;
use wgrad::graph::Measure;

const HEAD: &str = "| op | may be off by | parts |\n|---|---|---|\n";

/// The rows of the table in a text: the op, and its cells.
fn rows(text: &str) -> BTreeMap<String, [String; 2]> {
    let table = text.split(HEAD).nth(1).unwrap_or_default();
    let cells = table.lines().take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [op, bar, parts] = cells[..] else { panic!("a row of three cells: {line}") };
        (op.trim_matches('`').to_string(), [bar.to_string(), parts.to_string()])
    });
    cells.collect()
}

/// The text with the table of the ops; what stands there of the parts of an op stays.
fn updated(text: &str) -> String {
    let known = rows(text);
    let mut table = HEAD.to_string();
    let measures: BTreeMap<String, Measure> =
        jobs(|_| true).into_iter().map(|job| (job.op().to_string(), job.case.op.measure())).collect();
    for (op, measure) in measures {
        let parts = known.get(&op).filter(|_| measure == Measure::Parts).map_or("", |[_, parts]| parts.as_str());
        table.push_str(format!("| `{op}` | {measure} | {parts} |").replace("|  |", "| |").as_str());
        table.push('\n');
    }
    let front = text.split(HEAD).next().unwrap_or_default();
    let after = text.split(HEAD).nth(1).unwrap_or_default();
    let after = after.lines().skip_while(|line| line.starts_with('|')).map(|line| format!("{line}\n"));
    format!("{front}{table}{}", after.collect::<String>())
}

#[test]
fn the_published_bars_are_those_of_the_ops() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/bars.md");
    let text = fs::read_to_string(&page).unwrap();
    let want = updated(&text);
    if text != want {
        let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bars.md");
        fs::write(&written, want).unwrap();
        panic!("docs/guide/bars.md is not that of the ops: copy {} over it", written.display());
    }
}

#[test]
fn the_table_keeps_what_is_said_of_parts_and_drops_what_is_gone() {
    let old = format!("front\n{HEAD}| `adam` | 1 ULP | by hand |\n| `gone` | 2 ULP | |\n\nend\n");
    let new = updated(&old);
    assert!(new.starts_with("front\n| op |") && new.ends_with("|\n\nend\n"), "{new}");
    assert!(new.contains("| `adam` | the bars of its parts | by hand |\n") && !new.contains("gone"), "{new}");
    assert!(new.contains("| `relu` | equal bits | |\n"), "{new}");
    assert_eq!(updated(&new), new);
}
