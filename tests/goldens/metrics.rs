//! Metrics: the running result after each batch.

use std::sync::Arc;

use wgrad::device::Upload;
use wgrad::graph::{Builder, Over, Part, Report, Variables};
use wgrad::losses::{Loss, MeanSquaredError, SparseCategoricalCrossentropy};
use wgrad::metrics::{
    Accuracy, BinaryAccuracy, CategoricalAccuracy, Measured, Metric, Observed, RootMeanSquaredError,
    SparseCategoricalAccuracy,
};
use wgrad::ops::{LossValue, Targets, row_gather, step_end};
use wgrad::program::Options;
use wgrad::{Device, Tensor, Type};

use crate::golden::{Covered, Found, Golden, Group, bar, distance, only, run, upload};
use crate::losses;

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "binary_accuracy",
    "binary_accuracy_half",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "MeanSquaredError",
    "RootMeanSquaredError",
    "MeanAbsoluteError",
    "binary_crossentropy",
];

pub fn check(device: &Device) {
    let (group, mut found) = (Group::new("metrics"), Found::default());
    for golden in group.cases() {
        found.add(&golden, case(device, &golden));
    }
    found.finish("metrics", device, REQUIRED);
}

/// How a metric gives its partial results.
type Call = Box<dyn Fn(&Builder, Observed<'_>) -> wgrad::Result<Measured>>;

fn call(metric: impl Metric + 'static) -> Call {
    Box::new(move |g, observed| metric.call(g, observed))
}

/// The metric of a config; an accuracy without settings as "accuracy" finds it too.
fn metrics(golden: &Golden<'_>) -> Covered<Vec<Call>> {
    let (class, config) = (golden.json["metric"].as_str().unwrap(), golden.config());
    Ok(match class {
        "BinaryAccuracy" => {
            only(config, &["threshold"])?;
            vec![call(BinaryAccuracy::default().threshold(config["threshold"].as_f64().unwrap())), call(Accuracy)]
        }
        "CategoricalAccuracy" => {
            only(config, &[])?;
            vec![call(CategoricalAccuracy), call(Accuracy)]
        }
        "SparseCategoricalAccuracy" => {
            only(config, &[])?;
            vec![call(SparseCategoricalAccuracy), call(Accuracy)]
        }
        "RootMeanSquaredError" => {
            only(config, &[])?;
            vec![call(RootMeanSquaredError)]
        }
        _ => {
            let loss = losses::loss(class, config)?;
            vec![Box::new(move |g, o| loss.call(g, o.p, o.targets, None).map(|l| Measured::sums(&l)))]
        }
    })
}

/// The batches of a kind, one after the other.
fn rows(golden: &Golden<'_>, kind: &str) -> (Tensor, Vec<u32>) {
    let batches: Vec<Tensor> = (0..golden.number("batches")).map(|i| golden.tensor(&format!("{kind}{i}"))).collect();
    let counts: Vec<u32> = batches.iter().map(|b| b.rows() as u32).collect();
    let values: Vec<f64> = batches.iter().flat_map(|b| b.to_f64().into_owned()).collect();
    let shape = batches[0].shape().without_batch().with_batch(counts.iter().sum::<u32>() as usize);
    (Tensor::from_f64(shape, values).unwrap(), counts)
}

/// Where the rows of each step's batch stand, for batches of `batch` rows.
fn order(counts: &[u32], batch: u32) -> Vec<u32> {
    let mut first = 0;
    let of_step = |&count: &u32| {
        let from = first;
        first += count;
        (0..batch).map(move |r| if r < count { from + r } else { 0 })
    };
    counts.iter().flat_map(of_step).collect()
}

fn case(device: &Device, golden: &Golden<'_>) -> Covered<Vec<(String, f64, f64)>> {
    let metrics = metrics(golden)?;
    let ((p, counts), (y, _)) = (rows(golden, "y_pred"), rows(golden, "y_true"));
    let batch = counts.iter().copied().max().unwrap();
    let g = Builder::new(Arc::new(Variables::default()));
    let weighted = golden.names().iter().any(|name| name.starts_with("sample_weight"));
    let by_row = if weighted { rows(golden, "sample_weight").0 } else { Tensor::full([p.rows()], 1.0).unwrap() };
    let tensors = [&p, &y, &by_row];
    let data = tensors.map(|tensor| g.data(Type::f32(tensor.shape().clone())));
    let permutation = g.data(Type::u32([counts.len() * batch as usize]));
    let [p_rows, y_rows, weights] = data.map(|value| row_gather(&g, value, permutation, batch as usize).unwrap());
    let targets = Targets { y: y_rows, weights };
    let loss: Box<dyn Loss> = match p.shape() == y.shape() {
        true => Box::new(MeanSquaredError),
        false => Box::new(SparseCategoricalCrossentropy::default()),
    };
    let loss: LossValue = loss.call(&g, p_rows, targets, None).unwrap();
    let measured: Vec<_> =
        metrics.iter().map(|m| m(&g, Observed { p: p_rows, targets, loss: &loss, weighted }).unwrap()).collect();
    measured.into_iter().for_each(|m| g.report(m.report("metric", weighted.then_some(0))));
    step_end(&g, counts.len()).unwrap();

    let graph = Arc::new(g.finish());
    let storage = device.storage(&graph.variables, &Options::default()).unwrap();
    let mut executable = device.load(&graph, &storage, &Options::default()).unwrap();
    data.into_iter().zip(tensors).for_each(|(value, tensor)| upload(&mut *executable, value, tensor));
    executable.upload(permutation, Upload::Index(&order(&counts, batch))).unwrap();
    let results = run(&mut *executable, &graph, &counts);
    let want = golden.tensor("results");
    let by_row = by_row.to_f64();
    let compare = |report: &Report| {
        let mut totals = vec![0.0; report.parts.len()];
        let mut count = 0;
        let running = results.iter().zip(&counts).map(|(row, &more)| {
            count += more as usize;
            for (part, total) in report.parts.iter().zip(&mut totals) {
                let (kind, column) = graph.result_column(part.partials).unwrap();
                *total += if kind == 0 { row.sums[column] } else { f64::from(row.counts[column]) };
            }
            let over = |part: &Part| match part.over {
                Over::Rows(terms) => (count * terms) as f64,
                Over::Weights { terms, .. } => by_row[..count].iter().sum::<f64>() * terms as f64,
                _ => 1.0,
            };
            let parts: Vec<f64> = report.parts.iter().zip(&totals).map(|(part, total)| total / over(part)).collect();
            report.finish.of(&parts)
        });
        ("results".to_string(), distance(&running.collect::<Vec<f64>>(), &want.to_f64()), bar(device))
    };
    Ok(graph.reports.iter().map(compare).collect())
}
