//! Metrics of a training: what they come to by hand, weighted, over many steps, and where they do not fit.

mod common;

use std::time::Duration;

use wgrad::layers::ActivationFunction;
use wgrad::losses::{BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy};
use wgrad::metrics::{Auc, Curve, F1Average, F1Score, MetricSpec, Metrics, Precision, TopKCategoricalAccuracy};
use wgrad::optimizers::Sgd;
use wgrad::train::Verbosity;
use wgrad::{Dense, Device, Error, Fit, Layer, Model, Sequential, Sigmoid, Softmax, Tensor};

/// Steps of two rows each are more than a row of kept sums has; the last has one.
const ROWS: usize = 601;

/// A model whose weights stay as they are: its steps are too small for f32.
fn model(
    units: usize,
    last: impl Into<ActivationFunction>,
    loss: impl Loss + 'static,
    metrics: impl Into<Metrics>,
    device: &Device,
) -> wgrad::Result<Model> {
    let dense = Dense::new(units).activation(last).input_shape([3]);
    let mut model = Sequential::new().add(dense).build(device)?;
    model.compile(Sgd::new(1e-20), loss, metrics)?;
    Ok(model)
}

/// Rows that are far from equal, `classes` targets of which one is 1, and whole weights.
fn rows(classes: usize) -> (Tensor, Tensor, Tensor) {
    let x = (0..3 * ROWS).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    let y = (0..ROWS).flat_map(|i| (0..classes).map(move |j| f32::from(i * i % 7 % (classes + 1) == j))).collect();
    let w = (0..ROWS).map(|i| (i % 4) as f32).collect();
    (Tensor::new([ROWS, 3], x).unwrap(), Tensor::new([ROWS, classes], y).unwrap(), Tensor::new([ROWS], w).unwrap())
}

fn fit(epochs: usize) -> Fit {
    Fit::epochs(epochs).batch_size(2).shuffle(false).verbosity(Verbosity::Silent)
}

/// True positives, false positives, false negatives and true negatives above a threshold, of elements (p, y, weight).
fn counts(elements: &[[f64; 3]], threshold: f64) -> [f64; 4] {
    let mut counts = [0.0; 4];
    for &[p, y, w] in elements {
        counts[usize::from(p <= threshold) * 2 + usize::from(y == 0.0)] += w;
    }
    counts
}

/// The area under true over false positives at Keras' 200 thresholds.
fn area(elements: &[[f64; 3]]) -> f64 {
    let thresholds = (0..200).map(|i| if i == 0 { -1e-7 } else { f64::from(i) / 199.0 + f64::from(i / 199) * 1e-7 });
    let rates: Vec<[f64; 2]> = thresholds
        .map(|threshold| {
            let [tp, fp, miss, tn] = counts(elements, threshold);
            [tp / (tp + miss), fp / (fp + tn)]
        })
        .collect();
    rates.windows(2).map(|r| (r[0][1] - r[1][1]) * (r[0][0] + r[1][0]) / 2.0).sum()
}

fn f1([tp, fp, miss, _]: [f64; 4]) -> f64 {
    2.0 * tp / (2.0 * tp + fp + miss)
}

#[test]
fn counts_and_areas_are_those_of_the_predictions_on_every_device() {
    let (x, y, w) = rows(1);
    let names = ["true_positives", "false_positives", "false_negatives", "true_negatives", "recall", "f1_score", "auc"];
    let list = || names.into_iter().map(MetricSpec::from).chain([Precision::default().threshold(0.6).into()]);
    common::on_every_device("counts_and_areas_are_those_of_the_predictions_on_every_device", |device| {
        let metrics = Metrics::from(list()).weighted(list());
        let mut model = model(1, Sigmoid, BinaryCrossentropy::default(), metrics, device).unwrap();
        // The second epoch begins its sums anew.
        let history = model.fit(&x, &y, fit(2).sample_weight(w.clone())).unwrap();
        let p = model.predict(&x).unwrap();
        let (p, y, w) = (p.to_f64(), y.to_f64(), w.to_f64());
        for prefix in ["", "weighted_"] {
            let weight = |i: usize| if prefix.is_empty() { 1.0 } else { w[i] };
            let elements: Vec<[f64; 3]> = (0..ROWS).map(|i| [p[i], y[i], weight(i)]).collect();
            let [tp, fp, miss, tn] = counts(&elements, 0.5);
            let [high_tp, high_fp, ..] = counts(&elements, 0.6);
            let want = [tp, fp, miss, tn, tp / (tp + miss), f1([tp, fp, miss, tn]), area(&elements)];
            for (name, want) in names.into_iter().zip(want).chain([("precision", high_tp / (high_tp + high_fp))]) {
                let name = format!("{prefix}{name}");
                let [first, got] = [0, 1].map(|epoch| history[epoch][&name]);
                assert!(want > 0.0 && (got - want).abs() < 1e-6, "{device}, {name}: {got}, want {want}");
                assert_eq!(got, first, "{device}, {name}");
            }
        }
    });
}

#[test]
fn scores_of_classes_are_those_of_the_predictions_on_every_device() {
    let (x, y, _) = rows(3);
    common::on_every_device("scores_of_classes_are_those_of_the_predictions_on_every_device", |device| {
        let metrics: [MetricSpec; 5] = [
            F1Score::default().into(),
            F1Score::default().average(F1Average::Micro).into(),
            F1Score::default().average(F1Average::Weighted).into(),
            TopKCategoricalAccuracy::default().k(2).into(),
            "r2_score".into(),
        ];
        let mut model = model(3, Softmax, CategoricalCrossentropy::default(), metrics, device).unwrap();
        let logs = model.evaluate(&x, &y).unwrap();
        let p = model.predict(&x).unwrap();
        let (p, y) = (p.to_f64(), y.to_f64());
        let row = |i: usize| &p[3 * i..3 * i + 3];
        let top = |i: usize| row(i).iter().copied().fold(0.0, f64::max);
        let hits = |class: usize| -> Vec<[f64; 3]> {
            (0..ROWS).map(|i| [f64::from(row(i)[class] == top(i)), y[3 * i + class], 1.0]).collect()
        };
        let by_class = [0, 1, 2].map(|class| counts(&hits(class), 0.5));
        let together = [0, 1, 2, 3].map(|i| by_class.iter().map(|counts| counts[i]).sum());
        let targets: f64 = y.iter().sum();
        let target = |i: usize| (0..3).rev().max_by(|a, b| y[3 * i + a].total_cmp(&y[3 * i + b])).unwrap();
        let found = (0..ROWS).filter(|&i| row(i).iter().filter(|&&p| p > row(i)[target(i)]).count() < 2).count();
        let score = |class: usize| {
            let of = |values: &[f64]| -> Vec<f64> { values.iter().copied().skip(class).step_by(3).collect() };
            let (p, y) = (of(&p), of(&y));
            let mean = y.iter().sum::<f64>() / ROWS as f64;
            let off: f64 = p.iter().zip(&y).map(|(p, y)| (p - y).powi(2)).sum();
            1.0 - off / y.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
        };
        let want = [
            ("f1_score", by_class.map(f1).iter().sum::<f64>() / 3.0),
            ("f1_score_1", f1(together)),
            ("f1_score_2", by_class.map(|counts| f1(counts) * (counts[0] + counts[2])).iter().sum::<f64>() / targets),
            ("top_k_categorical_accuracy", found as f64 / ROWS as f64),
            ("r2_score", (0..3).map(score).sum::<f64>() / 3.0),
        ];
        for (name, want) in want {
            assert!((logs[name] - want).abs() < 1e-5, "{device}, {name}: {}, want {want}", logs[name]);
        }
    });
}

#[test]
fn what_stays_on_the_device_is_logged_at_the_end_of_an_epoch() {
    let (x, y, _) = rows(1);
    let metrics: [MetricSpec; 2] = ["precision".into(), "auc".into()];
    let mut model = model(1, Sigmoid, BinaryCrossentropy::default(), metrics, &Device::cpu()).unwrap();
    let mut run = model.run(&x, &y, fit(1)).unwrap();
    let mut logged = vec![];
    loop {
        let progress = run.advance(Duration::ZERO).unwrap();
        if progress.step > 0 {
            let has = |name: &str| progress.logs.contains_key(name);
            assert!(has("precision"), "{progress:?}");
            logged.push((progress.epoch_ended, has("auc")));
        }
        if progress.done {
            break;
        }
    }
    assert!(logged.len() > 2 && logged.iter().all(|(ended, has)| ended == has), "{logged:?}");
}

#[test]
fn metrics_of_one_kind_share_a_launch() {
    let names: [MetricSpec; 6] = [
        "precision".into(),
        "recall".into(),
        "false_negatives".into(),
        Auc::default().into(),
        Auc::default().curve(Curve::PrecisionRecall).into(),
        F1Score::default().into(),
    ];
    let model = model(1, Sigmoid, BinaryCrossentropy::default(), names, &Device::cpu()).unwrap();
    let program = model.explain(32).unwrap();
    assert_eq!(program.violations(), [""; 0]);
    let ops: Vec<&str> = program.graph.nodes.iter().map(|node| node.op.name()).collect();
    for op in ["confusion_counts", "score_histogram", "keep_sums"] {
        assert_eq!(ops.iter().filter(|name| **name == op).count(), 1, "{ops:?}");
    }
}

#[test]
fn metrics_that_do_not_fit_an_output_are_refused_by_name() {
    let refused = |metric: MetricSpec| {
        model(3, Softmax, SparseCategoricalCrossentropy::default(), [metric], &Device::cpu()).unwrap_err()
    };
    for name in ["precision", "auc", "f1_score", "r2_score", "cosine_similarity", "mape", "top_k_categorical_accuracy"]
    {
        let error = refused(name.into());
        assert!(matches!(error, Error::Output { .. }), "{name}: {error}");
        assert!(error.to_string().contains("expected targets as"), "{name}: {error}");
    }
    assert!(refused(Precision::default().threshold(1.5).into()).to_string().contains(": threshold: expected"));
    assert!(refused(F1Score::default().threshold(-0.5).into()).to_string().contains(": threshold: expected"));
    assert!(refused(TopKCategoricalAccuracy::default().k(0).into()).to_string().contains(": k: expected"));
}
