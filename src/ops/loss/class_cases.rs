//! What losses of classes are tested on.

use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::loss::class::{ClassKind, ClassLoss, ClassTargets};
use crate::shape::Type;

/// Cases of awkward numbers of classes and of rows, of predictions in time, of many classes and of many rows; gathered
/// or not, training or not, with batches of fewer rows.
pub fn cases() -> Vec<Case> {
    let few = EDGES.iter().filter(|&&n| n > 0).flat_map(|&n| [vec![5, n], vec![n, 3]]);
    let others = [vec![0, 3], vec![4, 3, 7], vec![3, 2, 2, 65], vec![2, 70_001], vec![65_537, 2]];
    let shapes: Vec<Vec<usize>> = few.chain(others).collect();
    let mut cases = vec![];
    for kind in [ClassKind::Probabilities, ClassKind::Logits, ClassKind::Scores, ClassKind::TopK(1), ClassKind::TopK(3)]
    {
        for targets in [ClassTargets::OneHot, ClassTargets::Numbers] {
            for (i, shape) in shapes.iter().enumerate() {
                cases.push(case(kind, targets, shape, i));
            }
            if (kind, targets) == (ClassKind::Scores, ClassTargets::Numbers) {
                cases.push(case(kind, targets, &[65_537, 33], 0)); // more workgroups than a grid is wide
            }
        }
    }
    cases
}

fn case(kind: ClassKind, targets: ClassTargets, shape: &[usize], i: usize) -> Case {
    let (batch, classes) = (shape[0], shape[shape.len() - 1]);
    let (sparse, is_gathered) = (targets == ClassTargets::Numbers, i % 3 == 1 && batch > 0);
    let op = ClassLoss {
        kind,
        targets,
        smoothing: if sparse || i % 4 < 2 { 0.0 } else { 0.2 },
        gathered: is_gathered.then_some(batch),
        column: (i % 5 != 4).then_some(0),
    };
    let rows = if is_gathered { batch + 5 } else { batch };
    let cells = &shape[1..shape.len() - 1];
    let last: &[usize] = match (sparse, i % 2) {
        (false, _) => &[classes],
        (true, 0) => &[1],
        (true, _) => &[],
    };
    let p = if kind == ClassKind::Logits { Domain::Any } else { Domain::Probability };
    let inputs = vec![
        Type::f32(shape).batched(true),
        Type::f32([&[rows], cells, last].concat()),
        Type::f32([rows]),
        Type::u32([2 * batch]),
    ];
    let case = Case::new(op, inputs.into_iter().take(3 + usize::from(is_gathered)));
    let case = case.domain(0, p).domain(1, if sparse { Domain::Class(classes) } else { Domain::Label });
    let case = case.domain(2, Domain::NotNegative).domain(3, Domain::Index(rows));
    let case = case.rows(batch - batch / 3, batch).columns(&[0.75]).step(1);
    if shape.iter().product::<usize>() > 20_000 { case.brief() } else { case }
}
