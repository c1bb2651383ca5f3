//! The rows of elementwise functions and losses: samples from outside pin the formula, differences tie the derivative
//! to it, NaN passes.

use wgrad::ops::{Function, LOSS_ROWS, Needs, ROWS};

fn close(got: f64, want: f64, bar: f64) -> bool {
    (got - want).abs() <= bar * want.abs().max(f64::MIN_POSITIVE)
}

/// The derivative of `f` at x by differences; `None` at a kink.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> Option<f64> {
    let slope = |h: f64| (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
    let (wide, narrow) = (slope(1e-3), slope(5e-4));
    ((wide - narrow).abs() <= 1e-7 * narrow.abs().max(1.0)).then_some(narrow)
}

fn grid() -> impl Iterator<Item = f64> {
    (-400..400).map(|i| (f64::from(i) + 0.37) / 50.0)
}

#[test]
fn samples_pin_the_elementwise_functions() {
    for row in ROWS {
        assert!(row.samples.len() >= 3, "{}", row.name);
        for &[x, y, dy] in row.samples {
            let (f, df) = (Function::from(*row).f::<f64>(), Function::from(*row).df::<f64>());
            assert!(close(f(x), y, 1e-12), "{}({x}) is {}, not {y}", row.name, f(x));
            let slope = match row.needs {
                Needs::Input => df(x, f64::NAN),
                Needs::Output => df(f64::NAN, f(x)),
                Needs::Nothing => df(f64::NAN, f64::NAN),
            };
            // Computed from y, a derivative has the rounding of y in it.
            let bar = 1e-12 * dy.abs() + f64::EPSILON;
            assert!((slope - dy).abs() <= bar, "{}'({x}) is {slope}, not {dy}", row.name);
        }
    }
}

#[test]
fn differences_tie_the_derivative_to_the_elementwise_function() {
    for row in ROWS {
        let (f, df) = (Function::from(*row).f::<f64>(), Function::from(*row).df::<f64>());
        let mut checked = 0;
        for (x, want) in grid().filter_map(|x| Some((x, difference(f, x)?))) {
            let got = df(x, f(x));
            assert!((got - want).abs() <= 1e-9 * want.abs().max(1.0), "{}'({x}) is {got}, not {want}", row.name);
            checked += 1;
        }
        assert!(checked > 700, "{}: {checked} points", row.name);
    }
}

#[test]
fn elementwise_functions_pass_nan_on() {
    for row in ROWS {
        let row = Function::from(*row);
        assert!(row.f::<f32>()(f32::NAN).is_nan() && row.f::<f64>()(f64::NAN).is_nan(), "{}", row.name());
        if row.row.needs != Needs::Nothing {
            assert!(row.df::<f32>()(f32::NAN, f32::NAN).is_nan(), "{}", row.name());
            assert!(row.df::<f64>()(f64::NAN, f64::NAN).is_nan(), "{}", row.name());
        }
    }
}

#[test]
fn samples_pin_the_losses() {
    for row in LOSS_ROWS {
        assert!(row.samples.len() >= 3, "{}", row.name);
        for &[p, t, loss, slope] in row.samples {
            let (l, s) = (row.loss(p, t), row.slope(p, t));
            assert!(close(l, loss, 1e-12), "{}({p}, {t}) is {l}, not {loss}", row.name);
            assert!(close(s, slope, 1e-12), "{}'({p}, {t}) is {s}, not {slope}", row.name);
        }
    }
}

#[test]
fn differences_tie_the_slope_to_the_loss() {
    for row in LOSS_ROWS {
        for t in [0.0, 0.05, 0.5, 1.0] {
            let inside = row.domains[0] == wgrad::ops::Domain::Any;
            for x in grid() {
                let p = if inside { x } else { 0.5 + x / 20.0 };
                let Some(want) = difference(|p| row.loss(p, t), p) else { continue };
                let got = row.slope(p, t);
                assert!((got - want).abs() <= 1e-7 * want.abs().max(1.0), "{}'({p}, {t}): {got}, {want}", row.name);
            }
        }
    }
}

#[test]
fn losses_pass_nan_on() {
    for row in LOSS_ROWS.iter().filter(|row| row.has_loss) {
        assert!(row.loss(f32::NAN, 1.0).is_nan() && row.slope(f32::NAN, 1.0).is_nan(), "{}", row.name);
        assert!(row.loss(f64::NAN, 0.0).is_nan() && row.slope(f64::NAN, 0.0).is_nan(), "{}", row.name);
    }
}
