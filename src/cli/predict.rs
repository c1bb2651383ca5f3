//! `wgrad predict`: a model's predictions for the rows of a table.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::output::{self, line};
use crate::cli::{Given, Refused, bad_input, open_model};
use crate::data::{Target, file};
use crate::tabular::Predictions;

/// Predicts every row of a CSV file with a model that `wgrad train` has saved.
///
/// A row comes out for each that goes in, in order: the probability of each class (p_CLASS) and the class under the target's name,
/// or the value. The columns may stand in any order; the target's may be there, and is not looked at. Empty cells are filled
/// where the model was trained with --missing mean.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad predict flowers/model.safetensors --data new.csv --out predictions.csv")]
pub(super) struct Arguments {
    #[command(flatten)]
    given: Given,
    /// Where the predictions go, as CSV; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints a JSON object a line: each row's prediction, or where the CSV of --out is.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut predictor = open_model(&arguments.given.model, &arguments.given.device)?;
    if let Some(out) = &arguments.out {
        let name =
            out.file_name().ok_or_else(|| Refused(format!("--out: expected a file, got `{}`", out.display())))?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let inputs = [&*arguments.given.model, &*arguments.given.data];
        let checked = output::check(folder, &[&name.to_string_lossy()], &inputs);
        checked.map_err(|error| Refused(format!("--out: {error}")))?;
    }
    let table = predictor.read(&arguments.given.data, None, &arguments.given.ignore.0).map_err(bad_input)?;
    let predictions = predictor.predict(&table).map_err(bad_input)?;
    let Some(out) = &arguments.out else {
        if !arguments.json {
            let mut to = BufWriter::new(std::io::stdout().lock());
            predictions.write_csv(&mut to)?;
            return Ok(to.flush()?);
        }
        let target = &predictor.preprocessing().target;
        return (0..predictions.rows()).try_for_each(|row| output::json(&of_row(&predictions, target, row)));
    };
    let mut bytes = vec![];
    predictions.write_csv(&mut bytes)?;
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(file::at(folder))?;
    }
    file::write(out, &bytes)?;
    let rows = predictions.rows();
    match arguments.json {
        true => output::json(&json!({ "event": "result", "rows": rows, "out": out })),
        false => line(&format!("saved {rows} predictions in {}", out.display())),
    }
}

/// A row's prediction as JSON.
fn of_row(predictions: &Predictions, target: &Target, row: usize) -> Value {
    let given = predictions.row(row);
    match target {
        Target::Value { .. } => json!({ "row": row + 1, "value": given.first() }),
        Target::Classes { names, .. } => {
            let probabilities: Map<String, Value> =
                names.iter().cloned().zip(given.iter().map(|&p| json!(p as f32))).collect();
            let class = predictions.class(row).and_then(|class| names.get(class));
            json!({ "row": row + 1, "class": class, "probabilities": probabilities })
        }
    }
}
