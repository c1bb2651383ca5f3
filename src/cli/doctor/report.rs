//! A block to paste into an issue.

use crate::check::Row;
use crate::cli::doctor::show::{details, measured};
use crate::cli::found::Found;

/// What a device is, in lines.
pub fn about(device: &Found) -> Vec<String> {
    let Found { name, kind, backend, driver, .. } = device;
    let mut lines = vec![
        format!("wgrad {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
        format!("adapter: {name} ({kind}, {backend})"),
    ];
    if !driver.is_empty() {
        lines.push(format!("driver: {driver}"));
    }
    lines
}

/// Each device with the worst error of each op, as a block of Markdown.
pub fn block(devices: &[Found], rows: &[Vec<Row>]) -> String {
    let mut lines = vec!["```text".to_string()];
    for (i, (device, rows)) in devices.iter().zip(rows).enumerate() {
        if i > 0 {
            lines.push(String::new());
        }
        lines.extend(about(device));
        let (cases, failed) = (rows.iter().map(|row| row.cases).sum::<usize>(), rows.iter().filter(|r| !r.ok).count());
        lines.push(format!("{cases} cases, {} rows, {failed} failed", rows.len()));
        for row in rows {
            let [error, bar] = measured(row);
            let number = if error == "equal" { bar } else { format!("{error}, bar {bar}") };
            let failed = if row.ok { "" } else { ": FAILED" };
            lines.push(format!("  {} ({}): {number}{failed}", row.op, row.variant));
            lines.extend(details(row));
        }
    }
    lines.push("```".into());
    lines.join("\n")
}
