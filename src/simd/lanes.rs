//! What a level of instructions works with: vectors of numbers.

/// The vectors of a level.
pub trait Lanes: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// Whether a product is added in one rounding.
    const FUSED: bool;
    /// Rows of a tile of products that registers hold, of two [`Lanes::Wide`] each.
    const ROWS: usize;
    /// Eight numbers.
    type Eight: Eight;
    /// As many as a register holds.
    type Wide: Vector;
    /// `a b + c` of single numbers, fused where the level has that.
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        if Self::FUSED { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Numbers that are worked on at once.
pub trait Vector: Copy {
    /// How many.
    const LEN: usize;
    /// All of them `x`.
    fn splat(x: f32) -> Self;
    /// Those at `from`.
    ///
    /// # Safety
    /// As many elements can be read there.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes them to `to`.
    ///
    /// # Safety
    /// As many elements can be written there.
    unsafe fn store(self, to: *mut f32);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `a b + self`, fused where the level has that.
    fn add_product(self, a: Self, b: Self) -> Self;
}

/// A vector of eight.
pub trait Eight: Vector {
    /// Eight rows as columns.
    fn transposed(rows: [Self; 8]) -> [Self; 8];
}

/// What every CPU has.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Lanes for Plain {
    const FUSED: bool = false;
    const ROWS: usize = 2;
    type Eight = Array;
    type Wide = Array;
}

/// AVX2 and FMA: 16 registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const FUSED: bool = true;
    const ROWS: usize = 6;
    type Eight = Ymm;
    type Wide = Ymm;
}

/// AVX-512: 32 registers, twice as wide.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx512 {
    const FUSED: bool = true;
    const ROWS: usize = 12;
    type Eight = Ymm;
    type Wide = Zmm;
}

/// Eight numbers in an array: the compiler takes what the target has.
#[derive(Clone, Copy, Debug)]
pub struct Array([f32; 8]);

impl Vector for Array {
    const LEN: usize = 8;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| a.0[i] * b.0[i] + self.0[i]))
    }
}

impl Eight for Array {
    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        std::array::from_fn(|j| Self(std::array::from_fn(|i| rows[i].0[j])))
    }
}

/// A vector in a register. It is made inside of [`Level::run`](crate::simd::Level::run) alone.
#[cfg(target_arch = "x86_64")]
macro_rules! register {
    ($(#[$doc:meta])* $name:ident($register:ident) $len:literal: $splat:ident $load:ident $store:ident $add:ident $fma:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(std::arch::x86_64::$register);

        impl Vector for $name {
            const LEN: usize = $len;
            #[inline(always)]
            fn splat(x: f32) -> Self {
                // SAFETY: in all of this, `Level::run` has seen that the CPU has the instructions.
                Self(unsafe { std::arch::x86_64::$splat(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller's.
                Self(unsafe { std::arch::x86_64::$load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: the caller's.
                unsafe { std::arch::x86_64::$store(to, self.0) }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: as in `splat`.
                Self(unsafe { std::arch::x86_64::$add(self.0, other.0) })
            }
            #[inline(always)]
            fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: as in `splat`.
                Self(unsafe { std::arch::x86_64::$fma(a.0, b.0, self.0) })
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
register! {
    /// Eight numbers in a register of AVX2.
    Ymm(__m256) 8: _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_fmadd_ps
}

#[cfg(target_arch = "x86_64")]
register! {
    /// Sixteen numbers in a register of AVX-512.
    Zmm(__m512) 16: _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_fmadd_ps
}

#[cfg(target_arch = "x86_64")]
impl Eight for Ymm {
    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        use std::arch::x86_64::{_mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps};
        // SAFETY: as in `splat`.
        unsafe {
            let pairs: [[_; 2]; 4] = std::array::from_fn(|i| {
                let (a, b) = (rows[2 * i].0, rows[2 * i + 1].0);
                [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)]
            });
            // Columns j and j + 4 of rows 0 to 3, then of rows 4 to 7.
            let half = |first: usize| {
                let [[a0, a1], [b0, b1]] = [pairs[first], pairs[first + 1]];
                [
                    _mm256_shuffle_ps::<0x44>(a0, b0),
                    _mm256_shuffle_ps::<0xee>(a0, b0),
                    _mm256_shuffle_ps::<0x44>(a1, b1),
                    _mm256_shuffle_ps::<0xee>(a1, b1),
                ]
            };
            let (upper, lower) = (half(0), half(2));
            std::array::from_fn(|j| {
                let (upper, lower) = (upper[j % 4], lower[j % 4]);
                Self(match j {
                    0..4 => _mm256_permute2f128_ps::<0x20>(upper, lower),
                    _ => _mm256_permute2f128_ps::<0x31>(upper, lower),
                })
            })
        }
    }
}
