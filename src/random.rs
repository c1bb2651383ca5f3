//! Random numbers from a counter: Philox 4x32-10, the same bits on every platform and device.
//!
//! A number is a function of (seed, purpose, stream, element), so there is no state to save but the seed and the step.

use std::convert::Infallible;

use rand::TryRng;
use rand::rand_core::utils;

/// What random numbers are for: each purpose has streams of its own. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Purpose {
    /// The first values of weights.
    Initializer = 0,
    /// The order of rows in an epoch.
    Shuffle = 1,
    /// Which rows are for training, validation and test.
    Split = 2,
    /// Which elements are dropped.
    Dropout = 3,
}

/// Ten rounds of Philox 4x32: four words from a counter and a key.
///
/// Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
/// doi 10.1145/2063384.2063405.
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let (low0, high0) = wide_mul(0xD251_1F53, c0);
        let (low1, high1) = wide_mul(0xCD9E_8D57, c2);
        [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0];
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [c0, c1, c2, c3]
}

fn wide_mul(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    (product as u32, (product >> 32) as u32)
}

/// A stream of random words: word e is word `e % 4` of [`philox4x32_10`] with the seed as the key and the counter
/// `[e / 4, stream, stream >> 32, purpose]`.
///
/// A stream that belongs to a layer and a step is [`stream`]`(layer, step)`. It holds 2^34 words and then repeats.
/// `rand`'s samplers take it as a generator.
///
/// ```
/// use rand::RngExt;
/// use wgrad::random::{Philox, Purpose};
/// let mut rng = Philox::new(7, Purpose::Initializer, 0);
/// assert!((0..6).contains(&rng.random_range(0..6)));
/// ```
#[derive(Clone, Debug)]
pub struct Philox {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

/// The stream of a layer (its place in the model) and a step.
pub fn stream(layer: u32, step: u32) -> u64 {
    u64::from(layer) << 32 | u64::from(step)
}

impl Philox {
    /// The stream from its first word.
    pub fn new(seed: u64, purpose: Purpose, stream: u64) -> Self {
        let counter = [0, stream as u32, (stream >> 32) as u32, purpose as u32];
        Self { key: [seed as u32, (seed >> 32) as u32], counter, block: [0; 4], used: 4 }
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        if self.used == self.block.len() {
            self.block = philox4x32_10(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// A number in [0, 1): the upper 24 bits of a word, times 2^-24.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.word() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// A number in [0, 1): the upper 53 bits of two words (the first is the lower one), times 2^-53.
    pub fn uniform_f64(&mut self) -> f64 {
        let bits = u64::from(self.word()) | u64::from(self.word()) << 32;
        (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// The numbers below `n` in random order, each order as likely as the other.
    ///
    /// Source: Fisher and Yates, with the bounded numbers of Lemire 2019, doi 10.1145/3230636. Both are written out here
    /// and not taken from `rand`, so that no update of it changes which rows a seed picks.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for last in (1..n).rev() {
            let pick = self.up_to(last);
            order.swap(last as usize, pick as usize);
        }
        order
    }

    fn up_to(&mut self, last: u32) -> u32 {
        let Some(n) = last.checked_add(1) else { return self.word() };
        // Words below 2^32 mod n would make some numbers likelier than others.
        let refused = n.wrapping_neg() % n;
        loop {
            let (low, high) = wide_mul(self.word(), n);
            if low >= refused {
                return high;
            }
        }
    }
}

/// The order of `n` rows in an epoch: the permutation of (seed, epoch).
///
/// ```
/// let order = wgrad::random::permutation(5, 0, 1);
/// assert_eq!(order, wgrad::random::permutation(5, 0, 1));
/// ```
pub fn permutation(n: u32, seed: u64, epoch: u64) -> Vec<u32> {
    Philox::new(seed, Purpose::Shuffle, epoch).permutation(n)
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_u64_via_u32(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    /// The known answers of Random123 (`kat_vectors`, philox4x32, 10 rounds).
    #[test]
    fn known_answers() {
        let zeros = philox4x32_10([0; 4], [0; 2]);
        assert_eq!(zeros, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = philox4x32_10([u32::MAX; 4], [u32::MAX; 2]);
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let digits = philox4x32_10(pi, [0xa409_3822, 0x299f_31d0]);
        assert_eq!(digits, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn a_word_is_a_function_of_seed_purpose_stream_and_element() {
        let seed = 0x0123_4567_89ab_cdef;
        let mut rng = Philox::new(seed, Purpose::Dropout, stream(3, 9));
        let words: Vec<u32> = (0..6).map(|_| rng.word()).collect();
        let block = |b| philox4x32_10([b, 9, 3, 3], [0x89ab_cdef, 0x0123_4567]);
        assert_eq!(words[..4], block(0));
        assert_eq!(words[4..], block(1)[..2]);
    }

    #[test]
    fn rands_traits_read_the_same_words() {
        let fresh = || Philox::new(1, Purpose::Initializer, 2);
        let (mut a, mut b, mut c) = (fresh(), fresh(), fresh());
        let (low, high) = (a.word(), a.word());
        assert_eq!(b.next_u64(), u64::from(high) << 32 | u64::from(low));
        let mut bytes = [0; 7];
        c.fill_bytes(&mut bytes);
        assert_eq!(bytes[..4], low.to_le_bytes());
        assert_eq!(bytes[4..], high.to_le_bytes()[..3]);
        assert!((0.0..1.0).contains(&c.random::<f64>()));
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval() {
        let mut rng = Philox::new(0, Purpose::Initializer, 0);
        let n = 20_000;
        let (mut sum, mut least, mut most) = (0.0, 1.0f64, 0.0f64);
        for _ in 0..n {
            for u in [f64::from(rng.uniform_f32()), rng.uniform_f64()] {
                assert!((0.0..1.0).contains(&u));
                (sum, least, most) = (sum + u, least.min(u), most.max(u));
            }
        }
        // Six standard deviations of the mean of 40,000 uniform numbers.
        assert!((sum / f64::from(2 * n) - 0.5).abs() < 6.0 * (1.0f64 / 12.0 / 40_000.0).sqrt());
        assert!(least < 1e-3 && most > 1.0 - 1e-3);
    }

    #[test]
    fn a_permutation_holds_every_row_once_and_depends_on_seed_and_epoch() {
        for n in [0, 1, 2, 3, 257, 1000] {
            let mut sorted = permutation(n, 5, 1);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..n).collect::<Vec<_>>());
        }
        assert_ne!(permutation(100, 0, 1), permutation(100, 0, 2));
        assert_ne!(permutation(100, 0, 1), permutation(100, 1, 1));
        // Pinned: a change here changes which rows a seed picks on every machine.
        assert_eq!(permutation(10, 0, 1), [7, 5, 6, 0, 9, 2, 4, 1, 8, 3]);
    }

    #[test]
    fn every_order_of_three_is_as_likely_as_the_other() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..6000 {
            *counts.entry(permutation(3, 0, epoch)).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Six standard deviations of a count of 6000 draws with probability 1/6.
        assert!(counts.values().all(|&c| c.abs_diff(1000) < 174), "{counts:?}");
    }
}
