//! An op of a program's own, held to what wgrad's ops are held to.

use crate::check::gradient::{Slope, gradient};
use crate::check::parity::shape_of;
use crate::check::suite::{Job, Row, Rows, WorstCase, run};
use crate::device::Device;
use crate::error::{Error, Point, Result};
use crate::ops::Case;

/// What a gradient may be off from differences, of its size.
const GRADIENT_BAR: f64 = 1e-6;

/// Runs cases of an op on a device in every variant against its f64 kernel, and holds its gradient to differences.
///
/// ```
/// use wgrad::check::verify;
/// use wgrad::ops::{Case, Relu, UnaryOp};
/// use wgrad::{Device, Type};
///
/// let case = |n: usize| Case::new(UnaryOp(Relu.into()), [Type::f32([n])]);
/// for row in verify(&Device::cpu(), &[0, 1, 64, 65, 1000].map(case))? {
///     println!("{row}");
/// }
/// # Ok::<(), wgrad::Error>(())
/// ```
///
/// # Errors
/// [`Error::WrongNumber`], [`Error::BrokenRule`] and [`Error::WrongGradient`] with the worst point, and those of the
/// device. A case that does not fit the device counts for nothing.
pub fn verify(device: &Device, cases: &[Case]) -> Result<Vec<Row>> {
    let mut rows = Rows::new(device.name());
    for (place, (case, seed)) in cases.iter().zip(0..).enumerate() {
        let job = Job { case: case.clone(), seed };
        for finding in run(device, &job, &mut |_| {})? {
            rows.add(place, &job, finding);
        }
    }
    let rows = rows.take(None);
    if let Some(error) = rows.iter().find_map(wrong) {
        return Err(error);
    }
    let mut worst: Option<(Slope, &Case, u64)> = None;
    for (case, seed) in cases.iter().zip(0..) {
        if let Some(slope) = gradient(case, seed)?
            && worst.is_none_or(|(worst, ..)| slope.error > worst.error)
        {
            worst = Some((slope, case, seed));
        }
    }
    match worst.filter(|(slope, ..)| slope.error > GRADIENT_BAR) {
        None => Ok(rows),
        Some((Slope { input, index, analytic, difference, .. }, case, seed)) => {
            let (op, shape) = (case.op.name().to_string(), shape_of(case));
            Err(Error::WrongGradient { op, shape, seed, input, index, analytic, difference })
        }
    }
}

/// What is wrong with a row: a number before a rule.
fn wrong(row: &Row) -> Option<Error> {
    let (op, variant, device) = (row.op.clone(), row.variant.clone(), row.device.clone());
    if let Some(WorstCase { place, worst, .. }) = row.worst.as_ref().filter(|case| case.worst.error > 1.0) {
        let point = Point {
            shape: place.shape.clone(),
            values: place.values.to_string(),
            seed: place.seed,
            output: worst.output,
            index: worst.index,
            got: worst.got,
            want: worst.want,
            bar: worst.bar,
        };
        return Some(Error::WrongNumber { op, variant, device, point: Box::new(point) });
    }
    let rule = row.problems.first()?.clone();
    Some(Error::BrokenRule { op, variant, device, rule })
}
