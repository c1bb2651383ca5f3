//! Models of connected layers: shared ones, models as layers, frozen ones, several inputs and outputs by name.

mod common;

use wgrad::prelude::*;

fn silent(epochs: usize) -> Fit {
    Fit::epochs(epochs).verbosity(Verbosity::Silent)
}

/// Numbers that are not all alike.
fn ramp(rows: usize, cols: usize) -> Tensor {
    let values = (0..rows * cols).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0);
    Tensor::new([rows, cols], values.collect()).unwrap()
}

/// Two inputs through one shared layer, with a residual sum; two outputs.
fn siamese(device: &Device) -> Model {
    let (a, b) = (Symbol::input([3]).named("a"), Symbol::input([3]).named("b"));
    let shared = Dense::new(4).activation(Tanh).named("shared");
    let (left, right) = (shared.on(&a), shared.on(&b));
    let sum = Add::new().on([&left, &right]);
    let far = Subtract::new().on([&left, &right]);
    let score = Dense::new(1).activation(Sigmoid).named("score").on(&sum);
    let kind = Dense::new(3).activation(Softmax).named("kind").on(&far);
    Model::new([&a, &b], [&score, &kind]).seed(3).build(device).unwrap()
}

fn compiled(device: &Device) -> Model {
    let mut model = siamese(device);
    let losses = Losses::new().output("kind", "sparse_categorical_crossentropy").output("score", "mse");
    let losses = losses.weights([("score", 2.0), ("kind", 0.5)]);
    let metrics = Metrics::new().output("kind", ["accuracy"]).output("score", ["mae"]);
    model.compile(Adam::new(0.02), losses, metrics).unwrap();
    model
}

fn targets(rows: usize) -> [Tensor; 2] {
    let kinds = (0..rows).map(|i| (i % 3) as f32).collect();
    [ramp(rows, 1), Tensor::new([rows, 1], kinds).unwrap()]
}

#[test]
fn a_shared_layer_has_its_weights_once() {
    let model = siamese(&Device::cpu());
    let names = ["shared/kernel", "shared/bias", "score/kernel", "score/bias", "kind/kernel", "kind/bias"];
    assert_eq!(model.weight_names(), names);
    assert_eq!((model.input_names(), model.output_names()), (vec!["a", "b"], vec!["score", "kind"]));
}

#[test]
fn data_goes_by_name_or_in_order_and_logs_are_those_of_keras() {
    common::on_every_device("data_goes_by_name_or_in_order_and_logs_are_those_of_keras", |device| {
        let ([a, b], [score, kind]) = ([ramp(23, 3), ramp(46, 3).slice_rows(23..46).unwrap()], targets(23));
        let [mut by_name, mut in_order] = [(); 2].map(|()| compiled(device));
        let named = by_name.fit([("b", &b), ("a", &a)], [("kind", &kind), ("score", &score)], silent(3)).unwrap();
        let ordered = in_order.fit([&a, &b], [&score, &kind], silent(3)).unwrap();
        assert_eq!(named, ordered, "{device}");
        let keys: Vec<&str> = named[0].keys().map(String::as_str).collect();
        assert_eq!(keys, ["kind_accuracy", "kind_loss", "loss", "score_loss", "score_mae"]);
        for logs in named.epochs() {
            let total = 2.0 * logs["score_loss"] + 0.5 * logs["kind_loss"];
            assert!((logs["loss"] - total).abs() < 1e-6 * total, "{device}: {logs:?}");
        }
        assert!(named[2]["loss"] < named[0]["loss"], "{device}: {named:?}");
        let scores = by_name.evaluate([&a, &b], [&score, &kind]).unwrap();
        let again = by_name.evaluate([("a", &a), ("b", &b)], [("score", &score), ("kind", &kind)]).unwrap();
        assert_eq!(scores, again, "{device}");
        let outputs = by_name.predict_all([&a, &b]).unwrap();
        let shapes: Vec<(&str, &[usize])> = outputs.iter().map(|(name, t)| (name.as_str(), t.shape().dims())).collect();
        assert_eq!(shapes, [("score", &[23, 1][..]), ("kind", &[23, 3])]);
    });
}

#[test]
fn a_shared_layer_learns_from_both_calls() {
    // The gradient of w for y = w a + w b is that of (a + b): against one layer on the sum.
    let device = Device::cpu_f64();
    let (a, b) = (Symbol::input([3]), Symbol::input([3]));
    let shared = Dense::new(1).use_bias(false).kernel_regularizer(Regularizer::l2(0.1)).named("w");
    let sum = Add::new().on([&shared.on(&a), &shared.on(&b)]);
    let mut twice = Model::new([&a, &b], &sum).build(&device).unwrap();
    let once = Dense::new(1).use_bias(false).kernel_regularizer(Regularizer::l2(0.1)).named("w");
    let mut once = Sequential::new().add(once.input_shape([3])).build(&device).unwrap();
    let (x, z) = (ramp(10, 3), ramp(20, 3).slice_rows(10..20).unwrap());
    let added = x.to_f64().iter().zip(z.to_f64().iter()).map(|(a, b)| a + b).collect();
    let (added, y) = (Tensor::from_f64([10, 3], added).unwrap(), ramp(10, 1));
    once.set_weight("w/kernel", &twice.weight("w/kernel").unwrap()).unwrap();
    for model in [&mut twice, &mut once] {
        model.compile(Sgd::new(0.1), MeanSquaredError, ["mae"]).unwrap();
    }
    let twice_losses = twice.fit([&x, &z], &y, silent(3)).unwrap();
    let once_losses = once.fit(&added, &y, silent(3)).unwrap();
    for (a, b) in twice_losses.get("loss").into_iter().zip(once_losses.get("loss")) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
    let [a, b] = [&twice, &once].map(|model| model.weight("w/kernel").unwrap());
    assert!(a.to_f64().iter().zip(b.to_f64().iter()).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn regularizers_are_in_the_loss_and_in_the_gradient() {
    common::on_every_device("regularizers_are_in_the_loss_and_in_the_gradient", |device| {
        let dense = Dense::new(2).kernel_regularizer(Regularizer::l1_l2(0.1, 0.3)).use_bias(false);
        let mut model = Sequential::new().add(dense.input_shape([2])).build(device).unwrap();
        let w = [0.5f32, -1.0, 0.0, 2.0];
        model.set_weight("dense/kernel", &Tensor::new([2, 2], w.to_vec()).unwrap()).unwrap();
        model.compile(Sgd::new(0.5), MeanSquaredError, ["mse"]).unwrap();
        // Inputs of 0: the loss is that of the targets, and the regularizer alone has a gradient.
        let (x, y) = (Tensor::full([5, 2], 0.0).unwrap(), Tensor::full([5, 2], 1.0).unwrap());
        let logs = model.fit(&x, &y, silent(1).batch_size(3)).unwrap();
        let penalty = |w: &[f32]| w.iter().map(|w| f64::from(0.1 * w.abs() + 0.3 * w * w)).sum::<f64>();
        let step = |w: f32| w - 0.5 * (0.1 * w.signum() * f32::from(w != 0.0) + 0.6 * w);
        let after: Vec<f32> = w.iter().map(|&w| step(w)).collect();
        let want = 1.0 + (3.0 * penalty(&w) + 2.0 * penalty(&after)) / 5.0;
        assert!((logs[0]["loss"] - want).abs() < 1e-6, "{device}: {} {want}", logs[0]["loss"]);
        assert!((logs[0]["mse"] - 1.0).abs() < 1e-6, "{device}");
        let got = model.weight("dense/kernel").unwrap();
        let want: Vec<f32> = after.iter().map(|&w| step(w)).collect();
        assert!(got.to_f32().iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-6), "{device}: {got:?} {want:?}");
    });
}

#[test]
fn frozen_layers_keep_their_weights_until_they_are_let_go() {
    let device = Device::cpu();
    let mut model = Sequential::new()
        .add(Dense::new(4).activation(Relu).trainable(false).input_shape([3]))
        .add(Dense::new(1))
        .build(&device)
        .unwrap();
    let (x, y) = (ramp(12, 3), ramp(12, 1));
    let weights = |model: &Model| ["dense/kernel", "dense_1/kernel"].map(|name| model.weight(name).unwrap());
    let train = |model: &mut Model| {
        model.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0]).unwrap();
        model.fit(&x, &y, silent(1)).unwrap();
    };
    let [frozen, trained] = weights(&model);
    train(&mut model);
    let [still, moved] = weights(&model);
    assert!(frozen == still && trained != moved);
    assert!(model.summary().contains(" Trainable params: 5 (20.00 B)\n Non-trainable params: 16 (64.00 B)"));
    model.set_trainable("dense", true).unwrap();
    assert_eq!(weights(&model), [still.clone(), moved]);
    train(&mut model);
    assert!(weights(&model)[0] != still);
    let wrong = model.set_trainable("dens", true).unwrap_err().to_string();
    assert_eq!(wrong, "there is no layer `dens`: use one of dense, dense_1; did you mean `dense`?");
}

#[test]
fn a_model_is_a_layer_of_another_with_its_weights() {
    let device = Device::cpu();
    let mut encoder = Sequential::new().name("encoder").add(Dense::new(4).activation(Relu).input_shape([3]));
    encoder = encoder.add(Dense::new(2));
    let mut trained = encoder.clone().seed(9).build(&device).unwrap();
    let x = Symbol::input([3]);
    let features = trained.to_layer().unwrap().named("features").trainable(false).on(&x);
    let mut whole = Model::new(&x, &features).build(&device).unwrap();
    let data = ramp(7, 3);
    assert_eq!(whole.predict(&data).unwrap(), trained.predict(&data).unwrap());
    let fresh = encoder.into_layer().unwrap().named("features").on(&x);
    let fresh = Model::new(&x, &Dense::new(1).on(&fresh)).build(&device).unwrap();
    let names = ["features/dense/kernel", "features/dense/bias", "features/dense_1/kernel", "features/dense_1/bias"];
    assert_eq!(fresh.weight_names()[..4], names);
    let mut hidden = whole.intermediate(&["features"]).unwrap();
    assert_eq!(hidden.predict(&data).unwrap(), trained.predict(&data).unwrap());
    let mut first = trained.intermediate(&["dense"]).unwrap();
    assert_eq!(first.weight_names(), ["dense/kernel", "dense/bias"]);
    assert_eq!(first.predict(&data).unwrap().shape().dims(), [7, 4]);
}

#[test]
fn a_layer_begins_with_the_last_weights_of_the_model_around_it() {
    let device = Device::cpu();
    let inner = Sequential::new().add(Dense::new(2).input_shape([3])).seed(4).build(&device).unwrap();
    let x = Symbol::input([3]);
    let outer = || Model::new(&x, &Dense::new(1).on(&inner.to_layer().unwrap().named("inner").on(&x)));
    let mut outer = outer().build(&device).unwrap();
    outer.compile(Sgd::new(0.1), MeanSquaredError, ["mse"; 0]).unwrap();
    outer.fit(ramp(9, 3), ramp(9, 1), silent(2)).unwrap();
    let around = Model::new(&x, &outer.to_layer().unwrap().named("outer").on(&x)).build(&device).unwrap();
    let [moved, now] = [outer.weight("inner/dense/kernel"), around.weight("outer/inner/dense/kernel")];
    assert_eq!(now.unwrap(), moved.unwrap());
}

#[test]
fn class_and_sample_weights_multiply_the_loss_of_their_rows() {
    common::on_every_device("class_and_sample_weights_multiply_the_loss_of_their_rows", |device| {
        let mut model = compiled(device);
        let ([a, b], [score, kind]) = ([ramp(11, 3), ramp(22, 3).slice_rows(11..22).unwrap()], targets(11));
        let weights = Tensor::new([11], (0..11).map(|i| [0.5, 2.0, 0.0][i % 3]).collect()).unwrap();
        // Rows are of class 0, 1, 2, 0, …: weights by class are weights by row.
        let fit = || silent(2).batch_size(4).shuffle(false);
        let by_row = fit().sample_weight_of("kind", weights.clone());
        let by_class = fit().class_weight_of("kind", [(0, 0.5), (1, 2.0), (2, 0.0)]);
        let rows = model.fit([&a, &b], [&score, &kind], by_row).unwrap();
        let classes = compiled(device).fit([&a, &b], [&score, &kind], by_class).unwrap();
        assert_eq!(rows, classes, "{device}");
        // Metrics do not look at weights: the same before the first update, unlike the loss.
        let whole = || silent(1).batch_size(11).shuffle(false);
        let plain = compiled(device).fit([&a, &b], [&score, &kind], whole()).unwrap();
        let weighted = whole().sample_weight_of("kind", weights.clone());
        let weighted = compiled(device).fit([&a, &b], [&score, &kind], weighted).unwrap();
        assert!(plain[0]["kind_loss"] != weighted[0]["kind_loss"], "{device}");
        assert_eq!(plain[0]["kind_accuracy"], weighted[0]["kind_accuracy"], "{device}");
        // Both: the product.
        let both = fit().sample_weight_of("kind", weights).class_weight_of("kind", [(0, 0.5), (1, 2.0), (2, 0.0)]);
        let squared = Tensor::new([11], (0..11).map(|i| [0.25, 4.0, 0.0][i % 3]).collect()).unwrap();
        let product = fit().sample_weight_of("kind", squared);
        let both = compiled(device).fit([&a, &b], [&score, &kind], both).unwrap();
        assert_eq!(both, compiled(device).fit([&a, &b], [&score, &kind], product).unwrap(), "{device}");
    });
}

#[test]
fn one_batch_is_a_step() {
    common::on_every_device("one_batch_is_a_step", |device| {
        let ([a, b], [score, kind]) = ([ramp(9, 3), ramp(18, 3).slice_rows(9..18).unwrap()], targets(9));
        let [mut whole, mut single] = [(); 2].map(|()| compiled(device));
        let history = whole.fit([&a, &b], [&score, &kind], silent(2).batch_size(9).shuffle(false)).unwrap();
        for epoch in 0..2 {
            let before = single.test_on_batch([&a, &b], [&score, &kind]).unwrap();
            let logs = single.train_on_batch([&a, &b], [&score, &kind]).unwrap();
            assert_eq!(logs, history[epoch], "{device}");
            assert!((before["loss"] - logs["loss"]).abs() < 1e-6 * logs["loss"], "{device}");
        }
        let hashes = [&whole, &single].map(|model| model.weights_sha256().unwrap());
        assert_eq!(hashes[0], hashes[1], "{device}");
    });
}

#[test]
fn a_file_holds_the_whole_model() {
    let device = Device::cpu();
    let mut model = compiled(&device);
    let bytes = model.to_bytes().unwrap();
    let mut again = Model::from_bytes(&bytes, &device, &Registry::default()).unwrap();
    let data = [ramp(5, 3), ramp(10, 3).slice_rows(5..10).unwrap()];
    let inputs = || [&data[0], &data[1]];
    assert_eq!(again.predict_all(inputs()).unwrap(), model.predict_all(inputs()).unwrap());
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert_eq!(again.summary(), siamese(&device).summary());

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("functional");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("model.safetensors");
    model.save(&path).unwrap();
    let mut other = siamese(&device);
    other.set_weight("score/bias", &Tensor::full([1], 5.0).unwrap()).unwrap();
    other.load_weights(&path).unwrap();
    assert_eq!(other.weights_sha256().unwrap(), model.weights_sha256().unwrap());
    assert_eq!(Model::load(&path, &device, &Registry::default()).unwrap().to_bytes().unwrap(), bytes);

    // All that does not fit is said, and nothing is changed.
    let mut small = Sequential::new().add(Dense::new(2).named("score").input_shape([4])).build(&device).unwrap();
    let before = small.weights_sha256().unwrap();
    let error = small.load_weights(&path).unwrap_err();
    let Error::Mismatch { differences, .. } = &error else { panic!("{error}") };
    let want = [
        "kind/bias is not in the model",
        "kind/kernel is not in the model",
        "score/bias is f32 [2] in the model, F32 [1] in the file",
        "score/kernel is f32 [4, 2] in the model, F32 [4, 1] in the file",
        "shared/bias is not in the model",
        "shared/kernel is not in the model",
    ];
    assert_eq!(differences, &want);
    assert_eq!(small.weights_sha256().unwrap(), before);
}

#[test]
fn every_layer_is_saved_and_loaded_with_its_settings() {
    let device = Device::cpu();
    let registry = Registry::default();
    let inner = Sequential::new().add(Dense::new(2).activation(Softmax)).add(Flatten::new()).into_layer().unwrap();
    for (placed, shapes) in wgrad::layers::samples().into_iter().chain([(inner, vec![[4, 3].into()])]) {
        let symbol = |shape: &Shape| match placed.layer().ids_below(0) {
            Some(_) => Symbol::ids(shape.clone()),
            None => Symbol::input(shape.clone()),
        };
        let inputs: Vec<Symbol> = shapes.iter().map(symbol).collect();
        let mut model = Model::new(&inputs[..], &placed.on(&inputs[..])).seed(5).build(&device).unwrap();
        let bytes = model.to_bytes().unwrap();
        let mut again = Model::from_bytes(&bytes, &device, &registry).unwrap();
        assert_eq!(again.to_bytes().unwrap(), bytes, "{placed:?}");
        let rows = |(at, shape): (usize, &Shape)| {
            let values = (0..5 * shape.len()).map(|i| ((3 * i + at) % 7) as f32).collect();
            Tensor::new(shape.with_batch(5), values).unwrap()
        };
        let x: Vec<Tensor> = shapes.iter().enumerate().map(rows).collect();
        assert_eq!(again.predict(&x).unwrap(), model.predict(&x).unwrap(), "{placed:?}");
    }
}

#[test]
fn a_summary_reads_as_in_keras() {
    let x = Symbol::input([10]);
    let trunk = Dense::new(32).activation(Relu).on(&Dense::new(64).activation(Relu).on(&x));
    let binary = Dense::new(1).activation(Sigmoid).named("binary_output").on(&trunk);
    let multiclass = Dense::new(5).activation(Softmax).named("multiclass_output").on(&trunk);
    let mut model = Model::new(&x, [&binary, &multiclass]).build(&Device::cpu()).unwrap();
    assert_eq!(model.summary(), include_str!("summary/functional.txt"));
    let losses = Losses::new().output("binary_output", "mse").output("multiclass_output", "categorical_crossentropy");
    model.compile(Adam::default(), losses, Metrics::new()).unwrap();
    let costs = model.summary_for(32).unwrap();
    let costs: Vec<&str> = costs.lines().filter(|line| line.contains("of 32 rows")).collect();
    assert!(costs[0].starts_with(" Prediction of 32 rows: ") && costs[1].contains(", 13 launches, "), "{costs:?}");
    assert!(model.summary_for(0).is_err());

    let dense = |units: usize| Dense::new(units).activation(Relu);
    let model = Sequential::new().add(dense(64).input_shape([10])).add(dense(32)).add(Dense::new(1));
    assert_eq!(model.build(&Device::cpu()).unwrap().summary(), include_str!("summary/sequential.txt"));
}

#[test]
fn a_picture_has_a_box_for_each_call_and_a_line_for_each_connection() {
    let model = siamese(&Device::cpu());
    let svg = model.plot_svg();
    let count = |what: &str| svg.matches(what).count();
    // The background and 2 inputs, 2 calls of the shared layer, 2 merges, 2 outputs.
    assert_eq!((count("<rect"), count("<path"), count("shared (Dense)")), (9, 8, 2), "{svg}");
    assert_eq!(count("stroke-width=\"2.5\""), 2);
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("model.svg");
    model.plot(&path).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), svg);
}
