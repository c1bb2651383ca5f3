//! What layers do in a training: the smaller last batch, losses of one's own, state, randomness; and what a step costs.

mod common;

use wgrad::losses::from_fn;
use wgrad::ops::{Log1p, Square, binary, mean, multiply, unary};
use wgrad::prelude::*;

fn silent(epochs: usize) -> Fit {
    Fit::epochs(epochs).shuffle(false).verbosity(Verbosity::Silent)
}

fn ramp(rows: usize, cols: usize) -> Tensor {
    let values = (0..rows * cols).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0);
    Tensor::new([rows, cols], values.collect()).unwrap()
}

/// `ln(1 + (p − y)²)`, made of ops.
fn log_square() -> OwnLoss {
    from_fn("log_square", |g, y, p| unary(g, Log1p, unary(g, Square, binary(g, wgrad::ops::Subtract, p, y)?)?))
}

fn normalised(device: &Device) -> Model {
    let x = Symbol::input([3]);
    let hidden = BatchNormalization::new().momentum(0.8).on(&Dense::new(6).on(&x));
    let hidden = LayerNormalization::new().on(&Activation::new(Tanh).on(&hidden));
    let mut model = Model::new(&x, &Dense::new(2).on(&hidden)).seed(2).build(device).unwrap();
    model.compile(Sgd::new(0.1), log_square(), ["mse"]).unwrap();
    model
}

/// How far the weights of two models are apart at most.
fn apart(a: &Model, b: &Model) -> f64 {
    let far = |name: &str| {
        let (a, b) = (a.weight(name).unwrap(), b.weight(name).unwrap());
        a.to_f64().iter().zip(b.to_f64().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    a.weight_names().into_iter().map(far).fold(0.0, f64::max)
}

#[test]
fn the_smaller_last_batch_is_a_batch_of_just_those_rows() {
    let (x, y) = (ramp(7, 3), ramp(7, 2));
    let part = |t: &Tensor, rows: std::ops::Range<usize>| t.slice_rows(rows).unwrap();
    let mut oracle = normalised(&Device::cpu_f64());
    let logs = [0..5, 5..7].map(|rows| oracle.train_on_batch(part(&x, rows.clone()), part(&y, rows)).unwrap());
    let exact = oracle.evaluate(&x, &y).unwrap();
    let check = |device: &Device, bar: f64| {
        let mut model = normalised(device);
        let history = model.fit(&x, &y, silent(1).batch_size(5)).unwrap();
        let loss = (5.0 * logs[0]["loss"] + 2.0 * logs[1]["loss"]) / 7.0;
        assert!((history[0]["loss"] - loss).abs() < bar, "{device}: {history:?} {logs:?}");
        assert!(apart(&model, &oracle) < bar, "{device}: {}", apart(&model, &oracle));
        // In inference the moving averages count, and dead rows of a batch do not.
        let scores = model.evaluate(&x, &y).unwrap();
        assert!((scores["loss"] - exact["loss"]).abs() < bar, "{device}: {scores:?} {exact:?}");
    };
    check(&Device::cpu_f64(), 1e-12);
    common::on_every_device("the_smaller_last_batch_is_a_batch_of_just_those_rows", |device| check(device, 1e-5));
}

#[test]
fn a_closure_is_a_loss_and_a_metric_and_its_rows_may_have_weights() {
    common::on_every_device("a_closure_is_a_loss_and_a_metric_and_its_rows_may_have_weights", |device| {
        let square = || from_fn("my_mse", |g, y, p| unary(g, Square, binary(g, wgrad::ops::Subtract, p, y)?));
        let model = |own: bool| {
            let mut model = Sequential::new().add(Dense::new(2).input_shape([3])).build(device).unwrap();
            let metrics = Metrics::from([MetricSpec::from(square())]).weighted([MetricSpec::from(square())]);
            match own {
                true => model.compile(Sgd::new(0.1), square(), metrics).unwrap(),
                false => model.compile(Sgd::new(0.1), MeanSquaredError, metrics).unwrap(),
            }
            model
        };
        let weights = Tensor::new([11], (0..11).map(|i| (i % 4) as f32).collect()).unwrap();
        let fit = || silent(2).batch_size(4).sample_weight(weights.clone());
        let [mut own, mut known] = [model(true), model(false)];
        let [a, b] = [&mut own, &mut known].map(|model| model.fit(ramp(11, 3), ramp(11, 2), fit()).unwrap());
        for (a, b) in a.epochs().iter().zip(b.epochs()) {
            let keys: Vec<&str> = a.keys().map(String::as_str).collect();
            assert_eq!(keys, ["loss", "my_mse", "weighted_my_mse"]);
            for (key, value) in a {
                assert!((value - b[key]).abs() < 1e-6, "{device} {key}: {value} {}", b[key]);
            }
            // The weights add up to 15 of 11 rows.
            assert!((a["weighted_my_mse"] * 15.0 / 11.0 - a["loss"]).abs() < 1e-6, "{device}: {a:?}");
        }
        assert!(apart(&own, &known) < 1e-6, "{device}");
    });
}

#[test]
fn dropout_drops_in_training_alone_and_repeats() {
    common::on_every_device("dropout_drops_in_training_alone_and_repeats", |device| {
        let model = |rate: f64, seed: u64| {
            let model = Sequential::new().add(Dense::new(16).input_shape([3])).add(Dropout::new(rate));
            let mut model = model.add(Dense::new(1)).seed(seed).build(device).unwrap();
            model.compile(Sgd::new(0.0), MeanSquaredError, ["mse"; 0]).unwrap();
            model
        };
        let (x, y) = (ramp(20, 3), ramp(20, 1));
        let losses = |rate: f64| model(rate, 1).fit(&x, &y, silent(3)).unwrap().get("loss");
        let (dropped, kept) = (losses(0.5), losses(0.0));
        assert_eq!(dropped, losses(0.5), "{device}");
        // Another share in each step, and none of it where nothing is dropped.
        assert!(dropped[0] != dropped[1] && kept[0] == kept[1] && dropped[0] != kept[0], "{device}");
        let mut model = model(0.5, 1);
        let loss = model.evaluate(&x, &y).unwrap()["loss"];
        assert!((loss - kept[0]).abs() < 1e-6, "{device}: {loss} {}", kept[0]);
    });
}

/// Counts the steps that trained, keeps what it saw last, and wants its gain to be small.
#[derive(Debug)]
struct Watcher;

impl Layer for Watcher {
    fn build(&self, vars: &mut Vars<'_>, inputs: &[Type]) -> Result<()> {
        vars.add("gain", [1], Initializer::Ones)?;
        vars.state("steps", [1], Initializer::Zeros)?;
        vars.state("mean", inputs[0].shape.clone(), Initializer::Zeros)
    }
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let (g, gain) = (scope.builder(), scope.var("gain")?);
        scope.loss(unary(g, Square, gain)?)?;
        let steps = wgrad::ops::add(g, scope.var("steps")?, wgrad::ops::constant(g, 1.0)?)?;
        scope.update(&[("steps", steps)], 0.0)?;
        scope.update(&[("mean", mean(g, x[0], &[0], false)?)], 0.0)?;
        Ok(vec![multiply(g, x[0], gain)?])
    }
    fn config(&self) -> Config {
        Config::new("Watcher", ())
    }
}

#[test]
fn a_layer_adds_a_loss_and_writes_its_state() {
    common::on_every_device("a_layer_adds_a_loss_and_writes_its_state", |device| {
        let mut model = Sequential::new().add(Watcher.input_shape([3])).build(device).unwrap();
        model.compile(Sgd::new(0.0), MeanSquaredError, ["mse"]).unwrap();
        let x = ramp(7, 3);
        let logs = model.fit(&x, &x, silent(2).batch_size(5)).unwrap();
        assert!((logs[1]["loss"] - 1.0).abs() < 1e-6 && logs[1]["mse"] == 0.0, "{device}: {logs:?}");
        let scores = model.evaluate(&x, &x).unwrap();
        assert!((scores["loss"] - 1.0).abs() < 1e-6, "{device}: {scores:?}");
        assert_eq!(model.weight("watcher/steps").unwrap().to_f32()[..], [4.0], "{device}");
        let last = x.to_f32()[15..].to_vec();
        let seen = model.weight("watcher/mean").unwrap();
        for (i, seen) in seen.to_f32().iter().enumerate() {
            assert!((seen - (last[i] + last[i + 3]) / 2.0).abs() < 1e-6, "{device}: {seen}");
        }
        // A frozen one keeps what it has.
        model.set_trainable("watcher", false).unwrap();
        let fresh = Sequential::new().add(Dense::new(3).input_shape([3])).add(Watcher.trainable(false));
        let mut fresh = fresh.build(device).unwrap();
        fresh.compile(Sgd::new(0.1), MeanSquaredError, ["mse"]).unwrap();
        fresh.fit(&x, &x, silent(1)).unwrap();
        assert_eq!(fresh.weight("watcher/steps").unwrap().to_f32()[..], [0.0], "{device}");
        assert_eq!(fresh.weight("watcher/gain").unwrap().to_f32()[..], [1.0], "{device}");
    });
}

/// `y = σ(x)`.
#[derive(Debug)]
struct MySigmoid;

impl Layer for MySigmoid {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![unary(scope.builder(), Sigmoid, x[0])?])
    }
    fn config(&self) -> Config {
        Config::new("MySigmoid", ())
    }
}

#[test]
fn a_step_of_each_of_the_three_models_is_few_launches() {
    let device = Device::cpu();
    let launches = |model: &Model| model.explain(32).unwrap().launches().count();
    let dense = |units: usize| Dense::new(units).activation(Relu);
    let classifier = Sequential::new().add(dense(64).input_shape([10])).add(dense(32));
    let mut classifier = classifier.add(Dense::new(1).activation(Sigmoid)).build(&device).unwrap();
    classifier.compile(Adam::default(), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    let custom = Sequential::new().add(dense(64).input_shape([10])).add(MySigmoid).add(Dense::new(1));
    let mut custom = custom.build(&device).unwrap();
    custom.compile(Adam::default(), MeanSquaredError, ["mse"; 0]).unwrap();
    let x = Symbol::input([10]);
    let trunk = dense(32).on(&dense(64).on(&x));
    let binary = Dense::new(1).activation(Sigmoid).named("binary_output").on(&trunk);
    let multiclass = Dense::new(5).activation(Softmax).named("multiclass_output").on(&trunk);
    let mut several = Model::new(&x, [&binary, &multiclass]).build(&device).unwrap();
    let losses = Losses::new()
        .output("binary_output", BinaryCrossentropy::default())
        .output("multiclass_output", CategoricalCrossentropy::default())
        .weights([("binary_output", 0.7), ("multiclass_output", 0.3)]);
    let metrics = Metrics::new().output("binary_output", ["accuracy"]).output("multiclass_output", ["accuracy"]);
    several.compile(Adam::default(), losses, metrics).unwrap();
    assert_eq!([&classifier, &custom, &several].map(launches), [9, 9, 13]);
}

#[test]
fn a_run_that_is_given_no_time_does_a_step_at_a_time() {
    let device = Device::cpu();
    let mut model = Sequential::new().add(Dense::new(1).input_shape([3])).build(&device).unwrap();
    model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0]).unwrap();
    let mut run = model.run(ramp(40, 3), ramp(40, 1), silent(1).batch_size(4)).unwrap();
    let mut steps = vec![];
    loop {
        let progress = run.advance(std::time::Duration::ZERO).unwrap();
        steps.push(progress.step);
        if progress.done {
            break;
        }
    }
    assert_eq!(steps, (0..=10).collect::<Vec<_>>());
    let outputs = run.predict_all(ramp(3, 3)).unwrap();
    assert_eq!(outputs[0].1.shape().dims(), [3, 1]);
    assert!(matches!(run.predict_on_device(ramp(3, 3)), Err(Error::Unsupported { .. })));
}

#[test]
fn a_shared_normalisation_moves_its_averages_with_each_call() {
    common::on_every_device("a_shared_normalisation_moves_its_averages_with_each_call", |device| {
        let (a, b) = (Symbol::input([2]), Symbol::input([2]));
        let shared = BatchNormalization::new().momentum(0.5).named("shared");
        let sum = Add::new().on([&shared.on(&a), &shared.on(&b)]);
        let mut model = Model::new([&a, &b], &sum).build(device).unwrap();
        model.compile(Sgd::new(0.0), MeanSquaredError, ["mse"; 0]).unwrap();
        let (x, z) = (ramp(6, 2), ramp(12, 2).slice_rows(6..12).unwrap());
        model.train_on_batch([&x, &z], ramp(6, 2)).unwrap();
        let mean = |t: &Tensor, i: usize| t.to_f64().iter().skip(i).step_by(2).sum::<f64>() / 6.0;
        let moved = model.weight("shared/moving_mean").unwrap();
        for (i, moved) in moved.to_f64().iter().enumerate() {
            let want = 0.5 * (0.5 * mean(&x, i)) + 0.5 * mean(&z, i);
            assert!((moved - want).abs() < 1e-6, "{device}: {moved} {want}");
        }
    });
}

/// Copies one state into another.
#[derive(Debug)]
struct Copier;

impl Layer for Copier {
    fn build(&self, vars: &mut Vars<'_>, _: &[Type]) -> Result<()> {
        vars.state("from", [3], Initializer::Ones)?;
        vars.state("to", [3], Initializer::Zeros)
    }
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        scope.update(&[("to", scope.var("from")?)], 0.0)?;
        Ok(x.to_vec())
    }
    fn config(&self) -> Config {
        Config::new("Copier", ())
    }
}

#[test]
fn a_launch_that_no_browser_takes_is_refused_at_compile() {
    let model = || Sequential::new().add(Dense::new(3).input_shape([2])).add(Copier);
    let compile =
        |device: Device| model().build(&device).unwrap().compile(Sgd::default(), MeanSquaredError, ["mse"; 0]);
    let error = compile(Device::cpu()).unwrap_err().to_string();
    assert!(error.contains("moving_average: bindings") && error.contains("read and write one buffer"), "{error}");
    assert!(compile(Device::cpu_f64()).is_ok());
}

#[test]
fn a_step_with_each_layer_keeps_the_rules_of_browsers() {
    let decay = Regularizer::l2(0.01);
    for (placed, shapes) in wgrad::layers::samples() {
        let symbol = |shape: &Shape| match placed.layer().ids_below(0) {
            Some(_) => Symbol::ids(shape.clone()),
            None => Symbol::input(shape.clone()),
        };
        // What the layer takes is trained, and what it gives goes through a shared layer twice.
        let inputs: Vec<Symbol> = shapes.iter().map(symbol).collect();
        let trained = |x: &Symbol, shape: &Shape| match placed.layer().ids_below(0) {
            Some(_) => x.clone(),
            None => Dense::new(shape.dims()[shape.rank() - 1]).kernel_regularizer(decay).on(x),
        };
        let taken: Vec<Symbol> = inputs.iter().zip(&shapes).map(|(x, shape)| trained(x, shape)).collect();
        let given = Flatten::new().on(&placed.on(&taken[..]));
        let model = Model::new(&inputs[..], &given).build(&Device::cpu()).unwrap();
        let width = model.output_shapes()[0].dims()[0];
        let shared = Dense::new(width).kernel_regularizer(decay).bias_regularizer(decay).named("shared");
        let twice = Dense::new(1).bias_regularizer(decay).on(&shared.on(&shared.on(&given)));
        let mut model = Model::new(&inputs[..], &twice).build(&Device::cpu()).unwrap();
        model.compile(Adam::default(), MeanSquaredError, ["mse"]).unwrap();
        let program = model.explain(7).unwrap();
        assert_eq!(program.violations(), [""; 0], "{placed:?}\n{program}");
    }
}
