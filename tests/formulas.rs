//! The rows of elementwise functions and losses: samples from outside pin the formula, differences tie the derivative
//! to it, NaN passes.

use wgrad::ops::{Clip, Elu, Function, L1L2, LOSS_ROWS, LeakyRelu, LossFunction, Needs, ThresholdedRelu, rows};

fn close(got: f64, want: f64, bar: f64) -> bool {
    (got - want).abs() <= bar * want.abs().max(f64::MIN_POSITIVE)
}

/// The derivative of `f` at x by differences, smaller near 0, where f may have a pole; `None` at a kink.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> Option<f64> {
    let scale = x.abs().min(1.0);
    let slope = |h: f64| (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
    let (wide, narrow) = (slope(1e-3 * scale), slope(5e-4 * scale));
    ((wide - narrow).abs() <= 1e-7 * narrow.abs().max(1.0)).then_some(narrow)
}

fn grid() -> impl Iterator<Item = f64> {
    (-400..400).map(|i| (f64::from(i) + 0.37) / 50.0)
}

/// f'(x), with nothing but what the row says that it wants.
fn slope(function: &Function, x: f64) -> f64 {
    let df = function.df::<f64>();
    match function.row.needs {
        Needs::Input => df(x, f64::NAN),
        Needs::Output => df(f64::NAN, function.f::<f64>()(x)),
        Needs::Nothing => df(f64::NAN, f64::NAN),
    }
}

fn hold(function: &Function, [x, y, dy]: [f64; 3]) {
    let (f, slope) = (function.f::<f64>(), slope(function, x));
    assert!(close(f(x), y, 1e-12), "{function:?} at {x} is {}, not {y}", f(x));
    // Computed from y, a derivative has the rounding of y in it.
    let bar = 1e-12 * dy.abs() + f64::EPSILON;
    assert!((slope - dy).abs() <= bar, "the slope of {function:?} at {x} is {slope}, not {dy}");
}

#[test]
fn samples_pin_the_elementwise_functions() {
    for row in rows() {
        assert!(row.samples.len() >= 3, "{}", row.name);
        row.samples.iter().for_each(|&sample| hold(&row.into(), sample));
    }
}

/// Keras 3.15.1 on JAX in float64, save that f'(threshold) and f'(max_value), f'(max) are 0 in ours and 1/2 in JAX.
#[test]
fn parameters_are_those_of_keras() {
    let relu = ThresholdedRelu { threshold: 0.5, negative_slope: 0.25, max_value: 4.0 };
    for sample in [[-1.0, -0.375, 0.25], [0.25, -0.0625, 0.25], [0.5, 0.0, 0.25], [1.0, 1.0, 1.0], [5.0, 4.0, 0.0]] {
        hold(&relu.into(), sample);
    }
    let leaky = LeakyRelu { negative_slope: 0.5 };
    [[-3.0, -1.5, 0.5], [0.0, 0.0, 1.0], [2.0, 2.0, 1.0]].into_iter().for_each(|s| hold(&leaky.into(), s));
    let clip = Clip { min: 0.0, max: 2.5 };
    [[-3.0, 0.0, 0.0], [1.5, 1.5, 1.0], [9.0, 2.5, 0.0]].into_iter().for_each(|s| hold(&clip.into(), s));
    let elu = Elu { alpha: 2.0 };
    let samples = [[-1.0, -1.2642411176571153, 0.7357588823428847], [0.0, 0.0, 2.0], [1.5, 1.5, 1.0]];
    samples.into_iter().for_each(|s| hold(&elu.into(), s));
}

#[test]
fn types_have_the_defaults_of_their_rows() {
    let of_types: [Function; 5] = [
        LeakyRelu::default().into(),
        ThresholdedRelu::default().into(),
        Clip::default().into(),
        Elu::default().into(),
        L1L2::default().into(),
    ];
    let of_rows = rows().filter(|row| !row.params.is_empty()).map(Function::from);
    let of_rows: Vec<Function> = of_rows.collect();
    assert_eq!(of_rows.len(), of_types.len());
    of_types.iter().for_each(|f| assert!(of_rows.contains(f), "{f:?}"));
}

#[test]
fn names_and_aliases_find_one_function_each() {
    let names: Vec<&str> = rows().flat_map(|row| [row.name].into_iter().chain(row.aliases.iter().copied())).collect();
    for name in &names {
        let row = Function::named(name).expect("a name").row;
        assert!(row.name == *name || row.aliases.contains(name), "{name} is {}", row.name);
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
    }
    assert!(Function::named("Relu").is_err());
}

#[test]
fn differences_tie_the_derivative_to_the_elementwise_function() {
    for function in Function::all() {
        let (f, least) = (function.f::<f64>(), f64::from(function.row.least));
        let inside = |x: f64| if least.is_finite() { least + x.abs() } else { x };
        let mut checked = 0;
        for (x, want) in grid().map(inside).filter_map(|x| Some((x, difference(f, x)?))) {
            let got = slope(&function, x);
            assert!((got - want).abs() <= 1e-8 * want.abs().max(1.0), "{function:?}'({x}) is {got}, not {want}");
            checked += 1;
        }
        assert!(checked > 700, "{function:?}: {checked} points");
    }
}

#[test]
fn elementwise_functions_pass_nan_on() {
    for function in Function::all() {
        assert!(function.f::<f32>()(f32::NAN).is_nan() && function.f::<f64>()(f64::NAN).is_nan(), "{function:?}");
        if function.row.needs != Needs::Nothing {
            assert!(function.df::<f32>()(f32::NAN, f32::NAN).is_nan(), "{function:?}");
            assert!(function.df::<f64>()(f64::NAN, f64::NAN).is_nan(), "{function:?}");
        }
    }
}

#[test]
fn samples_pin_the_losses() {
    for row in LOSS_ROWS {
        let function = LossFunction::from(*row);
        assert!(row.samples.len() >= 3, "{}", row.name);
        for &[p, t, loss, slope] in row.samples {
            let (l, s) = (function.loss(p, t), function.slope(p, t));
            assert!(close(l, loss, 1e-12), "{}({p}, {t}) is {l}, not {loss}", row.name);
            assert!(close(s, slope, 1e-12), "{}'({p}, {t}) is {s}, not {slope}", row.name);
        }
    }
}

#[test]
fn differences_tie_the_slope_to_the_loss() {
    for row in LOSS_ROWS {
        let function = LossFunction::from(*row);
        for t in [0.0, 0.05, 0.5, 1.0] {
            let inside = row.domains[0] == wgrad::ops::Domain::Any;
            for x in grid() {
                let p = if inside { x } else { 0.5 + x / 20.0 };
                let Some(want) = difference(|p| function.loss(p, t), p) else { continue };
                let got = function.slope(p, t);
                assert!((got - want).abs() <= 1e-7 * want.abs().max(1.0), "{}'({p}, {t}): {got}, {want}", row.name);
            }
        }
    }
}

#[test]
fn losses_pass_nan_on() {
    for row in LOSS_ROWS.iter().filter(|row| row.has_loss) {
        let function = LossFunction::from(*row);
        assert!(function.loss(f32::NAN, 1.0).is_nan() && function.slope(f32::NAN, 1.0).is_nan(), "{}", row.name);
        assert!(function.loss(f64::NAN, 0.0).is_nan() && function.slope(f64::NAN, 0.0).is_nan(), "{}", row.name);
    }
}
