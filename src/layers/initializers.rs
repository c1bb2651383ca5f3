//! The first values of weights.

use rand::RngExt;

use crate::error::{Error, Result};
use crate::random::{Philox, Purpose, stream};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How a variable begins. Source: Keras' initializers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Initializer {
    /// 0.
    Zeros,
    /// 1.
    Ones,
    /// A number.
    Constant(f64),
    /// Uniform in ±√(6 / (fan_in + fan_out)), for a kernel `[fan_in, fan_out]`. Source: Glorot and Bengio, 2010.
    GlorotUniform,
    /// Normal of variance 2 / (fan_in + fan_out), cut at two standard deviations. Source: Glorot and Bengio, 2010.
    GlorotNormal,
    /// Uniform in ±√(6 / fan_in). Source: He et al., 2015.
    HeUniform,
    /// Normal of variance 2 / fan_in, cut at two standard deviations. Source: He et al., 2015.
    HeNormal,
    /// Uniform in ±√(3 / fan_in). Source: LeCun et al., 1998.
    LecunUniform,
    /// Normal of variance 1 / fan_in, cut at two standard deviations. Source: LeCun et al., 1998.
    LecunNormal,
    /// Uniform from `min` to `max`.
    RandomUniform {
        /// The least.
        min: f64,
        /// The bound above.
        max: f64,
    },
    /// Normal.
    RandomNormal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        stddev: f64,
    },
}

/// The standard deviation of a normal distribution that is cut at two of its standard deviations.
const CUT: f64 = 0.879_625_661_034_239_8;

impl Initializer {
    /// The values of variable `index` of a model: a function of the seed and the index.
    pub(crate) fn values(self, shape: &Shape, seed: u64, index: u32) -> Result<Tensor> {
        let len = shape.checked_len("initializer")?;
        let [fan_in, fan_out] = fans(shape);
        let mut rng = Philox::new(seed, Purpose::Initializer, stream(index, 0));
        let mut draw: Box<dyn FnMut() -> f64> = match self {
            Self::Zeros => Box::new(|| 0.0),
            Self::Ones => Box::new(|| 1.0),
            Self::Constant(value) => Box::new(move || value),
            Self::GlorotUniform => uniform(rng, (6.0 / (fan_in + fan_out)).sqrt()),
            Self::HeUniform => uniform(rng, (6.0 / fan_in).sqrt()),
            Self::LecunUniform => uniform(rng, (3.0 / fan_in).sqrt()),
            Self::GlorotNormal => cut_normal(rng, (2.0 / (fan_in + fan_out)).sqrt()),
            Self::HeNormal => cut_normal(rng, (2.0 / fan_in).sqrt()),
            Self::LecunNormal => cut_normal(rng, (1.0 / fan_in).sqrt()),
            Self::RandomUniform { min, max } if min < max && (max - min).is_finite() => {
                Box::new(move || rng.random_range(min..max))
            }
            Self::RandomUniform { min, max } => {
                return Err(Error::argument("initializer", "a finite min below max", format!("{min} and {max}")));
            }
            Self::RandomNormal { mean, stddev } => Box::new(move || mean + stddev * normal(&mut rng)),
        };
        Tensor::new(shape.clone(), (0..len).map(|_| draw() as f32).collect())
    }
}

fn uniform(mut rng: Philox, limit: f64) -> Box<dyn FnMut() -> f64> {
    Box::new(move || rng.random_range(-limit..limit))
}

/// Normal of a standard deviation, that of the distribution after it is cut.
fn cut_normal(mut rng: Philox, stddev: f64) -> Box<dyn FnMut() -> f64> {
    let within = move |z: &f64| z.abs() <= 2.0;
    Box::new(move || std::iter::repeat_with(|| normal(&mut rng)).find(within).unwrap_or(0.0) * stddev / CUT)
}

/// Of mean 0 and variance 1. Source: Box and Muller, 1958.
fn normal(rng: &mut Philox) -> f64 {
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Inputs and outputs of a unit: the last two axes, and what stands before them as a receptive field.
fn fans(shape: &Shape) -> [f64; 2] {
    let fans = match shape.dims() {
        [] => [1, 1],
        [n] => [*n, *n],
        [field @ .., fan_in, fan_out] => {
            let field: usize = field.iter().product();
            [field * fan_in, field * fan_out]
        }
    };
    fans.map(|fan| fan.max(1) as f64)
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
    fn variances_are_those_of_the_papers() {
        let shape = Shape::from([40, 60]);
        let variance = |initializer: Initializer| {
            let values = initializer.values(&shape, 3, 0).unwrap();
            let values = values.to_f64().into_owned();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.02, "{initializer:?} {mean}");
            values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
        };
        let wanted = [
            (Initializer::GlorotUniform, 2.0 / 100.0),
            (Initializer::GlorotNormal, 2.0 / 100.0),
            (Initializer::HeUniform, 2.0 / 40.0),
            (Initializer::HeNormal, 2.0 / 40.0),
            (Initializer::LecunUniform, 1.0 / 40.0),
            (Initializer::LecunNormal, 1.0 / 40.0),
            (Initializer::RandomUniform { min: -0.3, max: 0.3 }, 0.03),
            (Initializer::RandomNormal { mean: 0.0, stddev: 0.2 }, 0.04),
        ];
        for (initializer, want) in wanted {
            let got = variance(initializer);
            assert!((got / want - 1.0).abs() < 0.1, "{initializer:?}: {got}, not {want}");
        }
        let most = Initializer::HeNormal.values(&shape, 3, 0).unwrap();
        let limit = 2.0 * (2.0f64 / 40.0).sqrt() / CUT;
        assert!(most.to_f64().iter().all(|v| v.abs() <= limit + 1e-6));
        let ones = Initializer::Ones.values(&shape, 3, 0).unwrap();
        assert!(ones.to_f32().iter().all(|&v| v == 1.0));
    }

    #[test]
    fn seeds_and_variables_differ() {
        let values = |seed, index| Initializer::GlorotUniform.values(&[4, 4].into(), seed, index).unwrap();
        assert_eq!(values(1, 2), values(1, 2));
        assert_ne!(values(1, 2), values(2, 2));
        assert_ne!(values(1, 2), values(1, 3));
    }
}
