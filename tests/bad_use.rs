//! Bad use of a model is refused before the first step, with place, expected, got and fix: held against `bad_use.txt`.

use sha2::{Digest, Sha256};
use wgrad::prelude::*;

/// Two inputs, two outputs.
fn model() -> Model {
    let (user, item) = (Symbol::input([2]).named("user"), Symbol::input([3]).named("item"));
    let both = Concatenate::new().on([&user, &item]);
    let score = Dense::new(1).activation(Sigmoid).named("score").on(&both);
    let kind = Dense::new(4).activation(Softmax).named("kind").on(&both);
    Model::new([&user, &item], [&score, &kind]).build(&Device::cpu()).unwrap()
}

fn losses() -> Losses {
    Losses::new().output("score", "mse").output("kind", "categorical_crossentropy")
}

fn compiled() -> Model {
    let mut model = model();
    model.compile(Adam::default(), losses(), Metrics::new()).unwrap();
    model
}

/// A layer that no registry knows.
#[derive(Debug)]
struct Stranger;

impl Layer for Stranger {
    fn call(&self, _: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(x.to_vec())
    }
    fn config(&self) -> Config {
        Config::new("Stranger", ())
    }
}

fn zeros<const N: usize>(shape: [usize; N]) -> Tensor {
    Tensor::full(shape, 0.0).unwrap()
}

/// What `compile` says.
fn compile(losses: impl Into<Losses>, metrics: impl Into<Metrics>) -> Result<()> {
    model().compile(Adam::default(), losses, metrics)
}

/// What `fit` says of targets.
fn fit(score: Tensor, kind: Tensor, fit: Fit) -> Result<()> {
    compiled().fit([&zeros([6, 2]), &zeros([6, 3])], [&score, &kind], fit.verbosity(Verbosity::Silent)).map(drop)
}

fn build(inputs: &[&Symbol], outputs: &[&Symbol]) -> Result<()> {
    let list = |symbols: &[&Symbol]| symbols.iter().map(|s| (*s).clone()).collect::<Vec<_>>();
    Model::new(list(inputs), list(outputs)).build(&Device::cpu()).map(drop)
}

/// A file of a model of two dense layers, its text changed.
fn changed(from: &str, to: &str) -> Result<()> {
    let model = Sequential::new().add(Dense::new(2).input_shape([3])).add(Dense::new(2)).build(&Device::cpu())?;
    let text: Vec<u8> = model.to_bytes()?;
    let (from, at) = (from.as_bytes(), text.windows(from.len()).position(|w| w == from.as_bytes()));
    let at = at.expect("the text is in the file");
    assert_eq!(from.len(), to.len(), "the header keeps its length");
    let text = sealed([&text[..at], to.as_bytes(), &text[at + from.len()..]].concat());
    Model::from_bytes(&text, &Device::cpu(), &Registry::default()).map(drop)
}

/// A file with the hash of its bytes, so that it is looked at further.
fn sealed(mut text: Vec<u8>) -> Vec<u8> {
    let before = br#"\"sha256\":\""#;
    let at = text.windows(before.len()).position(|w| w == before).expect("a hash") + before.len();
    text[at..at + 64].fill(b'0');
    let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    text[at..at + 64].copy_from_slice(hash.as_bytes());
    text
}

type Cases = Vec<(&'static str, Result<()>)>;

fn of_compile() -> Cases {
    let all_ok = || Metrics::new();
    let weighted = losses().weights([("scores", 0.5)]);
    let no_fit = Metrics::new().output("kind", ["sparse_categorical_accuracy"]);
    let unnamed = Losses::from("mse");
    vec![
        ("an unknown loss", compile(Losses::new().output("score", "msee").output("kind", "mse"), all_ok())),
        ("an unknown metric", compile(losses(), Metrics::new().output("kind", ["acuracy"]))),
        ("a loss for an unknown output", compile(losses().output("scores", "mse"), all_ok())),
        ("a metric for an unknown output", compile(losses(), Metrics::new().output("kinds", ["accuracy"]))),
        ("a loss that is missing", compile(Losses::new().output("score", "mse"), all_ok())),
        ("a loss without an output", compile(unnamed, all_ok())),
        ("two losses for an output", compile(losses().output("score", "mse"), all_ok())),
        ("a loss weight for an unknown output", compile(weighted, all_ok())),
        ("a metric that does not fit the output", compile(losses(), no_fit)),
        ("metrics without an output", compile(losses(), ["accuracy"])),
        ("a loss that does not fit the output", {
            let x = Symbol::input([3]);
            let mut flat = Model::new(&x, &Reshape::new([]).on(&Dense::new(1).on(&x))).build(&Device::cpu()).unwrap();
            flat.compile(Adam::default(), "sparse_categorical_crossentropy", ["mse"; 0])
        }),
        ("nothing to train", {
            let mut none = Sequential::new().add(Flatten::new().input_shape([3])).build(&Device::cpu()).unwrap();
            none.compile(Adam::default(), "mse", ["mse"; 0])
        }),
        ("a learning rate that makes no sense", model().compile(Adam::new(-1.0), losses(), all_ok())),
        ("fit before compile", model().fit([&zeros([6, 2])], [&zeros([6, 1])], Fit::epochs(1)).map(drop)),
    ]
}

fn of_data() -> Cases {
    let (score, kind) = (|| zeros([6, 1]), || zeros([6, 4]));
    let plain = || Fit::epochs(1);
    let named = |x: &str, y: &str| {
        let x = [("user", &zeros([6, 2])), (x, &zeros([6, 3]))];
        compiled().fit(x, [("score", &score()), (y, &kind())], plain().verbosity(Verbosity::Silent)).map(drop)
    };
    let wide = compiled().fit([&zeros([6, 2]), &zeros([6, 4])], [&score(), &kind()], plain()).map(drop);
    let few = compiled().fit([&zeros([6, 2])], [&score(), &kind()], plain()).map(drop);
    let split = compiled().fit(
        [&zeros([1, 2]), &zeros([1, 3])],
        [&zeros([1, 1]), &zeros([1, 4])],
        plain().validation_split(0.5),
    );
    let ids = {
        let mut words = Sequential::new().add(Embedding::new(5, 2).input_shape([2])).build(&Device::cpu()).unwrap();
        words.predict(&[[0.0, 5.0]]).map(drop)
    };
    vec![
        ("targets [n] for an output of 4", fit(score(), zeros([6]), plain())),
        ("targets [n, m] for an output of 1", fit(zeros([6, 4]), kind(), plain())),
        ("targets of another count", fit(zeros([5, 1]), kind(), plain())),
        ("inputs of another shape", wide),
        ("inputs that are missing", few),
        ("an unknown input", named("itm", "kind")),
        ("an unknown target", named("item", "kinds")),
        (
            "class weights for a class that is not there",
            fit(score(), kind(), plain().class_weight_of("kind", [(4, 2.0)])),
        ),
        (
            "class weights of numbers",
            fit(Tensor::full([6, 1], 0.5).unwrap(), kind(), plain().class_weight_of("score", [(1, 2.0)])),
        ),
        ("class weights without an output", fit(score(), kind(), plain().class_weight([(1, 2.0)]))),
        ("sample weights for an unknown output", fit(score(), kind(), plain().sample_weight_of("knd", zeros([6])))),
        ("sample weights of another count", fit(score(), kind(), plain().sample_weight_of("kind", zeros([5])))),
        (
            "a sample weight below 0",
            fit(score(), kind(), plain().sample_weight_of("kind", Tensor::full([6], -1.0).unwrap())),
        ),
        ("an empty validation split", split.map(drop)),
        ("predict with two outputs", compiled().predict([&zeros([6, 2]), &zeros([6, 3])]).map(drop)),
        ("an id from the size of the table on", ids),
    ]
}

fn of_graphs() -> Cases {
    let (x, z) = (Symbol::input([3]).named("x"), Symbol::input([3]).named("z"));
    let y = Dense::new(2).on(&x);
    let sum = Add::new().on([&x, &z]);
    let same = Dense::new(2).named("dense").on(&Dense::new(2).named("dense").on(&x));
    let wrong = Add::new().on([&y, &z]);
    let missing = y.output(1);
    vec![
        ("an output that depends on no input of the model", build(&[&x], &[&sum])),
        ("an input that nothing reads", build(&[&x, &z], &[&y])),
        ("a name that is a path", build(&[&x], &[&Dense::new(1).on(&x).named("a/b")])),
        ("two layers with one name", build(&[&x], &[&same])),
        ("an input that is none", build(&[&y], &[&y])),
        ("no output", build(&[&x], &[])),
        ("shapes that do not fit", build(&[&x, &z], &[&wrong])),
        ("an output that a layer does not give", build(&[&x], &[&missing])),
        ("an axis that is not there", build(&[&x], &[&Concatenate::new().axis(3).on([&x, &x])])),
        ("a reshape of another size", build(&[&x], &[&Reshape::new([2, 2]).on(&x)])),
        ("a rate from 1 on", build(&[&x], &[&Dropout::new(1.5).on(&x)])),
        ("numbers for an embedding", build(&[&x], &[&Embedding::new(5, 2).on(&x)])),
    ]
}

fn of_files() -> Cases {
    let stranger = Sequential::new().add(Stranger.input_shape([3])).build(&Device::cpu()).unwrap();
    let unregistered = Model::from_bytes(&stranger.to_bytes().unwrap(), &Device::cpu(), &Registry::default());
    let quoted = |text: &str| text.replace('"', "\\\"");
    let call =
        |of: usize| quoted(&format!("{{\"inputs\":[{{\"output\":{{\"call\":{of},\"output\":0}}}}],\"layer\":1}}"));
    vec![
        ("a custom layer that is not registered", unregistered.map(drop)),
        ("a cycle", changed(&call(0), &call(1))),
        ("a file of another version", changed(&quoted("\"version\":2"), &quoted("\"version\":7"))),
        ("a file without a weight", changed(&quoted("\"units\":2"), &quoted("\"units\":7"))),
        ("a layer that nothing calls", changed("\\\"layer\\\":1", "\\\"layer\\\":0")),
        ("a file that is none", Model::from_bytes(b"{}", &Device::cpu(), &Registry::default()).map(drop)),
        ("a file that is not there", Model::load("no/such/file", &Device::cpu(), &Registry::default()).map(drop)),
    ]
}

/// A message whose list of names is cut after the second: the list may grow.
fn shortened(message: &str) -> String {
    let Some((before, list)) = message.split_once("use one of ") else { return message.into() };
    let (list, after) = list.split_once(';').map_or((list, String::new()), |(list, after)| (list, format!(";{after}")));
    match list.split(", ").collect::<Vec<_>>()[..] {
        [a, b, _, ..] => format!("{before}use one of {a}, {b}, …{after}"),
        _ => message.into(),
    }
}

#[test]
fn bad_use_reads_as_written_down() {
    let cases = [of_compile(), of_data(), of_graphs(), of_files()].into_iter().flatten();
    let line = |(name, result): (&str, Result<()>)| match result {
        Ok(()) => panic!("{name}: nothing was wrong"),
        Err(error) => format!("{name}\n    {}\n", shortened(&error.to_string())),
    };
    let got: String = cases.map(line).collect();
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/bad_use.txt");
    std::fs::write(path, &got).unwrap();
    assert_eq!(got, include_str!("bad_use.txt"), "if the new text is meant, it stands in {path}");
}
