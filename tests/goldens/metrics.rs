//! Metrics: the running result after each batch.

use std::sync::Arc;

use serde_json::Value as Json;
use wgrad::device::{Executable, Row, Upload};
use wgrad::graph::{Builder, Graph, Over, Report, Variables};
use wgrad::losses::{Loss, MeanSquaredError, SparseCategoricalCrossentropy};
use wgrad::metrics::{
    Accuracy, Auc, BinaryAccuracy, CategoricalAccuracy, CosineSimilarity, Curve, F1Average, F1Score, FalseNegatives,
    FalsePositives, MeanAbsolutePercentageError, Measured, Metric, Observed, Precision, R2Score, Recall,
    RootMeanSquaredError, SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TrueNegatives, TruePositives,
};
use wgrad::ops::{LossValue, Targets, row_gather, step_end};
use wgrad::program::Options;
use wgrad::{Device, Tensor, Type};

use crate::golden::{Covered, Found, Golden, Group, bar, distance, download, is, only, run, upload};
use crate::losses;

/// Cases that must be covered.
const REQUIRED: &[&str] = &[
    "binary_accuracy",
    "binary_accuracy_half",
    "binary_accuracy_weighted",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "top_k",
    "Precision",
    "Recall",
    "precision_thresholds",
    "TruePositives",
    "FalsePositives",
    "TrueNegatives",
    "FalseNegatives",
    "f1_macro",
    "AUC",
    "auc_pr",
    "R2Score",
    "CosineSimilarity",
    "MeanAbsolutePercentageError",
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

/// A metric for each threshold of a config; Keras' default is one of 0.5.
fn at<M: Metric + 'static>(config: &Json, of: impl Fn(f64) -> M) -> Covered<Vec<Call>> {
    only(config, &["thresholds"])?;
    let thresholds = config["thresholds"].as_array().map(|list| list.iter().filter_map(Json::as_f64).collect());
    Ok(thresholds.unwrap_or_else(|| vec![0.5]).into_iter().map(|threshold| call(of(threshold))).collect())
}

/// The metric of a config, or one for each column of the results; an accuracy without settings as "accuracy" finds it too.
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
        "SparseTopKCategoricalAccuracy" => {
            only(config, &["k", "from_sorted_ids"])?;
            is(config, "from_sorted_ids", false)?;
            vec![call(SparseTopKCategoricalAccuracy::default().k(config["k"].as_u64().unwrap() as usize))]
        }
        "TruePositives" => at(config, |t| TruePositives::default().threshold(t))?,
        "TrueNegatives" => at(config, |t| TrueNegatives::default().threshold(t))?,
        "FalsePositives" => at(config, |t| FalsePositives::default().threshold(t))?,
        "FalseNegatives" => at(config, |t| FalseNegatives::default().threshold(t))?,
        "Precision" => at(config, |t| Precision::default().threshold(t))?,
        "Recall" => at(config, |t| Recall::default().threshold(t))?,
        "F1Score" => {
            only(config, &["average"])?;
            let average = match config["average"].as_str() {
                Some("macro") => F1Average::Macro,
                Some("micro") => F1Average::Micro,
                Some("weighted") => F1Average::Weighted,
                other => return Err(format!("average = {other:?}")),
            };
            vec![call(F1Score::default().average(average))]
        }
        "AUC" => {
            only(config, &["num_thresholds", "curve", "summation_method", "multi_label", "from_logits"])?;
            is(config, "num_thresholds", 200)?;
            is(config, "summation_method", "interpolation")?;
            is(config, "multi_label", false)?;
            is(config, "from_logits", false)?;
            let is_roc = config["curve"] == "ROC";
            vec![call(Auc::default().curve(if is_roc { Curve::Roc } else { Curve::PrecisionRecall }))]
        }
        "R2Score" => {
            only(config, &["class_aggregation", "num_regressors"])?;
            is(config, "class_aggregation", "uniform_average")?;
            is(config, "num_regressors", 0)?;
            vec![call(R2Score)]
        }
        "CosineSimilarity" => {
            only(config, &["axis"])?;
            is(config, "axis", -1)?;
            vec![call(CosineSimilarity)]
        }
        "MeanAbsolutePercentageError" => {
            only(config, &[])?;
            vec![call(MeanAbsolutePercentageError)]
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
    let want = golden.tensor("results").to_f64().into_owned();
    let columns = want.len() / counts.len();
    let weights = by_row.to_f64();
    let running: Vec<Vec<f64>> =
        (1..=counts.len()).map(|steps| results(&mut *executable, &graph, &counts[..steps], &weights)).collect();
    let compare = |metric: usize| {
        let got: Vec<f64> = running.iter().map(|results| results[metric]).collect();
        let want: Vec<f64> = want.iter().copied().skip(metric % columns).step_by(columns).collect();
        ("results".to_string(), distance(&got, &want), bar(device))
    };
    Ok((0..graph.reports.len()).map(compare).collect())
}

/// What a pass over batches of some rows reports.
fn results(executable: &mut dyn Executable, graph: &Graph, counts: &[u32], weights: &[f64]) -> Vec<f64> {
    let rows = run(executable, graph, counts);
    let kept = graph.kept.as_ref().map(|kept| download(executable, kept.sums)).unwrap_or_default();
    let count = counts.iter().sum::<u32>() as usize;
    let of_report = |report: &Report| {
        let mut numbers = vec![];
        for part in &report.parts {
            if part.over == Over::Each {
                numbers.extend(&kept[graph.kept_range(part.partials).unwrap()]);
                continue;
            }
            let (kind, column) = graph.result_column(part.partials).unwrap();
            let of_step = |row: &Row| if kind == 0 { row.sums[column] } else { f64::from(row.counts[column]) };
            let over = match part.over {
                Over::Rows(terms) => (count * terms) as f64,
                Over::Weights { terms, .. } => weights[..count].iter().sum::<f64>() * terms as f64,
                _ => 1.0,
            };
            numbers.push(rows.iter().map(of_step).sum::<f64>() / over);
        }
        report.finish.of(&numbers)
    };
    graph.reports.iter().map(of_report).collect()
}
