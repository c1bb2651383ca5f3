//! Functions of two arguments and reductions: samples from outside pin the rows, differences tie their gradients to
//! them, NaN passes; what is done at kinks, in batches of which not all rows count, and what is refused.

use std::sync::Arc;

use wgrad::graph::{Buffer, Builder, Caps, StepTable, Value, Variables};
use wgrad::ops::{
    Slope, add, argmax, binary_rows, broadcast_to, less, max, maximum, mean, min, minimum, multiply, power, select,
    squeeze, sum,
};
use wgrad::oracle::Oracle;
use wgrad::program::{Options, plan};
use wgrad::{Error, Result, Type};

fn close(got: f64, want: f64) -> bool {
    got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= 1e-12 * want.abs()
}

#[test]
fn samples_pin_the_functions_of_two_arguments() {
    for row in binary_rows() {
        assert!(row.samples.len() >= 3, "{}", row.name);
        for &[a, b, f, da, db] in row.samples {
            assert!(close((row.f)(a, b), f), "{}({a}, {b}) is {}, not {f}", row.name, (row.f)(a, b));
            let got = (row.df)(1.0, a, b);
            for (i, want) in [da, db].into_iter().enumerate().filter(|(i, _)| row.slopes[*i] == Slope::Own) {
                assert!(close(got[i], want), "{}: gradient {i} at ({a}, {b}) is {}, not {want}", row.name, got[i]);
            }
        }
    }
}

/// The derivative of `f` at x by differences; `None` at a kink.
fn difference(f: impl Fn(f64) -> f64, x: f64) -> Option<f64> {
    let slope = |h: f64| (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
    let (wide, narrow) = (slope(1e-3), slope(5e-4));
    ((wide - narrow).abs() <= 1e-7 * narrow.abs().max(1.0)).then_some(narrow)
}

#[test]
fn differences_tie_the_gradients_to_the_functions_of_two_arguments() {
    let grid = || (-20..20).map(|i| (f64::from(i) + 0.37) / 5.0);
    for row in binary_rows().filter(|row| row.slopes != [Slope::Nothing; 2]) {
        let mut checked = 0;
        for (a, b) in grid().flat_map(|a| grid().map(move |b| (a, b))) {
            let wanted = [difference(|a| (row.f)(a, b), a), difference(|b| (row.f)(a, b), b)];
            let own = (row.df)(0.5, a, b);
            for (i, want) in wanted.into_iter().enumerate() {
                let (Some(want), false) = (want, row.slopes[i] == Slope::Nothing) else { continue };
                let got = if row.slopes[i] == Slope::One { 0.5 } else { own[i] };
                let bar = 1e-6 * want.abs().max(1.0);
                assert!((got - 0.5 * want).abs() <= bar, "{}: {i} at ({a}, {b}): {got}, {want}", row.name);
                checked += 1;
            }
        }
        assert!(checked > 1000, "{}: {checked} points", row.name);
    }
}

#[test]
fn functions_of_two_arguments_pass_nan_on() {
    for row in binary_rows().filter(|row| row.slopes != [Slope::Nothing; 2]) {
        for (a, b) in [(f64::NAN, 0.0), (1.0, f64::NAN), (f64::NAN, f64::NAN)] {
            assert!((row.f)(a, b).is_nan(), "{}({a}, {b})", row.name);
        }
        assert!((row.df)(f64::NAN, 1.0, 2.0).iter().any(|v| v.is_nan()), "{}", row.name);
    }
}

/// The values of what `build` makes of inputs, in f64; `rows` of a batch count.
fn run(
    inputs: &[(Type, &[f64])],
    rows: u32,
    build: impl Fn(&Builder, &[Value]) -> Result<Vec<Value>>,
) -> Result<Vec<Vec<f64>>> {
    let builder = Builder::new(Arc::new(Variables::default()));
    let data: Vec<Value> = inputs.iter().map(|(ty, _)| builder.data(ty.clone())).collect();
    let outputs = build(&builder, &data)?;
    outputs.iter().for_each(|&v| builder.output(v));
    let graph = Arc::new(builder.finish());
    let mut oracle = Oracle::new(Arc::clone(&graph));
    oracle.begin(&StepTable { rows: vec![rows], columns: vec![vec![]], first: 0 });
    for (&value, (_, numbers)) in data.iter().zip(inputs) {
        oracle.set(value, Buffer::Float(numbers.to_vec()))?;
    }
    (0..graph.nodes.len()).try_for_each(|node| oracle.run_node(node))?;
    let values = |&v: &Value| match oracle.get(v) {
        Buffer::Float(v) => v.clone(),
        Buffer::Index(v) => v.iter().map(|&i| f64::from(i)).collect(),
    };
    Ok(outputs.iter().map(values).collect())
}

/// The gradient of the sum of what `build` makes of `x`.
fn gradient(x: (Type, &[f64]), rows: u32, build: impl Fn(&Builder, Value) -> Result<Value>) -> Vec<f64> {
    let ones = [1.0; 16];
    let probe = Builder::new(Arc::new(Variables::default()));
    let ty = build(&probe, probe.data(x.0.clone())).map(|y| probe.ty(y)).unwrap();
    let dy = (ty.clone(), &ones[..ty.len()]);
    let outputs = run(&[x, dy], rows, |g, v| {
        let y = build(g, v[0])?;
        Ok(g.gradients(&[(y, v[1])], &[v[0]])?.into_iter().flatten().collect())
    });
    outputs.unwrap().remove(0)
}

#[test]
fn ties_share_a_gradient_as_in_jax() {
    let x = (Type::f32([2, 3]), &[2.0, 5.0, 5.0, 1.0, 5.0, -1.0][..]);
    let third = 1.0 / 3.0;
    assert_eq!(gradient(x.clone(), 1, |g, x| max(g, x, &[0, 1], false)), [0.0, third, third, 0.0, third, 0.0]);
    assert_eq!(gradient(x.clone(), 1, |g, x| max(g, x, &[1], false)), [0.0, 0.5, 0.5, 0.0, 1.0, 0.0]);
    assert_eq!(gradient(x.clone(), 1, |g, x| min(g, x, &[0], true)), [0.0, 0.5, 0.0, 1.0, 0.5, 1.0]);
    assert_eq!(gradient(x.clone(), 1, |g, x| maximum(g, x, x)), [1.0; 6]);
    assert_eq!(gradient(x, 1, |g, x| minimum(g, x, max(g, x, &[], true)?)), [1.0; 6]);
}

#[test]
fn only_rows_that_count_are_reduced() {
    let nan = f64::NAN;
    let x = (Type::f32([4, 2]).batched(true), &[1.0, 2.0, 3.0, 8.0, nan, nan, nan, 9.0][..]);
    let all = |g: &Builder, v: &[Value]| {
        let x = v[0];
        let both =
            [sum(g, x, &[0], false)?, mean(g, x, &[0, 1], false)?, max(g, x, &[0], true)?, min(g, x, &[0], false)?];
        Ok([both.as_slice(), &[argmax(g, x, 0)?]].concat())
    };
    let some = run(std::slice::from_ref(&x), 2, all).unwrap();
    assert_eq!(some, [vec![4.0, 10.0], vec![3.5], vec![3.0, 8.0], vec![1.0, 2.0], vec![1.0, 1.0]]);
    let none = run(std::slice::from_ref(&x), 0, all).unwrap();
    let most = f64::from(f32::MAX);
    assert_eq!(none, [vec![0.0, 0.0], vec![0.0], vec![-most, -most], vec![most, most], vec![0.0, 0.0]]);
    assert_eq!(gradient(x.clone(), 2, |g, x| mean(g, x, &[0, 1], false))[..4], [0.25; 4]);
    // A bias of another rank: its gradient is summed over the rows that count.
    let bias = (Type::f32([2]), &[0.5, 0.25][..]);
    let dy = (x.0.clone(), &[1.0, 2.0, 4.0, 8.0, nan, 1.0, 1.0, nan][..]);
    let db = run(&[x, bias, dy], 2, |g, v| {
        let y = add(g, v[0], v[1])?;
        Ok(g.gradients(&[(y, v[2])], &[v[1]])?.into_iter().flatten().collect())
    });
    assert_eq!(db.unwrap(), [vec![5.0, 10.0]]);
}

#[test]
fn nan_is_the_largest_and_is_not_zero() {
    let nan = f64::NAN;
    let x = (Type::f32([5]), &[0.0, nan, 7.0, nan, -0.0][..]);
    let found = run(&[x], 1, |g, v| {
        let chosen = select(g, v[0], v[0], less(g, v[0], v[0])?)?;
        Ok(vec![argmax(g, v[0], 0)?, max(g, v[0], &[0], false)?, min(g, v[0], &[0], false)?, chosen])
    });
    let found = found.unwrap();
    assert!(found[0] == [1.0] && found[1][0].is_nan() && found[2][0].is_nan(), "{found:?}");
    assert!(found[3][1].is_nan() && found[3][2] == 7.0 && found[3][4] == 0.0, "{found:?}");
}

/// What `build` is refused with, for inputs of these types.
fn refused(types: &[Type], build: impl Fn(&Builder, &[Value]) -> Result<Value>) -> String {
    let builder = Builder::new(Arc::new(Variables::default()));
    let data: Vec<Value> = types.iter().map(|ty| builder.data(ty.clone())).collect();
    build(&builder, &data).expect_err("it is refused").to_string()
}

#[test]
fn what_does_not_fit_is_refused() {
    let f = |shape: &[usize]| Type::f32(shape);
    let text = refused(&[f(&[3, 4]), f(&[3])], |g, v| multiply(g, v[0], v[1]));
    assert!(
        text.contains("multiply: expected extents that are equal or 1") && text.contains("[3, 4] and [3]"),
        "{text}"
    );
    let text = refused(&[f(&[3]), Type::u32([3])], |g, v| power(g, v[0], v[1]));
    assert!(text.contains("power: expected b as f32, got u32 [3]"), "{text}");
    let text = refused(&[f(&[4]).batched(true), f(&[3, 4])], |g, v| less(g, v[0], v[1]));
    assert!(text.contains("less: expected a batch that is axis 0 of the result [3, 4]"), "{text}");
    let text = refused(&[f(&[3, 0])], |g, v| max(g, v[0], &[1], false));
    assert!(text.contains("max: expected at least one element along the axes [1], got f32 [3, 0]"), "{text}");
    for axes in [&[2][..], &[0, 0]] {
        let text = refused(&[f(&[3, 2])], |g, v| sum(g, v[0], axes, false));
        assert!(text.contains("sum: expected an input that has each of the axes"), "{text}");
    }
    let text = refused(&[f(&[3, 2])], |g, v| argmax(g, v[0], 2));
    assert!(text.contains("argmax"), "{text}");
    let text = refused(&[f(&[3, 2])], |g, v| squeeze(g, v[0], &[1]));
    assert!(text.contains("squeeze: expected extents of 1, not of a batch, at the axes [1]"), "{text}");
    let text = refused(&[f(&[3, 2])], |g, v| broadcast_to(g, v[0], [3, 4]));
    assert!(text.contains("broadcast_to: expected a shape that stretches to [3, 4], got f32 [3, 2]"), "{text}");
}

#[test]
fn too_many_axes_are_a_limit() {
    let fits = |rank: usize, axes: usize| {
        let alternating = |first: usize| Type::f32((0..rank).map(|i| 1 + (i + first) % 2).collect::<Vec<_>>());
        let builder = Builder::new(Arc::new(Variables::default()));
        let [a, b] = [0, 1].map(|first| builder.data(alternating(first)));
        let y = add(&builder, a, b).unwrap();
        builder.output(sum(&builder, y, &(0..axes).map(|i| 2 * i).collect::<Vec<_>>(), false).unwrap());
        plan(Arc::new(builder.finish()), &Caps::default(), &Options::default()).map(|_| ())
    };
    fits(6, 3).unwrap();
    let limit = |result: Result<()>| match result {
        Err(Error::Limit { what, name, need, limit }) => format!("{what}: {need} {name}, {limit}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(fits(7, 0)), "add: 7 axes, merged where possible, 6");
}
