//! Data and weights of the workloads, from a generator that needs no file: the drivers of all languages have the same.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Rows of the small models' data.
pub const SMALL_ROWS: usize = 10_000;
/// Rows of the data of MNIST's size.
pub const MNIST_ROWS: usize = 4_096;

/// Rows with their targets.
#[derive(Clone, Debug)]
pub struct Data {
    /// `[rows, features]`.
    pub x: Tensor,
    /// A tensor for each output.
    pub y: Vec<Tensor>,
}

impl Data {
    /// Some of its batches of `rows` rows.
    pub fn batches(&self, batches: std::ops::Range<usize>, rows: usize) -> Result<(Tensor, Vec<Tensor>)> {
        let rows = batches.start * rows..batches.end * rows;
        let y = self.y.iter().map(|y| y.slice_rows(rows.clone())).collect::<Result<_>>()?;
        Ok((self.x.slice_rows(rows.clone())?, y))
    }
}

/// Weights of dense layers: for each its kernel `[inputs, units]` and its bias.
pub type Weights = Vec<(Tensor, Tensor)>;

/// Number `i` of stream `seed`, in [0, 1): 24 bits of SplitMix64 of (seed, i).
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = (i + (seed << 32) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 40) as f64 / 16_777_216.0
}

/// `n` numbers of a stream, in [-scale, scale).
fn signed(seed: u64, n: usize, scale: f64) -> Vec<f32> {
    (0..n as u64).map(|i| (scale * (2.0 * uniform(seed, i) - 1.0)) as f32).collect()
}

/// `x w`, w from a stream, in f64 and term by term: the same in every language.
fn scores(x: &[f32], features: usize, seed: u64, classes: usize) -> Vec<Vec<f64>> {
    let w: Vec<f64> = (0..(features * classes) as u64).map(|i| 2.0 * uniform(seed, i) - 1.0).collect();
    let of_row = |row: &[f32]| {
        let mut sums = vec![0.0; classes];
        for (&v, weights) in row.iter().zip(w.chunks(classes)) {
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += f64::from(v) * w);
        }
        sums
    };
    x.chunks(features).map(of_row).collect()
}

/// The place of the first largest.
fn largest(scores: &[f64]) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (at, &score) in scores.iter().enumerate() {
        best = if score > best.1 { (at, score) } else { best };
    }
    best.0
}

/// 10,000 rows of 10, and whether a score of each is above 0.
pub fn small() -> Result<Data> {
    let x = signed(1, SMALL_ROWS * 10, 1.0);
    let y = scores(&x, 10, 2, 1).iter().flatten().map(|&s| f32::from(s > 0.0)).collect();
    Ok(Data { x: Tensor::new([SMALL_ROWS, 10], x)?, y: vec![Tensor::new([SMALL_ROWS, 1], y)?] })
}

/// The same rows, and one of five classes for each as well, one-hot.
pub fn multi() -> Result<Data> {
    let Data { x, mut y } = small()?;
    let classes = scores(&x.to_f32(), 10, 5, 5);
    let one_hot = classes.iter().flat_map(|scores| {
        let class = largest(scores);
        (0..5).map(move |j| f32::from(u8::from(j == class)))
    });
    y.push(Tensor::new([SMALL_ROWS, 5], one_hot.collect())?);
    Ok(Data { x, y })
}

/// 4,096 rows of 784, and one of ten classes for each, as its number.
pub fn mnist() -> Result<Data> {
    let x = signed(3, MNIST_ROWS * 784, 1.0);
    let y = scores(&x, 784, 4, 10).iter().map(|scores| largest(scores) as f32).collect();
    Ok(Data { x: Tensor::new([MNIST_ROWS, 784], x)?, y: vec![Tensor::new([MNIST_ROWS, 1], y)?] })
}

/// Glorot uniform kernels from streams `seed`, `seed + 1`, …, and biases of 0.
pub fn glorot(layers: &[[usize; 2]], seed: u64) -> Result<Weights> {
    let layer = |(at, &[inputs, units]): (usize, &[usize; 2])| {
        let limit = (6.0 / (inputs + units) as f64).sqrt();
        let kernel = signed(seed + at as u64, inputs * units, limit);
        Ok((Tensor::new([inputs, units], kernel)?, Tensor::full([units], 0.0)?))
    };
    layers.iter().enumerate().map(layer).collect()
}

/// The weights that `mlp_small` begins with: Glorot uniform by numpy's `default_rng(0)`.
pub fn small_weights() -> Result<Weights> {
    let bytes = include_bytes!("../../data/mlp_small.safetensors");
    let broken =
        |reason: String| Error::Format { path: "mlp_small.safetensors".into(), position: String::new(), reason };
    let file = safetensors::SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    let tensors: BTreeMap<String, Tensor> = file
        .iter()
        .map(|(name, view)| {
            let numbers = view.data().chunks_exact(4).map(bytemuck::pod_read_unaligned).collect();
            Ok((name.to_string(), Tensor::new(view.shape(), numbers)?))
        })
        .collect::<Result<_>>()?;
    let of = |name: String| tensors.get(&name).cloned().ok_or_else(|| broken(format!("there is no {name}")));
    (0..3).map(|k| Ok((of(format!("dense{k}.kernel"))?, of(format!("dense{k}.bias"))?))).collect()
}

/// The two matrices `[n, n]` of `matmul_n`, of which the first has a variance of 1 / n: a chain of products keeps its
/// scale.
pub fn matmul_operands(n: usize) -> Result<[Tensor; 2]> {
    let a = signed(30, n * n, (3.0 / n as f64).sqrt());
    Ok([Tensor::new([n, n], a)?, Tensor::new([n, n], signed(31, n * n, 1.0))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_that_of_the_other_drivers() {
        // From their Python: uniform(1, 3).
        assert_eq!(
            [0, 1, 2].map(|i| uniform(1, i)),
            [0.273_578_405_380_249, 0.906_242_430_210_113_5, 0.601_283_252_239_227_3]
        );
    }

    #[test]
    fn data_are_those_of_the_other_drivers() {
        let count = |tensor: &Tensor, at: usize, of: usize| {
            let values = tensor.to_f64();
            values.chunks(of).map(|row| row[at]).sum::<f64>()
        };
        let of_multi = multi().unwrap();
        assert_eq!(count(&of_multi.y[0], 0, 1), 4972.0);
        assert_eq!([0, 1, 2, 3, 4].map(|c| count(&of_multi.y[1], c, 5)), [1743.0, 1708.0, 2312.0, 2371.0, 1866.0]);
        let mut classes = [0; 10];
        mnist().unwrap().y[0].to_f64().iter().for_each(|&class| classes[class as usize] += 1);
        assert_eq!(classes, [425, 442, 383, 400, 376, 406, 414, 350, 427, 473]);
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), 1);
    }
}
