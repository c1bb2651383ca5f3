//! How far f32 may be off in a loss of classes: the sum of its parts' bars.

use crate::graph::{TINY, UNIT, sum_bar, ulp};
use crate::ops::loss::EPSILON;
use crate::ops::loss::class::{Cell, ClassKind};
use crate::ops::softmax::Logits;

/// How far a quotient may be off, as a share of it.
const DIVISION: f64 = 6.0 * UNIT;

/// How far the loss of a cell and its slopes may be off, where the rounding of the targets is `off`.
pub(super) fn bars(kind: ClassKind, cell: &Cell<'_, f64>, off: &[f64]) -> (f64, Vec<f64>) {
    match kind {
        ClassKind::Logits => logits(cell.p, &cell.t, off),
        ClassKind::Probabilities => probabilities(cell.p, &cell.t, off),
        ClassKind::Scores | ClassKind::TopK(_) => (0.0, vec![0.0; cell.p.len()]),
    }
}

/// The bar of a sum of terms that are off by themselves: (term, how far it is off).
fn of_terms(terms: impl Iterator<Item = [f64; 2]>) -> f64 {
    let (mut n, mut magnitude, mut off) = (0, 0.0, 0.0);
    for [term, bar] in terms {
        n += 1;
        magnitude += term.abs();
        off += bar;
    }
    off + sum_bar(n, magnitude)
}

fn logits(p: &[f64], t: &[f64], off: &[f64]) -> (f64, Vec<f64>) {
    let row = Logits::new(p);
    let terms = p.iter().zip(t).zip(off).map(|((&p, &t), &off)| {
        let [log, bar] = row.log_softmax(p);
        if t == 0.0 { [0.0; 2] } else { [t * log, t.abs() * bar + off * log.abs() + 2.0 * ulp(t * log)] }
    });
    let targets: f64 = t.iter().sum();
    let targets_off = of_terms(t.iter().zip(off).map(|(&t, &off)| [t, off]));
    let slope = |((&p, &t), &off): ((&f64, &f64), &f64)| {
        let [y, bar] = row.softmax(p);
        bar * targets.abs() + y * targets_off + off + 2.0 * ulp(y * targets) + ulp(t)
    };
    (of_terms(terms), p.iter().zip(t).zip(off).map(slope).collect())
}

fn probabilities(p: &[f64], t: &[f64], off: &[f64]) -> (f64, Vec<f64>) {
    let mass: f64 = p.iter().sum();
    let mass_off = sum_bar(p.len(), mass.abs()) / mass.abs();
    let q_off = mass_off + DIVISION;
    let high = 1.0 - EPSILON;
    // Where f32 may come to another verdict on the clip. Its upper bound is 1 - 2^-23, a fifth further from 1.
    let near = |q: f64| (q - EPSILON).abs() <= EPSILON * (q_off + 4.0 * UNIT) || (q - high).abs() <= q_off + 4.0 * UNIT;
    let inside = |q: f64| q >= EPSILON && q <= high;
    let terms = p.iter().zip(t).zip(off).map(|((&p, &t), &off)| {
        let q = p / mass;
        let clipped = q.clamp(EPSILON, high);
        let (log, end) = (clipped.ln(), if clipped > 1.0 - 2.0 * EPSILON { UNIT / 2.0 } else { 0.0 });
        let bar = if inside(q) || near(q) { q_off } else { 0.0 } + 4.0 * ulp(log) + end;
        if t == 0.0 { [0.0; 2] } else { [t * log, t.abs() * bar + off * log.abs() + 2.0 * ulp(t * log)] }
    });
    let doubtful: f64 = p.iter().zip(t).filter(|(p, _)| near(**p / mass)).map(|(_, t)| t.abs()).sum();
    let kept = p.iter().zip(t).zip(off).map(|((&p, &t), &off)| if inside(p / mass) { [t, off] } else { [0.0; 2] });
    let targets: f64 = kept.clone().map(|[t, _]| t).sum();
    let targets_off = of_terms(kept) + doubtful;
    let slope = |((&p, &t), &off): ((&f64, &f64), &f64)| {
        let q = p / mass;
        let inverse = if inside(q) { t / q } else { 0.0 };
        let inverse_off = if inside(q) { inverse.abs() * (q_off + DIVISION) + off / q } else { 0.0 };
        let doubt = if near(q) { (t / q).abs() } else { 0.0 };
        let slope = (targets - inverse) / mass;
        let sum_off = inverse_off + doubt + targets_off + ulp(inverse) + ulp(targets);
        sum_off / mass.abs() + slope.abs() * (mass_off + DIVISION) + TINY
    };
    (of_terms(terms), p.iter().zip(t).zip(off).map(slope).collect())
}
