//! A step as a value: `fit`'s own step from public pieces, and two models against each other.

mod common;

use std::time::Duration;

use wgrad::metrics::Accuracy;
use wgrad::prelude::*;

fn ramp(rows: usize, cols: usize) -> Tensor {
    let values = (0..rows * cols).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0);
    Tensor::new([rows, cols], values.collect()).unwrap()
}

fn labels(rows: usize) -> Tensor {
    Tensor::new([rows, 1], (0..rows).map(|i| (i % 2) as f32).collect()).unwrap()
}

fn classifier(device: &Device) -> Model {
    let model = Sequential::new().name("classifier").add(Dense::new(7).activation(Relu).input_shape([5]));
    model.add(Dense::new(1).activation(Sigmoid)).build(device).unwrap()
}

fn advanced(step: &mut Step, data: &[(&str, &Tensor)], fit: Fit) -> History {
    let data: Vec<(String, Tensor)> = data.iter().map(|(name, t)| ((*name).to_string(), (*t).clone())).collect();
    let mut run = step.run(Tensors::from(data), fit).unwrap();
    while !run.advance(Duration::from_millis(1)).unwrap().done {}
    run.into_history()
}

#[test]
fn the_step_of_fit_from_public_pieces_gives_its_bits() {
    common::on_every_device("the_step_of_fit_from_public_pieces_gives_its_bits", |device| {
        let (x, y) = (ramp(45, 5), labels(45));
        let fit = || Fit::epochs(3).batch_size(16).seed(4).verbosity(Verbosity::Silent);
        let mut model = classifier(device);
        let mut step = Step::trace(&[&model], |s| {
            let (x, y) = (s.input("x", [5])?, s.input("y", [1])?);
            let p = s.call("classifier", &[x])?[0];
            let loss = s.loss("loss", &BinaryCrossentropy::default(), y, p)?;
            s.metric("accuracy", &Accuracy, y, p, &loss)?;
            s.minimize(&[loss], &Adam::new(0.01), &["classifier"])
        })
        .unwrap();
        let own = advanced(&mut step, &[("x", &x), ("y", &y)], fit());
        model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
        let fitted = model.fit(&x, &y, fit()).unwrap();
        assert_eq!(own, fitted, "{device}");
        let mut from_step = classifier(device);
        step.give_back(&mut from_step).unwrap();
        assert_eq!(from_step.weights_sha256().unwrap(), model.weights_sha256().unwrap(), "{device}");
    });
}

#[test]
fn a_step_of_two_weighted_losses_and_a_regularizer_is_that_of_fit() {
    common::on_every_device("a_step_of_two_weighted_losses_and_a_regularizer_is_that_of_fit", |device| {
        let model = || {
            let x = Symbol::input([5]);
            let trunk = Dense::new(7).activation(Tanh).kernel_regularizer(Regularizer::l2(0.01)).on(&x);
            let a = Dense::new(1).activation(Sigmoid).named("a").on(&trunk);
            let b = Dense::new(2).named("b").on(&trunk);
            Model::new(&x, [&a, &b]).name("both").build(device).unwrap()
        };
        let (x, a, b) = (ramp(21, 5), labels(21), ramp(21, 2));
        let fit = || Fit::epochs(2).batch_size(8).verbosity(Verbosity::Silent);
        let mut fitted = model();
        let losses = Losses::new().output("a", "binary_crossentropy").output("b", "mse");
        let losses = losses.weights([("a", 0.7), ("b", 0.3)]);
        fitted.compile(Sgd::new(0.1), losses, Metrics::new()).unwrap();
        let history = fitted.fit(&x, [&a, &b], fit()).unwrap();
        let mut step = Step::trace(&[&model()], |s| {
            let (x, a, b) = (s.input("x", [5])?, s.input("a", [1])?, s.input("b", [2])?);
            let p = s.call("both", &[x])?;
            let a_loss = s.weighted_loss("a_loss", &BinaryCrossentropy::default(), 0.7, a, p[0])?;
            let b_loss = s.weighted_loss("b_loss", &MeanSquaredError, 0.3, b, p[1])?;
            s.total("loss")?;
            s.minimize(&[a_loss, b_loss], &Sgd::new(0.1), &["both"])
        })
        .unwrap();
        assert_eq!(advanced(&mut step, &[("x", &x), ("a", &a), ("b", &b)], fit()), history, "{device}");
        let mut own = model();
        step.give_back(&mut own).unwrap();
        assert_eq!(own.weights_sha256().unwrap(), fitted.weights_sha256().unwrap(), "{device}");
    });
}

/// A generator of pairs and a judge of them, each with an optimizer of its own.
fn adversaries(device: &Device) -> (Model, Model, Step) {
    let generator = Sequential::new().name("generator").add(Dense::new(8).activation(Tanh).input_shape([3]));
    let generator = generator.add(Dense::new(2)).seed(1).build(device).unwrap();
    let judge = Sequential::new().name("judge").add(Dense::new(8).activation(LeakyRelu::default()).input_shape([2]));
    let judge = judge.add(Dense::new(1).activation(Sigmoid)).seed(2).build(device).unwrap();
    let step = Step::trace(&[&generator, &judge], |s| {
        let (noise, real) = (s.input("noise", [3])?, s.input("real", [2])?);
        let made = s.call("generator", &[noise])?[0];
        let (of_real, of_made) = (s.call("judge", &[real])?[0], s.call("judge", &[made])?[0]);
        let (one, zero) = (s.full(1.0, [1])?, s.full(0.0, [1])?);
        let loss = BinaryCrossentropy::default();
        let judged = [s.loss("real_loss", &loss, one, of_real)?, s.loss("made_loss", &loss, zero, of_made)?];
        let fooled = s.loss("generator_loss", &loss, one, of_made)?;
        s.minimize(&judged, &Adam::new(0.01), &["judge"])?;
        s.minimize(&[fooled], &Sgd::new(0.05).momentum(0.5), &["generator"])
    })
    .unwrap();
    (generator, judge, step)
}

#[test]
fn two_models_train_against_each_other() {
    common::on_every_device("two_models_train_against_each_other", |device| {
        let (mut generator, mut judge, mut step) = adversaries(device);
        let (noise, real) = (ramp(40, 3), ramp(40, 2));
        let fit = Fit::epochs(4).batch_size(16).verbosity(Verbosity::Silent);
        let before = [&generator, &judge].map(|model| model.weights_sha256().unwrap());
        let history = advanced(&mut step, &[("noise", &noise), ("real", &real)], fit);
        let keys: Vec<&str> = history[0].keys().map(String::as_str).collect();
        assert_eq!(keys, ["generator_loss", "made_loss", "real_loss"]);
        step.give_back(&mut generator).unwrap();
        step.give_back(&mut judge).unwrap();
        let after = [&generator, &judge].map(|model| model.weights_sha256().unwrap());
        assert!(before[0] != after[0] && before[1] != after[1], "{device}");
        // The same on the oracle, within what f32 allows.
        let (.., mut exact) = adversaries(&Device::cpu_f64());
        let fit = Fit::epochs(4).batch_size(16).verbosity(Verbosity::Silent);
        let want = advanced(&mut exact, &[("noise", &noise), ("real", &real)], fit);
        for (epoch, logs) in history.epochs().iter().enumerate() {
            for (key, value) in logs {
                assert!((value / want[epoch][key] - 1.0).abs() < 1e-3, "{device} {epoch} {key}");
            }
        }
    });
}

#[test]
fn one_model_may_be_frozen_by_leaving_it_out() {
    let device = Device::cpu();
    let teacher = Sequential::new().name("teacher").add(Dense::new(3).input_shape([2])).seed(5).build(&device).unwrap();
    let student = Sequential::new().name("student").add(Dense::new(3).input_shape([2])).build(&device).unwrap();
    let mut step = Step::trace(&[&teacher, &student], |s| {
        let x = s.input("x", [2])?;
        let (y, p) = (s.call("teacher", &[x])?[0], s.call("student", &[x])?[0]);
        let loss = s.loss("distillation", &MeanSquaredError, y, p)?;
        let named = s.gradients(&[loss], &["student/dense"])?;
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["student/dense/kernel", "student/dense/bias"]);
        s.minimize(&[loss], &Adam::new(0.05), &["student"])
    })
    .unwrap();
    let fit = Fit::epochs(60).batch_size(8).verbosity(Verbosity::Silent);
    let history = advanced(&mut step, &[("x", &ramp(32, 2))], fit);
    let losses = history.get("distillation");
    assert!(losses[59] < 1e-3 * losses[0], "{losses:?}");
    let mut same = Sequential::new().name("teacher").add(Dense::new(3).input_shape([2])).build(&device).unwrap();
    step.give_back(&mut same).unwrap();
    assert_eq!(same.weights_sha256().unwrap(), teacher.weights_sha256().unwrap());
}

#[test]
fn a_teacher_that_is_only_asked_stays_as_it_is() {
    common::on_every_device("a_teacher_that_is_only_asked_stays_as_it_is", |device| {
        let teacher = Sequential::new().name("teacher").add(Dense::new(3).input_shape([2]));
        let teacher = teacher.add(BatchNormalization::new()).add(Dropout::new(0.5)).seed(5).build(device).unwrap();
        let student = Sequential::new().name("student").add(Dense::new(3).input_shape([2])).build(device).unwrap();
        let mut step = Step::trace(&[&teacher, &student], |s| {
            let x = s.input("x", [2])?;
            let (y, p) = (s.infer("teacher", &[x])?[0], s.call("student", &[x])?[0]);
            let loss = s.loss("distillation", &MeanSquaredError, y, p)?;
            s.minimize(&[loss], &Adam::new(0.05), &["student"])
        })
        .unwrap();
        let fit = Fit::epochs(60).batch_size(8).verbosity(Verbosity::Silent);
        let losses = advanced(&mut step, &[("x", &ramp(32, 2))], fit).get("distillation");
        assert!(losses[59] < 1e-2 * losses[0], "{device}: {losses:?}");
        let same = Sequential::new().name("teacher").add(Dense::new(3).input_shape([2]));
        let mut same = same.add(BatchNormalization::new()).add(Dropout::new(0.5)).build(device).unwrap();
        step.give_back(&mut same).unwrap();
        assert_eq!(same.weights_sha256().unwrap(), teacher.weights_sha256().unwrap(), "{device}");
    });
}

#[test]
fn what_does_not_fit_is_said_before_the_first_step() {
    let device = Device::cpu();
    let model = classifier(&device);
    let of = |trace: fn(&Tracing<'_>) -> Result<()>| Step::trace(&[&model], trace).unwrap_err().to_string();
    let unknown = of(|s| s.call("clasifier", &[]).map(drop));
    assert_eq!(
        unknown,
        "there is no model of this step `clasifier`: use one of classifier; did you mean `classifier`?"
    );
    let twice = of(|s| {
        let (x, y) = (s.input("x", [5])?, s.input("y", [1])?);
        let p = s.call("classifier", &[x])?[0];
        let loss = s.loss("loss", &MeanSquaredError, y, p)?;
        s.minimize(&[loss], &Adam::default(), &["classifier"])?;
        s.minimize(&[loss], &Adam::default(), &["classifier/dense"])
    });
    assert_eq!(twice, "classifier/dense/kernel: expected one update in a step, got two");
    let other = of(|s| s.input("x", [5]).and_then(|_| s.input("x", [4])).map(drop));
    assert_eq!(other, "x: expected f32 [5], got f32 [4]; change the one or the other");
    let same = Step::trace(&[&model, &classifier(&device)], |_| Ok(())).unwrap_err().to_string();
    assert!(same.contains("`classifier` twice"), "{same}");
}
