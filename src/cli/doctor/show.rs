//! What a user sees of the suite: bars on a terminal while it runs, then a table per device, or JSON lines.

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::check::Row;
use crate::cli::doctor::supervise::Event;
use crate::cli::found::Found;
use crate::cli::output;

/// Problems of a row that are shown; JSON has all.
const PROBLEMS: usize = 3;

/// Where the suite is shown.
#[derive(Debug)]
pub struct Screen {
    json: bool,
    /// Whether rows are shown at the end and in another form.
    later: bool,
    devices: Vec<Found>,
    bars: MultiProgress,
    of_device: Vec<Option<ProgressBar>>,
    rows: Vec<Vec<Row>>,
    jobs: usize,
}

impl Screen {
    /// With a bar for each device that runs, where standard error is a terminal.
    pub fn new(json: bool, later: bool, devices: &[Found], jobs: usize) -> Self {
        Self {
            json,
            later,
            devices: devices.to_vec(),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            of_device: vec![None; devices.len()],
            rows: vec![vec![]; devices.len()],
            jobs,
        }
    }

    /// Says that the adapters cannot be listed.
    pub fn broken(&self, reason: &str) -> Result<()> {
        match self.json {
            true => output::json(&json!({ "device": "adapters", "ok": false, "problems": [reason] })),
            false => output::line(&format!("the adapters cannot be listed: the process that does it {reason}")),
        }
    }

    /// Shows what has happened on a device.
    pub fn show(&mut self, device: usize, event: &Event) -> Result<()> {
        match event {
            Event::At(job, op) => {
                let bar = self.bar(device);
                bar.set_position(*job as u64);
                bar.set_message(op.clone());
            }
            Event::Rows(rows) if self.json => {
                return self.bars.suspend(|| rows.iter().try_for_each(output::json));
            }
            Event::Rows(rows) => self.rows[device].extend(rows.iter().cloned()),
            Event::Done => {
                if let Some(bar) = self.of_device[device].take() {
                    bar.finish_and_clear();
                }
                if !self.json && !self.later {
                    let text = table(&self.devices[device], &self.rows[device]);
                    return self.bars.suspend(|| output::line(&text));
                }
            }
        }
        Ok(())
    }

    fn bar(&mut self, device: usize) -> &ProgressBar {
        let (bars, jobs, name) = (&self.bars, self.jobs, &self.devices[device].name);
        self.of_device[device].get_or_insert_with(|| {
            let template = "{prefix:24!} {bar:30.green/white} {pos:>5}/{len} cases, {elapsed} {msg}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = ProgressBar::new(jobs as u64).with_prefix(name.clone());
            bars.add(bar.with_style(style.progress_chars("━╸─")))
        })
    }
}

/// The rows of a device under each other.
fn table(device: &Found, rows: &[Row]) -> String {
    let count = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let mut ops: Vec<&str> = rows.iter().map(|row| row.op.as_str()).collect();
    ops.dedup();
    let failed = rows.iter().filter(|row| !row.ok).count();
    let verdict = if failed == 0 { "all right".to_string() } else { format!("{failed} FAILED") };
    let Found { name, kind, backend, .. } = device;
    let mut lines =
        vec![format!("{name} ({kind}, {backend}): {} ops, {} cases, {verdict}", ops.len(), count(|r| r.cases))];
    let head = ["op", "variant", "cases", "shapes", "largest error", "bar", ""].map(String::from);
    let cells: Vec<[String; 7]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut details = rows.iter().map(details);
    for (i, row) in cells.iter().enumerate() {
        let [op, variant, cases, shapes, error, bar, verdict] = row;
        let [a, b, c, d, e, f, _] = widths[..] else { continue };
        let line = format!("  {op:a$}  {variant:b$}  {cases:>c$}  {shapes:>d$}  {error:>e$}  {bar:f$}  {verdict}");
        lines.push(line.trim_end().to_string());
        if i > 0 {
            lines.extend(details.next().into_iter().flatten());
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn cells(row: &Row) -> [String; 7] {
    let Row { op, variant, cases, shapes, ok, .. } = row;
    let verdict = if *ok { "" } else { "FAILED" };
    let [error, bar] = measured(row);
    [op.clone(), variant.clone(), cases.to_string(), shapes.to_string(), error, bar, verdict.into()]
}

/// The largest error of a row and its bar, in words.
pub fn measured(row: &Row) -> [String; 2] {
    let error = match row.max_error {
        error if error >= f64::from(f32::MAX) => "no number".into(),
        error if error >= 1e4 => format!("{error:.1e}"),
        error => format!("{error:.3}"),
    };
    match row.measure {
        "equal" if row.max_error == 0.0 => ["equal".into(), "equal bits".into()],
        "equal" => ["differs".into(), "equal bits".into()],
        "ulp" => [error, format!("{} ULP", row.bar)],
        "sum" => [error, format!("{} (√K + 8) 2⁻²⁴ Σ│aᵢ bᵢ│", row.bar)],
        _ => [error, "1, the bars of its parts".into()],
    }
}

/// What is wrong with a row, in lines.
pub fn details(row: &Row) -> Vec<String> {
    let mut lines = vec![];
    if let Some(case) = &row.worst {
        lines.push(format!("      worst: {}: {}", case.place, case.worst));
    }
    lines.extend(row.problems.iter().take(PROBLEMS).map(|problem| format!("      {problem}")));
    if row.problems.len() > PROBLEMS {
        lines.push(format!("      and {} more", row.problems.len() - PROBLEMS));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_per_row_and_what_is_wrong_below_it() {
        let device = serde_json::json!({ "name": "Radeon", "kind": "gpu", "backend": "vulkan" });
        let device = Found::from_json(0, &device);
        let row = |measure, max_error, bar, ok| Row {
            op: "relu".into(),
            variant: "default".into(),
            device: "Radeon".into(),
            cases: 148,
            shapes: 15,
            measure,
            max_error,
            bar,
            ok,
            worst: None,
            problems: if ok { vec![] } else { vec!["it broke".into()] },
        };
        let text = table(&device, &[row("equal", 0.0, 0.0, true), row("ulp", f64::from(f32::MAX), 4.0, false)]);
        let want = "\
Radeon (gpu, vulkan): 1 ops, 296 cases, 1 FAILED
  op    variant  cases  shapes  largest error  bar
  relu  default    148      15          equal  equal bits
  relu  default    148      15      no number  4 ULP       FAILED
      it broke
";
        assert_eq!(text, want);
    }
}
