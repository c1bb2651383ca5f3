//! `wgrad evaluate`: how far a model's predictions are from a table.

use anyhow::Result;
use serde::Serialize;

use crate::cli::output::{self, line};
use crate::cli::{Given, bad_input, open_model};
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
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
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
    if let Some(target) = &arguments.target {
        predictor.set_target_column(target).map_err(bad_input)?;
    }
    let table = predictor.read(&arguments.given.data, true, &arguments.given.ignore).map_err(bad_input)?;
    let rows: Vec<usize> = (0..table.rows()).collect();
    predictor.compile(Sgd::default())?;
    let (loss, scores) = predictor.evaluate(&table, &rows).map_err(bad_input)?;
    let (rows, device) = (rows.len(), predictor.model().device().to_string());
    if arguments.json {
        return output::json(&ResultEvent { event: "result", rows, loss, scores, device });
    }
    line(&format!("device: {device}"))?;
    line(&format!("{scores}, loss {loss:.4} on {rows} rows"))?;
    match &scores {
        Scores::Classes { classes, confusion, .. } => line(&matrix(classes, confusion)),
        Scores::Values { .. } => Ok(()),
    }
}

/// The confusion matrix as text.
fn matrix(classes: &[String], confusion: &[Vec<u64>]) -> String {
    let cells = confusion.iter().flatten().map(|count| count.to_string().len());
    let names = || classes.iter().map(|name| name.chars().count());
    let width = cells.chain(names()).max().unwrap_or(1).min(12) + 2;
    let first = names().max().unwrap_or(0).clamp(6, 24);
    let cut = |name: &str, to: usize| name.chars().take(to).collect::<String>();
    let heads: String = classes.iter().map(|name| format!("{:>width$}", cut(name, width - 2))).collect();
    let mut text = format!("rows: actual, columns: predicted\n{:first$}{heads}", "");
    for (name, row) in classes.iter().zip(confusion) {
        let counts: String = row.iter().map(|count| format!("{count:>width$}")).collect();
        text += &format!("\n{:first$}{counts}", cut(name, first));
    }
    text
}
