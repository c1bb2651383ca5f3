//! `wgrad info`: what is in a model's file.

use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::cli::bad_input;
use crate::cli::output::{self, result as line};
use crate::data::{Encoding, OneHotEncoder, Preprocessing, Target};
use crate::device::Device;
use crate::error::shown;
use crate::graph::VariableKind;
use crate::layers::{Config, Layer, Registry};
use crate::model::Model;
use crate::tabular::{Origin, Predictor};

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
struct Info {
    name: String,
    /// As it stands in the file: what the network is made of.
    model: Config,
    parameters: usize,
    weights_sha256: String,
    preprocessing: Option<Preprocessing>,
    origin: Option<Origin>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let path = &arguments.model;
    let model = Model::load(path, &Device::cpu(), &Registry::default()).map_err(bad_input)?;
    let trained = model.variables().iter().filter(|variable| variable.kind == VariableKind::Parameter);
    let (parameters, weights_sha256) = (trained.map(|v| v.ty.len()).sum(), model.weights_sha256()?);
    let (name, summary, network) = (model.name().to_string(), model.summary(), model.network.config());
    let predictor = Predictor::is_noted(&model).then(|| Predictor::of_notes(model, path)).transpose();
    let predictor = predictor.map_err(bad_input)?;
    let preprocessing = predictor.as_ref().map(|predictor| predictor.preprocessing().clone());
    let origin = predictor.and_then(|predictor| predictor.origin());
    if arguments.json {
        return output::json(&Info { name, model: network, parameters, weights_sha256, preprocessing, origin });
    }
    line(&summary)?;
    if let Some(preprocessing) = &preprocessing {
        line(&columns(preprocessing))?;
    }
    if let Some(Origin { program, program_sha256, data, data_sha256, rows: [rows, trained], settings, device }) = origin
    {
        let hash = program_sha256.map_or(String::new(), |hash| format!(", SHA-256 {hash}"));
        line(&format!("\nFrom: {program} on {device}{hash}"))?;
        line(&format!("  data {data}, SHA-256 {data_sha256}, {rows} rows, {trained} of them trained on"))?;
        let settings = settings.as_object().into_iter().flatten();
        let settings: Vec<String> = settings.map(|(name, value)| format!("{name} {value}")).collect();
        line(&format!("  {}", settings.join(", ")))?;
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
        text += &format!("\n  {}: {what}", shown(&input.column));
    }
    text += &match &preprocessing.target {
        Target::Classes { column, names, .. } => {
            format!("\nGives: {}, one of {}: {}", shown(column), names.len(), listed(names))
        }
        Target::Value { column, mean, deviation } => {
            format!("\nGives: {}, a number, mean {mean}, deviation {deviation}", shown(column))
        }
    };
    if !preprocessing.ignored.is_empty() {
        text += &format!("\nIgnored: {}", listed(&preprocessing.ignored));
    }
    text
}

/// The first ones.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(10).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    if names.len() > 10 { first + ", …" } else { first }
}
