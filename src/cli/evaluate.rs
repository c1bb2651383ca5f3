//! `wgrad evaluate`: how far a model's predictions are from a table.

use anyhow::Result;
use serde::Serialize;

use crate::cli::output::{self, line, result};
use crate::cli::{Given, bad_input, nothing_left, open_model, refused};
use crate::error::Error;
use crate::optimizers::Sgd;
use crate::tabular::Scores;

/// Tests a model that `wgrad train` has saved on the rows of a CSV file.
///
/// Says loss, accuracy and confusion matrix of classes; loss, mean absolute error, root mean square error and R² of values.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad evaluate flowers/model.safetensors --data test.csv --target species")]
pub(super) struct Arguments {
    #[command(flatten)]
    given: Given,
    /// The column with what is right; without it, the one that the model was trained on.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// What an empty cell is: error (unless the model fills it), or drop (its row is left out).
    #[arg(long, default_value = "error", value_parser = missing)]
    missing: Empty,
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
}

/// What an empty cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    Error,
    Drop,
}

fn missing(text: &str) -> Result<Empty, String> {
    match text {
        "error" => Ok(Empty::Error),
        "drop" => Ok(Empty::Drop),
        _ => {
            Err("expected error or drop; a model that was trained with --missing mean fills empty cells itself".into())
        }
    }
}

#[derive(Serialize)]
struct ResultEvent {
    event: &'static str,
    rows: usize,
    loss: f64,
    #[serde(flatten)]
    scores: Scores,
    device: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut predictor = open_model(&arguments.given.model, &arguments.given.device)?;
    let trained = predictor.preprocessing().target.column().to_string();
    let target = arguments.target.as_ref().unwrap_or(&trained);
    let table = predictor.read(&arguments.given.data, Some(target), &arguments.given.ignore.0);
    let table = table.map_err(|error| match error {
        Error::Argument { .. } => refused(error),
        error => bad_input(error),
    })?;
    let table = if arguments.missing == Empty::Drop { table.whole_rows() } else { table };
    if table.rows() == 0 {
        return Err(nothing_left(&table));
    }
    let rows: Vec<usize> = (0..table.rows()).collect();
    predictor.compile(Sgd::default())?;
    let (loss, scores) = predictor.evaluate(&table, target, &rows).map_err(bad_input)?;
    let (rows, device) = (rows.len(), predictor.model().device().to_string());
    if arguments.json {
        return output::json(&ResultEvent { event: "result", rows, loss, scores, device });
    }
    line(&format!("device: {device}"))?;
    result(&format!("{scores}, loss {loss:.4} on {rows} rows"))?;
    match &scores {
        Scores::Classes { classes, confusion, .. } => result(&matrix(classes, confusion)),
        Scores::Values { .. } => Ok(()),
    }
}

/// The confusion matrix as text.
fn matrix(classes: &[String], confusion: &[Vec<u64>]) -> String {
    let cells = confusion.iter().flatten().map(|count| count.to_string().len());
    let names = || classes.iter().map(|name| name.chars().count());
    let width = cells.chain(names()).max().unwrap_or(1).min(12) + 2;
    let first = names().max().unwrap_or(0).clamp(6, 24);
    let cut = crate::tabular::shortened;
    let heads: String = classes.iter().map(|name| format!("{:>width$}", cut(name, width - 2))).collect();
    let mut text = format!("rows: actual, columns: predicted\n{:first$}{heads}", "");
    for (name, row) in classes.iter().zip(confusion) {
        let counts: String = row.iter().map(|count| format!("{count:>width$}")).collect();
        text += &format!("\n{:first$}{counts}", cut(name, first));
    }
    text
}
