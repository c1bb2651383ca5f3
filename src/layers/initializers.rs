//! The first values of weights.

use rand::RngExt;

use crate::error::Result;
use crate::random::{Philox, Purpose, stream};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How a variable begins. Source: Keras' initializers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Initializer {
    /// 0.
    Zeros,
    /// Uniform in ±√(6 / (fan_in + fan_out)), for a kernel `[fan_in, fan_out]`. Source: Glorot and Bengio, 2010.
    GlorotUniform,
}

impl Initializer {
    /// The values of variable `index` of a model: a function of the seed and the index.
    pub(crate) fn values(self, shape: &Shape, seed: u64, index: u32) -> Result<Tensor> {
        let len = shape.checked_len("initializer")?;
        match self {
            Self::Zeros => Tensor::new(shape.clone(), vec![0.0; len]),
            Self::GlorotUniform => {
                let [fan_in, fan_out] = fans(shape);
                let limit = (6.0 / (fan_in + fan_out).max(1) as f64).sqrt();
                let mut rng = Philox::new(seed, Purpose::Initializer, stream(index, 0));
                let values = (0..len).map(|_| rng.random_range(-limit..limit) as f32).collect();
                Tensor::new(shape.clone(), values)
            }
        }
    }
}

/// Inputs and outputs of a unit: the last two axes, and what stands before them as a receptive field.
fn fans(shape: &Shape) -> [usize; 2] {
    match shape.dims() {
        [] => [1, 1],
        [n] => [*n, *n],
        [field @ .., fan_in, fan_out] => {
            let field: usize = field.iter().product();
            [field * fan_in, field * fan_out]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glorot_stays_in_its_limit_and_fills_it() {
        let values = Initializer::GlorotUniform.values(&[10, 64].into(), 0, 0).unwrap();
        let limit = 0.284_747_4; // sqrt(6 / 74)
        let most = values.to_f32().iter().fold(0f32, |most, v| most.max(v.abs()));
        assert!(most <= limit && most > 0.98 * limit, "{most}");
        let mean: f32 = values.to_f32().iter().sum::<f32>() / 640.0;
        assert!(mean.abs() < 0.03, "{mean}");
    }

    #[test]
    fn seeds_and_variables_differ() {
        let values = |seed, index| Initializer::GlorotUniform.values(&[4, 4].into(), seed, index).unwrap();
        assert_eq!(values(1, 2), values(1, 2));
        assert_ne!(values(1, 2), values(2, 2));
        assert_ne!(values(1, 2), values(1, 3));
    }
}
