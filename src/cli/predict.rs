//! `wgrad predict`: a model's predictions for the rows of a table.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::output::{self, line};
use crate::cli::{Given, Refused, bad_input, open_model};
use crate::data::{Table, Target, file};
use crate::error::Error;
use crate::tabular::{Predictions, Predictor};

/// What stands for it in errors.
const STDOUT: &str = "standard output";

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
    let Arguments { given: Given { model, data, ignore, device }, out, json } = arguments;
    let mut predictor = open_model(model, device)?;
    if let Some(out) = out {
        check(out, &[model, data]).map_err(|error| Refused(format!("--out: {error}")))?;
    }
    let table = predictor.read(data, None, &ignore.0).map_err(bad_input)?;
    let failed = |error| match error {
        // Everything has been read.
        Error::Io { source, path } if path == Path::new(STDOUT) => source.into(),
        Error::Io { .. } => anyhow::Error::from(error),
        error => bad_input(error),
    };
    let Some(out) = out else {
        let mut to = BufWriter::new(std::io::stdout().lock());
        let done = match json {
            true => write_json(&mut predictor, &table, &mut to),
            false => write_csv(&mut predictor, &table, &mut to, Path::new(STDOUT)),
        };
        return done.and_then(|()| to.flush().map_err(file::at(Path::new(STDOUT)))).map_err(failed);
    };
    file::write_with(out, |to| write_csv(&mut predictor, &table, to, out)).map_err(failed)?;
    let rows = table.rows();
    match json {
        true => output::json(&json!({ "event": "result", "rows": rows, "out": out })),
        false => line(&format!("saved {rows} predictions in {}", out.display())),
    }
}

/// Refuses what cannot be a file of predictions.
fn check(out: &Path, inputs: &[&Path]) -> Result<(), Error> {
    let Some(name) = out.file_name() else { return Err(file::at(out)(ErrorKind::IsADirectory.into())) };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        let reason = "expected a folder that is there; make it first";
        return Err(file::at(folder)(io::Error::new(ErrorKind::NotFound, reason)));
    }
    output::check(folder, &[name], inputs)
}

fn write_csv(predictor: &mut Predictor, table: &Table, to: &mut dyn Write, path: &Path) -> Result<(), Error> {
    predictor.predict_each(table, |first, part| {
        let header = if first == 0 { part.write_header(&mut *to) } else { Ok(()) };
        header.and_then(|()| part.write_rows(&mut *to)).map_err(file::at(path))
    })
}

fn write_json(predictor: &mut Predictor, table: &Table, to: &mut dyn Write) -> Result<(), Error> {
    let target = predictor.preprocessing().target.clone();
    predictor.predict_each(table, |first, part| {
        let mut write = |row: usize| writeln!(to, "{}", of_row(part, &target, row, first + row + 1));
        (0..part.rows()).try_for_each(&mut write).map_err(file::at(Path::new(STDOUT)))
    })
}

/// A row's prediction as JSON.
fn of_row(predictions: &Predictions, target: &Target, row: usize, number: usize) -> Value {
    let given = predictions.row(row);
    match target {
        Target::Value { .. } => json!({ "row": number, "value": given.first() }),
        Target::Classes { names, .. } => {
            let probabilities: Map<String, Value> =
                names.iter().cloned().zip(given.iter().map(|&p| json!(p as f32))).collect();
            let class = predictions.class(row).and_then(|class| names.get(class));
            json!({ "row": number, "class": class, "probabilities": probabilities })
        }
    }
}
