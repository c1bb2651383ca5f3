//! A model's file that is not as it was written: refused, and no memory is taken for what it claims.

mod common;

use std::path::Path;

use common::memory::{Counting, most_taken};
use wgrad::prelude::*;
use wgrad::random::{Philox, Purpose};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Beyond the file: its path, and the error's text.
const SLACK: usize = 4096;

fn model() -> Model {
    let layers = Sequential::new().add(Dense::new(64).activation(Relu).input_shape([30])).add(Dropout::new(0.5));
    layers.add(BatchNormalization::new()).add(Dense::new(3).activation(Softmax)).build(&Device::cpu()).unwrap()
}

#[test]
fn flips_and_truncations_are_refused_without_memory() {
    let (device, registry) = (Device::cpu(), Registry::default());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged.safetensors");
    let good = model().to_bytes().unwrap();
    let mut kept = model();
    let before = kept.to_bytes().unwrap();
    let mut refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let (loaded, taken) = most_taken(|| Model::load(&path, &device, &registry));
        assert!(matches!(loaded, Err(Error::Format { .. })), "{what}: {loaded:?}");
        assert!(taken <= bytes.len() + SLACK, "{what}: {taken} bytes taken for a file of {}", bytes.len());
        let (weights, taken) = most_taken(|| kept.load_weights(&path));
        assert!(matches!(weights, Err(Error::Format { .. })), "{what}: {weights:?}");
        assert!(taken <= bytes.len() + SLACK, "{what}: {taken} bytes taken for weights of {}", bytes.len());
    };
    let mut random = Philox::new(7, Purpose::Initializer, 0);
    let mut below = |n: usize| (random.uniform_f64() * n as f64) as usize % n;
    for _ in 0..1000 {
        let (byte, bit) = (below(good.len()), below(8));
        let mut bytes = good.clone();
        bytes[byte] ^= 1 << bit;
        refused(&bytes, &format!("bit {bit} of byte {byte}"));
    }
    // The header, where there is most to get wrong: every byte of its beginning.
    for byte in 0..200 {
        let mut bytes = good.clone();
        bytes[byte] ^= 1 << below(8);
        refused(&bytes, &format!("byte {byte}"));
    }
    for cut in 0..200 {
        let len = if cut < 50 { cut } else { below(good.len()) };
        refused(&good[..len], &format!("{len} bytes"));
    }
    assert_eq!(kept.to_bytes().unwrap(), before, "what was refused has changed nothing");
    std::fs::write(&path, &good).unwrap();
    assert_eq!(Model::load(&path, &device, &registry).unwrap().to_bytes().unwrap(), good);
}
