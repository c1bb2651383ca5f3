//! Ops that move data, products and look-ups: what they refuse, and what they leave alone.

use std::sync::Arc;

use wgrad::graph::{Builder, Value, Variables};
use wgrad::ops::{Matmul, concatenate, flatten, gather, matmul, pad, reshape, scatter_add, slice, split, transpose};
use wgrad::{Result, Type};

fn builder() -> Builder {
    Builder::new(Arc::new(Variables::default()))
}

/// The result is an error whose text says `expected`.
#[track_caller]
fn refuses<T: std::fmt::Debug>(result: Result<T>, expected: &str) {
    let text = result.expect_err("an error").to_string();
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_batch_stays_axis_0() {
    let g = builder();
    let x = g.data(Type::f32([4, 3, 2]).batched(true));
    let stays = "the batch, axis 0, left as it is";
    refuses(transpose(&g, x, &[1, 0, 2]), stays);
    refuses(slice(&g, x, &[1, 0, 0], &[4, 3, 2]), stays);
    refuses(slice(&g, x, &[0, 0, 0], &[3, 3, 2]), stays);
    refuses(pad(&g, x, &[0, 0, 0], &[1, 0, 0], 0.0), stays);
    refuses(split(&g, x, 0, &[1, 3]), stays);
    refuses(concatenate(&g, &[x, x], 0), stays);
    refuses(reshape(&g, x, [12, 2]), "a batch as axis 0");
    refuses(reshape(&g, x, [2, 2, 3, 2]), "a batch as axis 0");
    let batched = |y: Result<Value>| g.ty(y.expect("a value")).batched;
    assert!(batched(transpose(&g, x, &[0, 2, 1])));
    assert!(batched(slice(&g, x, &[0, 1, 0], &[4, 3, 2])));
    assert!(batched(pad(&g, x, &[0, 1, 0], &[0, 0, 0], 0.0)));
    assert!(batched(concatenate(&g, &[x, g.data(Type::f32([4, 1, 2]))], 1)), "one input has a batch");
    assert!(batched(reshape(&g, x, [4, 2, 3])));
    assert!(split(&g, x, 1, &[1, 2]).expect("values").into_iter().all(|y| g.ty(y).batched));
}

#[test]
fn what_does_not_fit_is_refused() {
    let g = builder();
    let (x, index) = (g.data(Type::f32([4, 3])), g.data(Type::u32([5])));
    refuses(transpose(&g, x, &[0]), "each axis of f32 [4, 3] once");
    refuses(transpose(&g, x, &[1, 1]), "each axis");
    refuses(transpose(&g, x, &[1, 2]), "each axis");
    refuses(slice(&g, x, &[0], &[4]), "inside of x");
    refuses(slice(&g, x, &[0, 2], &[4, 1]), "inside of x");
    refuses(slice(&g, x, &[0, 0], &[4, 4]), "inside of x");
    refuses(pad(&g, x, &[1], &[1], 0.0), "an axis for each");
    refuses(pad(&g, x, &[usize::MAX, 0], &[1, 0], 0.0), "elements");
    refuses(pad(&g, index, &[1], &[0], -1.0), "a whole number");
    refuses(pad(&g, index, &[1], &[0], f32::NAN), "a whole number");
    refuses(split(&g, x, 2, &[1]), "an axis 2");
    refuses(split(&g, x, 1, &[1, 1]), "an extent of [1, 1] along axis 1");
    refuses(split(&g, x, 1, &[]), "an extent of []");
    refuses(split(&g, x, 1, &[usize::MAX, 4]), "an extent");
    refuses(concatenate(&g, &[], 0), "an input");
    refuses(concatenate(&g, &[x], 2), "an axis 2");
    refuses(concatenate(&g, &[x, g.data(Type::f32([4, 3, 1]))], 0), "inputs as f32 [4, 3] but for axis 0");
    refuses(concatenate(&g, &[x, g.data(Type::f32([4, 2]))], 0), "inputs as");
    refuses(concatenate(&g, &[x, g.data(Type::u32([4, 3]))], 0), "inputs as");
    refuses(reshape(&g, x, [5, 2]), "10 elements");
    refuses(reshape(&g, x, [1 << 40, 1 << 40]), "elements");
    refuses(flatten(&g, g.data(Type::f32([]))), "[batch, …]");
    refuses(gather(&g, x, x), "indices as u32");
    refuses(gather(&g, g.data(Type::f32([0, 3])), index), "at least one row");
    refuses(gather(&g, g.data(Type::f32([4, 3]).batched(true)), index), "no batch");
    refuses(scatter_add(&g, x, index, 3), "a row for each of");
    refuses(scatter_add(&g, g.data(Type::f32([5, 3])), index, 0), "at least one row");
    refuses(scatter_add(&g, g.data(Type::f32([5, 3]).batched(true)), index, 4), "a row for each of");
}

#[test]
fn products_that_do_not_fit_are_refused() {
    let g = builder();
    let data = |dims: &[usize], batched: bool| g.data(Type::f32(dims).batched(batched));
    let product = |a: Value, b: Value| matmul(&g, a, b, Matmul::default());
    refuses(product(data(&[4], false), data(&[4, 2], false)), "a as f32 [rows, cols]");
    refuses(product(data(&[2, 4, 3], false), data(&[2, 4, 3], false)), "3 terms in b like in a");
    refuses(product(data(&[2, 4, 3], false), data(&[3, 3, 4], false)), "[2], or nothing, in front");
    refuses(product(data(&[4, 3], false), data(&[2, 3, 4], false)), "[], or nothing, in front");
    refuses(product(data(&[4, 3], false), data(&[3, 4], true)), "the batch of both");
    refuses(product(data(&[2, 4, 3], true), data(&[3, 4], true)), "no batch in an operand of all products");
    let of = |a, b| g.ty(product(a, b).expect("a product"));
    assert_eq!(of(data(&[2, 7, 4, 3], true), data(&[3, 5], false)), Type::f32([2, 7, 4, 5]).batched(true));
    assert_eq!(of(data(&[2, 4, 3], false), data(&[2, 3, 5], true)), Type::f32([2, 4, 5]).batched(true));
}

#[test]
fn what_changes_nothing_is_no_op() {
    let g = builder();
    let x = g.data(Type::f32([4, 3]));
    assert_eq!(transpose(&g, x, &[0, 1]).expect("x"), x);
    assert_eq!(slice(&g, x, &[0, 0], &[4, 3]).expect("x"), x);
    assert_eq!(pad(&g, x, &[0, 0], &[0, 0], 1.0).expect("x"), x);
    assert_eq!(split(&g, x, 1, &[3]).expect("x"), [x]);
    assert_eq!(concatenate(&g, &[x], 1).expect("x"), x);
    assert_eq!(reshape(&g, x, [4, 3]).expect("x"), x);
    assert_eq!(flatten(&g, x).expect("x"), x);
    let none = g.finish();
    assert!(none.nodes.is_empty());
}
