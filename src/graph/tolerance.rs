//! How far a result in f32 may be from the oracle's: the bars of each kind of op.
//!
//! | kind | bar |
//! |---|---|
//! | data movement, integers, comparisons | equal |
//! | `+ - *` | 1 ULP of the fused or the unfused result |
//! | quotients | 1 ULP |
//! | own exp, expm1, log, log1p, sigmoid, tanh | 4 ULP |
//! | erf, gelu, softplus, … | 8 ULP; a floor where a slope passes through 0 |
//! | powers | 8 ULP |
//! | sums, products of matrices | `4 (√K + 8) 2⁻²⁴ Σ│aᵢ bᵢ│` |
//! | what is made of these | the sum of the parts' bars |
//!
//! ULP is that of f32 at the oracle's value. Every bar has a floor of `2⁻¹²⁶` per term: drivers may flush denormals.

use std::fmt;

use crate::error::Result;
use crate::graph::float::Float;
use crate::graph::op::{Args, Buffer, Inputs, OpDef};
use crate::graph::step::StepState;
use crate::shape::Type;

/// The smallest normal f32.
pub const TINY: f64 = 1.1754943508222875e-38; // 2^-126
/// Half the spacing of f32 at 1.
pub const UNIT: f64 = 5.960464477539063e-8; // 2^-24

/// What a bar is counted in: for tables that people read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Elements whose bits differ: none.
    Equal,
    /// Spacings of f32 at the oracle's value.
    Ulps(f64),
    /// `(√K + 8) 2⁻²⁴ Σ│aᵢ bᵢ│`, of which a sum may be off 4; sums of whole numbers below 2^24 are equal.
    Sum,
    /// The bars of the parts that an op is made of, all together.
    Parts,
}

impl Measure {
    /// ULPs, or equal bits for 0.
    pub fn of_ulps(ulps: f64) -> Self {
        if ulps == 0.0 { Self::Equal } else { Self::Ulps(ulps) }
    }

    /// The bar in this measure.
    pub fn bar(self) -> f64 {
        match self {
            Self::Equal => 0.0,
            Self::Ulps(ulps) => ulps,
            Self::Sum => 4.0,
            Self::Parts => 1.0,
        }
    }

    /// The measure in a word: `equal`, `ulp`, `sum` or `parts`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Ulps(_) => "ulp",
            Self::Sum => "sum",
            Self::Parts => "parts",
        }
    }

    /// An error that is `share` of its bar, in this measure; 1 for elements that differ and must not.
    pub fn error(self, share: f64) -> f64 {
        match self {
            Self::Equal => share.min(1.0),
            _ => share * self.bar(),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("equal bits"),
            Self::Ulps(ulps) => write!(f, "{ulps} ULP"),
            Self::Sum => f.write_str("4 (√K + 8) 2⁻²⁴ Σ│aᵢ bᵢ│"),
            Self::Parts => f.write_str("the bars of its parts"),
        }
    }
}

/// A case as the oracle computed it, from the very inputs that the device had.
pub struct Tolerance<'a> {
    /// Types of the inputs.
    pub types: &'a [Type],
    /// The inputs.
    pub inputs: Inputs<'a, f64>,
    /// The oracle's outputs.
    pub outputs: &'a [Buffer<f64>],
    /// What the outputs held before, where they share storage with an input.
    pub before: &'a [Buffer<f64>],
    /// The step protocol before the op ran.
    pub step: &'a StepState<f64>,
}

impl Tolerance<'_> {
    /// All outputs must be equal.
    pub fn equal(&self) -> Vec<Vec<f64>> {
        self.outputs.iter().map(|o| vec![0.0; o.float().len().max(o.indices().len())]).collect()
    }

    /// `ulps` of each element of output `i`.
    pub fn ulps(&self, i: usize, ulps: f64) -> Vec<f64> {
        self.outputs[i].float().iter().map(|&y| ulps * ulp(y) + TINY).collect()
    }

    /// What `op` gives in f64 for the magnitudes of this case's inputs: `Σ│aᵢ bᵢ│` for a sum of products.
    ///
    /// # Errors
    /// Those of the op's kernel.
    pub fn magnitudes(&self, op: &impl OpDef) -> Result<Vec<Buffer<f64>>> {
        let ids: Vec<usize> = (0..self.types.len()).collect();
        let inputs: Vec<Buffer<f64>> = ids.iter().map(|&i| self.magnitude(i)).collect();
        let types: Vec<&Type> = self.types.iter().collect();
        let mut outputs: Vec<Buffer<f64>> = op.infer(&types)?.iter().map(Buffer::zeros).collect();
        let mut step = self.step.clone();
        let args =
            Args { types: self.types, inputs: Inputs::new(&inputs, &ids), outputs: &mut outputs, step: &mut step };
        op.cpu(args)?;
        Ok(outputs)
    }

    /// The magnitudes of input `i`.
    pub fn magnitude(&self, i: usize) -> Buffer<f64> {
        match self.types[i].dtype {
            crate::shape::Dtype::F32 => Buffer::Float(self.inputs.float(i).iter().map(|v| v.abs()).collect()),
            crate::shape::Dtype::U32 => Buffer::Index(self.inputs.indices(i).to_vec()),
        }
    }
}

/// The spacing of f32 at `x`: that of the smallest normal number below it, infinite where `x` has none.
pub fn ulp(x: f64) -> f64 {
    let x = x.abs();
    if !x.is_finite() {
        return 0.0;
    }
    let exponent = (x.max(TINY).log2().floor() as i32).clamp(-126, 127);
    let exponent = if x >= 2f64.powi(exponent + 1) { exponent + 1 } else { exponent };
    2f64.powi(exponent - 23)
}

/// The bar of a sum of `terms` products whose magnitudes add up to `magnitude`.
pub fn sum(terms: usize, magnitude: f64) -> f64 {
    4.0 * ((terms as f64).sqrt() + 8.0) * UNIT * magnitude + terms as f64 * TINY
}

/// Adds `F`'s own terms in chunks, as every kernel here does: [`CHUNK`](crate::graph::CHUNK) at a time.
pub fn chunked_sum<F: Float>(terms: impl Iterator<Item = F>) -> F {
    let (mut total, mut part, mut n) = (F::ZERO, F::ZERO, 0);
    for term in terms {
        part += term;
        n += 1;
        if n == crate::graph::launch::CHUNK {
            total += part;
            (part, n) = (F::ZERO, 0);
        }
    }
    total + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulp_is_the_spacing_of_f32() {
        for x in [1.0f32, 1.5, 0.999_999_94, 2.0, 3e38, 1e-38, 123.456] {
            let next = f32::from_bits(x.to_bits() + 1);
            assert_eq!(ulp(f64::from(x)), f64::from(next) - f64::from(x), "{x}");
        }
        assert_eq!(ulp(0.0), 2f64.powi(-149));
    }
}
