//! The peaks of a CPU, all cores at work.

use std::hint::black_box;
use std::time::Instant;

use crate::device::cpu::room;
use crate::device::peaks::{Peaks, best, cpu_cache_bytes};
use crate::error::Result;
use crate::simd::Level;

/// Measurements of each peak.
const TIMES: usize = 7;
/// Rounds of multiply-adds of a measurement: some 30 ms and more.
const ROUNDS: u32 = 10_000_000;
/// Numbers that are multiplied and added to at a time, without AVX.
const LANES: usize = 48;
/// Bytes of a small copy's source, for each core.
const SMALL: usize = 128 << 10;
/// Bytes that a measurement of small copies reads, for each core.
const SMALL_ALL: usize = 1 << 30;

pub fn peaks() -> Result<Peaks> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cache_bytes = cpu_cache_bytes();
    // Source and target together are four times the cache.
    let large = usize::try_from(2 * cache_bytes).unwrap_or(usize::MAX) / cores;
    room((cores as u64).saturating_mul(2 * large as u64))?;
    Ok(Peaks {
        flops_per_second: best(TIMES, || Ok(flops(cores)))?,
        bytes_per_second: copies(cores, large, 1)?,
        cached_bytes_per_second: copies(cores, SMALL, SMALL_ALL / SMALL)?,
        cache_bytes,
        launch_seconds: 0.0,
    })
}

/// Seconds that all cores take for the same work, which each is told once and repeats.
fn seconds(cores: usize, work: impl Fn() + Sync) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 1..cores {
            scope.spawn(&work);
        }
        work();
    });
    start.elapsed().as_secs_f64()
}

fn flops(cores: usize) -> f64 {
    let of = |&(flops_per_round, run): &(f64, MultiplyAdds)| {
        let took = seconds(cores, || {
            black_box(run(black_box(ROUNDS), black_box(0.999), black_box(0.001)));
        });
        cores as f64 * f64::from(ROUNDS) * flops_per_round / took
    };
    multiply_adds().iter().map(of).fold(0.0, f64::max)
}

/// Bytes read and written by `repeats` copies of `bytes` on each core.
fn copies(cores: usize, bytes: usize, repeats: usize) -> Result<f64> {
    let memory = || std::sync::Mutex::new((vec![1u8; bytes], vec![2u8; bytes]));
    let memory: Vec<_> = (0..cores).map(|_| memory()).collect();
    best(TIMES, || {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let took = seconds(cores, || {
            let mine = memory.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let Some(Ok(mut mine)) = mine.map(|memory| memory.lock()) else { return };
            let (from, to) = &mut *mine;
            for _ in 0..repeats {
                to.copy_from_slice(black_box(from));
                black_box(&mut *to);
            }
        });
        Ok((2 * cores * bytes * repeats) as f64 / took)
    })
}

/// Runs rounds of x = x scale + shift on independent numbers; gives their sum.
type MultiplyAdds = fn(u32, f32, f32) -> f32;

/// Those of the levels of this CPU, and the floating point operations of a round: which is the fastest differs.
fn multiply_adds() -> Vec<(f64, MultiplyAdds)> {
    let of = |level: Level| -> (f64, MultiplyAdds) {
        match level.name() {
            // SAFETY: the CPU has what its levels say.
            #[cfg(target_arch = "x86_64")]
            "avx512" => (2.0 * 16.0 * AVX512_REGISTERS as f64, |n, scale, shift| unsafe { avx512(n, scale, shift) }),
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            "avx2" => (2.0 * 8.0 * AVX2_REGISTERS as f64, |n, scale, shift| unsafe { avx2(n, scale, shift) }),
            _ => (2.0 * LANES as f64, portable),
        }
    };
    Level::all().map(of).collect()
}

/// Registers that are multiplied and added to at a time: enough for two units of four cycles, and two of 16 are left.
#[cfg(target_arch = "x86_64")]
const AVX2_REGISTERS: usize = 12;
/// The same of 32.
#[cfg(target_arch = "x86_64")]
const AVX512_REGISTERS: usize = 16;

#[cfg(target_arch = "x86_64")]
macro_rules! multiply_adds {
    ($name:ident, $feature:literal, $registers:ident, $splat:ident $fma:ident $add:ident $first:ident) => {
        #[target_feature(enable = $feature)]
        fn $name(rounds: u32, scale: f32, shift: f32) -> f32 {
            use std::arch::x86_64::{$add, $first, $fma, $splat};
            let (scale, shift) = ($splat(scale), $splat(shift));
            let mut x = [$splat(0.0); $registers];
            for (i, x) in x.iter_mut().enumerate() {
                *x = $splat(black_box(i as f32)); // apart, or a compiler would keep one of them
            }
            for _ in 0..rounds {
                for x in &mut x {
                    *x = $fma(*x, scale, shift);
                }
            }
            $first(x.into_iter().fold($splat(0.0), |sum, x| $add(sum, x)))
        }
    };
}

#[cfg(target_arch = "x86_64")]
multiply_adds!(avx2, "avx2,fma", AVX2_REGISTERS, _mm256_set1_ps _mm256_fmadd_ps _mm256_add_ps _mm256_cvtss_f32);
#[cfg(target_arch = "x86_64")]
multiply_adds!(avx512, "avx512f", AVX512_REGISTERS, _mm512_set1_ps _mm512_fmadd_ps _mm512_add_ps _mm512_cvtss_f32);

fn portable(rounds: u32, scale: f32, shift: f32) -> f32 {
    // A call of a function, and slow, where the CPU has no such instruction.
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    let mut x: [f32; LANES] = std::array::from_fn(|i| black_box(i as f32));
    for _ in 0..rounds {
        for x in &mut x {
            *x = if FUSED { x.mul_add(scale, shift) } else { *x * scale + shift };
        }
    }
    x.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_multiplied_and_added_to() {
        // Numbers from 0 to n - 1, doubled and 1 added three times: 8 x + 7. Of registers, the first lane.
        let sum = |n: usize| 8.0 * (n * (n - 1) / 2) as f32 + 7.0 * n as f32;
        let sums: Vec<f32> = multiply_adds().iter().map(|(_, run)| run(3, 2.0, 1.0)).collect();
        assert!(sums.iter().all(|got| [LANES, 12, 16].map(sum).contains(got)), "{sums:?}");
        assert_eq!(sums.last(), Some(&sum(LANES)));
    }

    #[test]
    fn a_cpu_has_peaks_and_launches_nothing() {
        let peaks = peaks().unwrap();
        let rates = [peaks.flops_per_second, peaks.bytes_per_second, peaks.cached_bytes_per_second];
        assert!(rates.iter().all(|&rate| rate > 1e7 && rate.is_finite()), "{peaks:?}");
        assert!(peaks.launch_seconds == 0.0 && peaks.cache_bytes >= 1 << 16, "{peaks:?}");
    }
}
