//! What halts a run is named: epoch, step, the first tensor that is not finite, its way and its rows; and the state is that
//! of the step before.

mod common;

use wgrad::error::Direction;
use wgrad::graph::{Args, Bind, Launch, Measure, Node, OpDef, Param, Site, Source, Tolerance, Variant};
use wgrad::prelude::*;
use wgrad::random::{Philox, Purpose};

const BATCH: usize = 4;
const STEPS: usize = 6;
const FEATURES: usize = 5;
/// Layers that may be spoilt.
const PLACES: usize = 4;

/// Where and when a NaN is put in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spoilt {
    place: usize,
    step: usize,
    row: usize,
    direction: Direction,
}

/// `y = x`, but for a NaN in one row at one step: the same whenever that step runs. Its gradient the same way.
#[derive(Clone, Copy, Debug)]
struct Spoil {
    forward: Option<(usize, usize)>,
    gradient: Option<(usize, usize)>,
}

const NEVER: u32 = u32::MAX;

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> step_words: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
struct Params { len: u32, step: u32, element: u32, nan: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>) {
    let i = id.y * grid.x * 64u + id.x;
    if (i < params.len) {
        let spoilt = step_words[0] == params.step && i == params.element;
        y[i] = bitcast<f32>(select(bitcast<u32>(x[i]), params.nan, spoilt));
    }
}
";

impl OpDef for Spoil {
    fn name(&self) -> &str {
        "spoil"
    }
    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        Ok(vec![inputs[0].clone()])
    }
    fn gradient(&self, g: &Builder, _: &Node, dy: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        let of = Spoil { forward: self.gradient, gradient: None };
        Ok(vec![dy[0].map(|dy| g.op1(of, &[dy])).transpose()?])
    }
    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let width = args.types[0].shape.dims()[1];
        let y = args.outputs[0].float_mut();
        y.copy_from_slice(args.inputs.float(0));
        if let Some((_, row)) = self.forward.filter(|(step, _)| *step == args.step.words.step as usize) {
            y[row * width] = F::of(f64::NAN);
        }
        Ok(())
    }
    fn measure(&self) -> Measure {
        Measure::Equal
    }
    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }
    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let (len, width) = (site.outputs[0].len(), site.outputs[0].shape.dims()[1]);
        let (step, row) = self.forward.map_or((NEVER, 0), |(step, row)| (step as u32, row));
        let launch = Launch::new(Source::new("spoil", KERNEL.into())).input(0).bind(Bind::Step).output(0);
        let launch = launch.size("len", len).param("step", Param::U32(step)).size("element", row * width);
        let launch = launch.param("nan", Param::U32(f32::NAN.to_bits()));
        Ok(Variant::only(launch.cost(len.div_ceil(64) as u64, 1, 0)))
    }
}

/// The layer of the op.
#[derive(Debug)]
struct Spoiling(Spoil);

impl Layer for Spoiling {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        Ok(vec![scope.builder().op1(self.0, x)?])
    }
    fn config(&self) -> Config {
        Config::new("Spoiling", ())
    }
}

/// Blocks of a dense layer, what may be spoilt, a relu, and in the middle a normalisation with moving averages.
fn model(device: &Device, spoilt: Option<Spoilt>) -> Model {
    let mut model = Sequential::new().seed(3);
    for place in 0..PLACES {
        let here = |direction| spoilt.filter(|s| s.place == place && s.direction == direction).map(|s| (s.step, s.row));
        let spoil = Spoil { forward: here(Direction::Forward), gradient: here(Direction::Gradient) };
        let dense = Placed::from(Dense::new(6));
        model = model.add(if place == 0 { dense.input_shape([FEATURES]) } else { dense });
        model = model.add(Spoiling(spoil).named(&format!("spoil_{place}"))).add(Activation::new(Relu));
        if place == 1 {
            model = model.add(BatchNormalization::new());
        }
    }
    let mut model = model.add(Dense::new(1).activation(Sigmoid)).build(device).unwrap();
    model.compile(Adam::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
    model
}

fn rows(n: usize) -> (Tensor, Tensor) {
    let x = (0..FEATURES * n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    let y = (0..n).map(|i| (i * 7 % 3 % 2) as f32).collect();
    (Tensor::new([n, FEATURES], x).unwrap(), Tensor::new([n, 1], y).unwrap())
}

fn fit() -> Fit {
    Fit::epochs(2).batch_size(BATCH).shuffle(false).verbosity(Verbosity::Silent)
}

fn weights(model: &Model) -> Vec<Vec<u32>> {
    let bits = |name: &str| model.weight(name).unwrap().to_f32().iter().map(|v| v.to_bits()).collect();
    model.weight_names().into_iter().map(bits).collect()
}

/// The weights after this many steps of a training that nothing spoils.
fn after(device: &Device, steps: usize) -> Vec<Vec<u32>> {
    let mut good = model(device, None);
    let (x, y) = rows(BATCH * steps);
    let mut run = good.run(&x, &y, fit()).unwrap();
    while !run.advance(std::time::Duration::MAX).unwrap().epoch_ended {}
    drop(run);
    weights(&good)
}

#[test]
fn a_nan_is_named_wherever_and_whenever_it_comes() {
    common::on_every_device("a_nan_is_named_wherever_and_whenever_it_comes", |device| {
        let (x, y) = rows(BATCH * STEPS);
        let good: Vec<_> = (1..STEPS).map(|steps| after(device, steps)).collect();
        let mut random = Philox::new(11, Purpose::Initializer, 0);
        let mut below = |n: usize| (random.uniform_f32() * n as f32) as usize % n;
        for _ in 0..50 {
            let direction = [Direction::Forward, Direction::Gradient][below(2)];
            let spoilt = Spoilt { place: below(PLACES), step: 1 + below(STEPS - 1), row: below(BATCH), direction };
            let mut stopped = model(device, Some(spoilt));
            let error = stopped.fit(&x, &y, fit()).unwrap_err();
            let Error::NotFinite { what, direction, rows, epoch, step } = &error else { panic!("{device}: {error}") };
            let where_from = format!("spoil in layer `spoil_{}`", spoilt.place);
            assert!(what.ends_with(&where_from), "{device}: {spoilt:?}: {error}");
            assert_eq!(*direction, Some(spoilt.direction), "{device}: {spoilt:?}: {error}");
            assert_eq!((*epoch, *step), (1, spoilt.step as u64 + 1), "{device}: {spoilt:?}: {error}");
            assert_eq!(rows[..], [(spoilt.step * BATCH + spoilt.row) as u64], "{device}: {spoilt:?}: {error}");
            assert_eq!(weights(&stopped), good[spoilt.step - 1], "{device}: {spoilt:?}");
        }
    });
}

/// `y = max(x, ln 0)`: the logarithm is not finite in any step, and nothing is wrong with that.
#[derive(Debug)]
struct Floored;

impl Layer for Floored {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let g = scope.builder();
        let floor = wgrad::ops::unary(g, wgrad::ops::Log, wgrad::ops::constant(g, 0.0)?)?;
        Ok(vec![wgrad::ops::maximum(g, x[0], floor)?])
    }
    fn config(&self) -> Config {
        Config::new("Floored", ())
    }
}

#[test]
fn what_may_well_not_be_finite_is_not_named() {
    common::on_every_device("what_may_well_not_be_finite_is_not_named", |device| {
        let spoil = Spoil { forward: Some((2, 1)), gradient: None };
        let model = Sequential::new().add(Dense::new(6).input_shape([FEATURES])).add(Floored);
        let mut model = model.add(Spoiling(spoil)).add(Dense::new(1).activation(Sigmoid)).build(device).unwrap();
        model.compile(Sgd::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
        let (x, y) = rows(BATCH * STEPS);
        let error = model.fit(&x, &y, fit()).unwrap_err();
        let Error::NotFinite { what, step: 3, .. } = &error else { panic!("{device}: {error}") };
        assert!(what.contains("of spoil in"), "{device}: {error}");
    });
}

/// `y = softmax(x + ln mask)`: what the mask leaves out is -∞ in every step, and a row without anything left is NaN.
#[derive(Debug)]
struct Masked;

impl Layer for Masked {
    fn call(&self, scope: &Scope<'_>, x: &[Value]) -> Result<Vec<Value>> {
        let g = scope.builder();
        let mask = wgrad::ops::unary(g, wgrad::ops::Log, x[1])?;
        Ok(vec![wgrad::ops::softmax(g, wgrad::ops::add(g, x[0], mask)?)?])
    }
    fn config(&self) -> Config {
        Config::new("Masked", ())
    }
}

#[test]
fn what_comes_after_what_may_well_be_infinite_is_named() {
    common::on_every_device("what_comes_after_what_may_well_be_infinite_is_named", |device| {
        let (x, mask) = (Symbol::input([FEATURES]).named("x"), Symbol::input([6]).named("mask"));
        let masked = Masked.named("masked").on([&Dense::new(6).on(&x), &mask]);
        let mut model =
            Model::new([&x, &mask], [&Dense::new(1).activation(Sigmoid).on(&masked)]).build(device).unwrap();
        model.compile(Sgd::new(0.01), BinaryCrossentropy::default(), ["accuracy"]).unwrap();
        for bad in [0, 9, BATCH * STEPS - 1] {
            let (x, y) = rows(BATCH * STEPS);
            let kept = |i: usize| f32::from(u8::from(i / 6 != bad && !(i / 6 + i % 6).is_multiple_of(3)));
            let mask = Tensor::new([BATCH * STEPS, 6], (0..6 * BATCH * STEPS).map(kept).collect()).unwrap();
            let error = model.fit([("x", &x), ("mask", &mask)], &y, fit()).unwrap_err();
            let Error::NotFinite { what, rows, .. } = &error else { panic!("{device}: {error}") };
            assert_eq!(what, "the output [4, 6] of softmax in layer `masked`", "{device}: {error}");
            assert_eq!(rows[..], [bad as u64], "{device}: {error}");
        }
    });
}

#[test]
fn bad_data_is_named_with_its_rows_in_any_order() {
    common::on_every_device("bad_data_is_named_with_its_rows_in_any_order", |device| {
        let (x, y) = rows(BATCH * STEPS);
        let mut values = x.to_f32().into_owned();
        values[13 * FEATURES + 2] = f32::INFINITY;
        let mut stopped = model(device, None);
        let error = stopped.fit(Tensor::new([BATCH * STEPS, FEATURES], values).unwrap(), &y, fit().shuffle(true));
        let error = error.unwrap_err();
        let Error::NotFinite { what, rows, direction, .. } = &error else { panic!("{device}: {error}") };
        assert_eq!((what.as_str(), &rows[..]), ("the input `input_layer`", &[13][..]), "{device}: {error}");
        assert_eq!(*direction, Some(Direction::Forward));
        let mut model = model(device, None);
        model.set_weight("dense/kernel", &Tensor::full([FEATURES, 6], f32::NAN).unwrap()).unwrap();
        let error = model.fit(&x, &y, fit()).unwrap_err().to_string();
        assert!(error.starts_with("the weight `dense/kernel` is not finite in epoch 1, step 1"), "{device}: {error}");
    });
}

#[test]
fn what_grows_too_large_is_named_as_a_gradient_or_an_output() {
    common::on_every_device("what_grows_too_large_is_named_as_a_gradient_or_an_output", |device| {
        let mut model = Sequential::new().add(Dense::new(1).input_shape([1])).build(device).unwrap();
        model.compile(Sgd::default(), MeanSquaredError, ["mse"; 0]).unwrap();
        let fit = || Fit::epochs(1).verbosity(Verbosity::Silent);
        let y = Tensor::new([1, 1], vec![1.0]).unwrap();
        let error = model.fit(Tensor::new([1, 1], vec![1e12]).unwrap(), &y, fit()).unwrap_err().to_string();
        assert!(
            error.starts_with("the gradient [1, 1] of dense_backward (output 0) in layer `dense` is not"),
            "{device}: {error}"
        );
        let error = model.train_on_batch(Tensor::new([1, 1], vec![1e25]).unwrap(), &y).unwrap_err().to_string();
        assert!(error.contains("in the loss of output"), "{device}: {error}");
    });
}
