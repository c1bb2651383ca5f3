//! What dense layers are tested on.

use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::dense::{Dense, DenseBackward, Extents};
use crate::ops::unary::activations::Silu;
use crate::ops::unary::piecewise::{Linear, Relu};
use crate::ops::unary::{Function, rows};
use crate::shape::Type;

fn inputs(op: &Dense, [m, k, n]: Extents, batched: bool) -> Vec<Type> {
    let mut inputs = vec![Type::f32([m, k]).batched(batched)];
    if op.gathered.is_some() {
        inputs = vec![Type::f32([2 * m + 1, k]), Type::u32([2 * m])];
    }
    inputs.push(Type::f32([k, n]));
    inputs
}

fn pair(op: Dense, extents: Extents, rows: usize) -> [Case; 2] {
    let [m, _, n] = extents;
    let batched = op.gathered.is_some() || rows < m;
    let types = inputs(&op, extents, batched);
    let dy = Type::f32([m, n]).batched(batched);
    let seen = Domain::Seen(op.activation);
    let bias = op.bias.then(|| Type::f32([n]));
    let forward = Case::new(op, types.iter().cloned().chain(bias));
    let backward = Case::new(DenseBackward(op), types.into_iter().chain([dy.clone(), dy]));
    let backward = backward.domain(op.w() + 2, seen);
    [forward, backward].map(|case| {
        let mut case = case.rows(rows, m);
        if op.activation.row.least.is_finite() {
            let numbers = case.inputs.iter_mut().filter(|input| input.domain == Domain::Any);
            numbers.for_each(|input| input.domain = Domain::NotNegative);
        }
        if op.gathered.is_some() { case.domain(1, Domain::Index(2 * m + 1)).step(1) } else { case }
    })
}

/// Cases of awkward sizes in each extent: each activation, gathered or not, with and without a bias, and sums on both
/// sides of the bound on iterations.
pub fn cases() -> Vec<Case> {
    let sizes: Vec<Extents> = EDGES.iter().flat_map(|&n| [[n, 5, 3], [3, n, 5], [5, 3, n]]).collect();
    let relu = |bias, gathered| Dense { activation: Relu.into(), bias, gathered };
    let functions: Vec<Function> = rows().map(Function::from).collect();
    let mut cases = vec![];
    for (i, &extents) in sizes.iter().enumerate() {
        let m = extents[0];
        let activation = functions[i % functions.len()];
        cases.extend(pair(Dense { activation, bias: true, gathered: None }, extents, m));
        if m > 0 {
            cases.extend(pair(relu(i % 2 == 0, Some(m)), extents, m - i % m.min(3)));
        }
    }
    // A function of each need in every kind of case, the others in one kind each.
    let kinds = [(true, None, [33, 31, 65], 33), (false, Some(33), [33, 65, 31], 20), (true, None, [40, 9, 32], 17)];
    let full: [Function; 3] = [Linear.into(), Relu.into(), Silu.into()];
    for (i, activation) in Function::all().enumerate() {
        for (_, (bias, gathered, extents, rows)) in
            kinds.into_iter().enumerate().filter(|(kind, _)| *kind == i % 3 || full.contains(&activation))
        {
            cases.extend(pair(Dense { activation, bias, gathered }, extents, rows));
        }
    }
    for [batch, others, k, n] in [[5, 3, 4, 7], [9, 33, 2, 3], [2, 1, 65, 33], [300, 2, 3, 1], [7, 0, 3, 2]] {
        for (op, batched) in [(relu(true, None), true), (relu(false, None), false)] {
            let ty = |last| Type::f32([batch, others, last]).batched(batched);
            let rows = if batched { batch - batch / 3 } else { batch };
            let forward = Case::new(
                op,
                [ty(k), Type::f32([k, n]), Type::f32([n])].into_iter().take(op.w() + 1 + usize::from(op.bias)),
            );
            let backward = Case::new(DenseBackward(op), [ty(k), Type::f32([k, n]), ty(n), ty(n)]);
            let backward = backward.domain(3, Domain::Seen(op.activation));
            cases.extend([forward, backward].map(|case| case.rows(rows, batch)));
        }
    }
    for extents in [[2, 65_537, 3], [65_537, 2, 3], [3, 2, 65_537]] {
        cases.extend(pair(relu(true, None), extents, extents[0]).map(Case::brief));
    }
    cases
}
