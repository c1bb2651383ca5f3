//! What products are tested on.

use crate::ops::case::{Case, EDGES};
use crate::ops::matmul::{Matmul, MatmulBackward};
use crate::shape::Type;

const OPS: [Matmul; 4] = [op(false, false), op(false, true), op(true, false), op(true, true)];

const fn op(transpose_a: bool, transpose_b: bool) -> Matmul {
    Matmul { transpose_a, transpose_b }
}

/// The operands of `op` for extents m, k, n, behind the axes `front` of each.
fn operands(op: Matmul, [m, k, n]: [usize; 3], front: [&[usize]; 2]) -> [Type; 2] {
    let a = if op.transpose_a { [k, m] } else { [m, k] };
    let b = if op.transpose_b { [n, k] } else { [k, n] };
    [Type::f32([front[0], &a].concat()), Type::f32([front[1], &b].concat())]
}

/// Cases of awkward sizes in each extent, in every transposition, and sums on both sides of the bound on iterations.
pub fn cases() -> Vec<Case> {
    [of_matrices(), of_batches(), of_many(), of_shared(), backward(), large()].concat()
}

/// Two matrices.
fn of_matrices() -> Vec<Case> {
    let sizes = EDGES.iter().flat_map(|&n| [[n, 5, 3], [3, n, 5], [5, 3, n]]);
    let sizes = sizes.chain([[33, 65, 31], [64, 256, 64], [1, 65_537, 2], [31, 32_769, 1]]);
    sizes.flat_map(|size| OPS.map(|op| Case::new(op, operands(op, size, [&[], &[]])))).collect()
}

/// Two matrices whose terms are a batch.
fn of_batches() -> Vec<Case> {
    let batches = [(0, 4), (1, 1), (5, 8), (300, 512)].into_iter();
    let operand = |batch, cols| Type::f32([batch, cols]).batched(true);
    let case = |(rows, batch)| Case::new(op(true, false), [operand(batch, 9), operand(batch, 33)]).rows(rows, batch);
    batches.map(case).collect()
}

/// As many matrices in a as in b, with a batch and without.
fn of_many() -> Vec<Case> {
    let fronts: [&[usize]; 9] = [&[1], &[2], &[3], &[7], &[65], &[2, 3], &[5, 1, 2], &[0], &[4, 0]];
    let sizes = [[4, 5, 3], [33, 7, 2], [2, 300, 35], [1, 1, 1], [3, 0, 2]];
    let plain = fronts
        .iter()
        .enumerate()
        .flat_map(|(i, front)| OPS.map(|op| Case::new(op, operands(op, sizes[i % sizes.len()], [front, front]))));
    let batched =
        [([true, true], 3), ([true, false], 4), ([false, true], 0)].into_iter().flat_map(|(batched, rows)| {
            OPS.map(|op| {
                let [a, b] = operands(op, [6, 9, 33], [&[5, 2], &[5, 2]]);
                Case::new(op, [a.batched(batched[0]), b.batched(batched[1])]).rows(rows, 5)
            })
        });
    let long = Case::new(op(false, true), operands(op(false, true), [2, 32_769, 3], [&[2], &[2]]));
    plain.chain(batched).chain([long]).collect()
}

/// Many matrices in a, one in b.
fn of_shared() -> Vec<Case> {
    let fronts: [&[usize]; 4] = [&[3], &[33], &[2, 5], &[0]];
    let sizes = [[4, 5, 3], [1, 65, 34], [35, 2, 1], [3, 4, 5]];
    let plain = fronts.into_iter().zip(sizes);
    let plain = plain.flat_map(|(front, size)| OPS.map(|op| Case::new(op, operands(op, size, [front, &[]]))));
    let batched = OPS.map(|op| {
        let [a, b] = operands(op, [6, 9, 33], [&[5, 2], &[]]);
        Case::new(op, [a.batched(true), b]).rows(3, 5)
    });
    plain.chain(batched).collect()
}

/// Sums over all axes but the last.
fn backward() -> Vec<Case> {
    let case = |front: &[usize], m: usize, n: usize| {
        Case::new(MatmulBackward, [m, n].map(|cols| Type::f32([front, &[cols]].concat())))
    };
    let edges = EDGES.iter().flat_map(|&n| [case(&[3, n], 5, 4), case(&[n, 2], 33, 2), case(&[2, 3, 2], n, 3)]);
    let batches =
        [(0, 4, 3), (1, 1, 7), (5, 8, 1), (13, 20, 100), (4, 7, 0)].into_iter().map(|(rows, batch, terms)| {
            let operand = |cols| Type::f32([batch, terms, 2, cols]).batched(true);
            Case::new(MatmulBackward, [operand(9), operand(33)]).rows(rows, batch)
        });
    // Past the bound on iterations: the last launch has terms that count, or none.
    let long = [3, 2].map(|rows| {
        let operand = |cols| Type::f32([3, 21_845, cols]).batched(true);
        Case::new(MatmulBackward, [operand(2), operand(1)]).rows(rows, 3)
    });
    edges.chain(batches).chain(long).collect()
}

/// More than 65,535 workgroups.
fn large() -> Vec<Case> {
    let op = op(true, false);
    vec![Case::new(op, operands(op, [2, 3, 1], [&[65_537], &[65_537]])).brief()]
}
