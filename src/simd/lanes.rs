//! Eight numbers that are worked on at once.

/// Eight numbers of f32.
pub trait Lanes: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// Whether a product is added in one rounding.
    const FUSED: bool;
    /// Rows of a tile of products that registers hold, of 16 columns each.
    const ROWS: usize;
    /// All of them `x`.
    fn splat(x: f32) -> Self;
    /// Those at `from`.
    ///
    /// # Safety
    /// Eight elements can be read there.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes them to `to`.
    ///
    /// # Safety
    /// Eight elements can be written there.
    unsafe fn store(self, to: *mut f32);
    /// `self + other`.
    fn add(self, other: Self) -> Self;
    /// `a b + self`, fused where the level has that.
    fn add_product(self, a: Self, b: Self) -> Self;
    /// Eight rows of eight as columns.
    fn transposed(rows: [Self; 8]) -> [Self; 8];
    /// `a b + c` of single numbers, fused in the same way.
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        if Self::FUSED { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Eight numbers in an array: the compiler takes what the target has.
#[derive(Clone, Copy, Debug)]
pub struct Plain([f32; 8]);

impl Lanes for Plain {
    const FUSED: bool = false;
    const ROWS: usize = 2;
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
    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        std::array::from_fn(|j| Self(std::array::from_fn(|i| rows[i].0[j])))
    }
}

/// Eight numbers in a register of AVX2. It is made inside of [`Level::run`](crate::simd::Level::run) alone.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(std::arch::x86_64::__m256);

#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const FUSED: bool = true;
    const ROWS: usize = 6;
    #[inline(always)]
    fn splat(x: f32) -> Self {
        // SAFETY: in all of this, `Level::run` has seen that the CPU has AVX2 and FMA.
        Self(unsafe { std::arch::x86_64::_mm256_set1_ps(x) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { std::arch::x86_64::_mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { std::arch::x86_64::_mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { std::arch::x86_64::_mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { std::arch::x86_64::_mm256_fmadd_ps(a.0, b.0, self.0) })
    }
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
