//! What a CPU has, and work that is compiled for each level of it.

use crate::simd::lanes::{Lanes, Plain};

/// Instructions that kernels are compiled for, and that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// AVX-512, of which every CPU that has it since 2017 has these parts: sixteen numbers at once, in twice the registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA: eight numbers at once, and a product that is added in one rounding.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every CPU of the target has.
    Portable,
}

/// Work that is compiled for each level. `run` and what it calls are to be inlined.
pub trait Work {
    /// Does it.
    fn run<V: Lanes>(self);
}

impl Level {
    /// The levels of this CPU, the best first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let better = {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            let avx512 = avx512 && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq");
            [(avx2 && avx512).then_some(Kind::Avx512), avx2.then_some(Kind::Avx2)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let better: [Option<Kind>; 0] = [];
        better.into_iter().flatten().chain([Kind::Portable]).map(Self)
    }

    /// The best level of this CPU.
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Self(Kind::Portable))
    }

    /// Its name: what kernels of this level are called.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Portable => "portable",
        }
    }

    /// Does work with the instructions of this level.
    #[inline]
    pub fn run(self, work: impl Work) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `all` alone makes this level, and has asked the CPU for all of that.
            Kind::Avx512 => unsafe { avx512(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kind::Avx2 => unsafe { avx2(work) },
            Kind::Portable => work.run::<Plain>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(work: impl Work) {
    work.run::<crate::simd::lanes::Avx2>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn avx512(work: impl Work) {
    work.run::<crate::simd::lanes::Avx512>();
}
