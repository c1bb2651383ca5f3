//! `wgrad info`: what is in a model's file.

use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::cli::open_model;
use crate::cli::output::{self, line};
use crate::data::{Encoding, OneHotEncoder, Preprocessing, Target};
use crate::graph::VariableKind;
use crate::tabular::Origin;

/// Says what is in a model's file: its layers, what its table's columns are, where it comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wgrad info flowers/model.safetensors")]
pub(super) struct Arguments {
    /// The model's file.
    model: PathBuf,
    /// Prints a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Info<'a> {
    name: &'a str,
    parameters: usize,
    weights_sha256: String,
    preprocessing: &'a Preprocessing,
    origin: Option<Origin>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut predictor = open_model(&arguments.model, "cpu")?;
    let (name, summary) = (predictor.model().name().to_string(), predictor.model().summary());
    let trained = predictor.model().variables().iter().filter(|variable| variable.kind == VariableKind::Parameter);
    let (parameters, weights_sha256) = (trained.map(|v| v.ty.len()).sum(), predictor.model().weights_sha256()?);
    let (preprocessing, origin) = (predictor.preprocessing(), predictor.origin());
    if arguments.json {
        return output::json(&Info { name: &name, parameters, weights_sha256, preprocessing, origin });
    }
    line(&summary)?;
    line(&columns(preprocessing))?;
    if let Some(Origin { program, data, data_sha256, rows: [rows, trained], seed, epochs, device }) = origin {
        line(&format!("\nFrom: {program}, on {device}"))?;
        line(&format!("  data {data}, SHA-256 {data_sha256}, {rows} rows, {trained} of them trained on"))?;
        line(&format!("  {epochs} epochs, seed {seed}"))?;
    }
    line(&format!("  weights SHA-256 {weights_sha256}"))
}

/// A line for each column.
fn columns(preprocessing: &Preprocessing) -> String {
    let mut text = String::from("\nColumns:");
    for input in &preprocessing.inputs {
        let what = match &input.encoding {
            Encoding::Standardized { mean, deviation, fill } => {
                let fill = fill.map_or(String::new(), |fill| format!(", empty cells as {fill}"));
                format!("number, mean {mean}, deviation {deviation}{fill}")
            }
            Encoding::OneHot(OneHotEncoder { categories }) => {
                format!("one of {}: {}", categories.len(), listed(categories))
            }
        };
        text += &format!("\n  {}: {what}", input.column);
    }
    text += &match &preprocessing.target {
        Target::Classes { column, names, .. } => {
            format!("\nGives: {column}, one of {}: {}", names.len(), listed(names))
        }
        Target::Value { column, mean, deviation } => {
            format!("\nGives: {column}, a number, mean {mean}, deviation {deviation}")
        }
    };
    if !preprocessing.ignored.is_empty() {
        text += &format!("\nIgnored: {}", preprocessing.ignored.join(", "));
    }
    text
}

/// The first ones.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 10 { first + ", …" } else { first }
}
