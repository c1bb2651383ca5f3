use super::functions;
use super::*;
use crate::graph::{Alone, Team, ulp};
use crate::random::{Philox, Purpose};

type Function = fn(f32) -> f32;

/// The largest distance from the f64 function, in ULP, over every `stride`-th f32.
fn worst(name: &str, fast: [Function; 2], exact: fn(f64) -> f64, stride: usize) -> f64 {
    let mut worst = (0.0, 0.0f32);
    for bits in (0..=u32::MAX).step_by(stride) {
        let x = f32::from_bits(bits);
        let want = exact(f64::from(x));
        for y in fast.map(|f| f(x)) {
            let off = if want.is_nan() || want.abs() > f64::from(f32::MAX) {
                let same = y.is_nan() == want.is_nan() && (want.is_nan() || f64::from(y) == f64::from(want as f32));
                if same || f64::from(y.abs()) >= 3.4e38 { 0.0 } else { f64::INFINITY }
            } else {
                (f64::from(y) - want).abs() / ulp(want)
            };
            if off > worst.0 || off.is_nan() {
                worst = (off, x);
            }
        }
    }
    println!("{name}: {} ULP at {:e}", worst.0, worst.1);
    worst.0
}

/// A multiply-add without the instruction is slow, so the fused one is tried on fewer numbers than there are.
#[test]
fn functions_are_within_their_bars_everywhere() {
    #[derive(Clone, Copy, Debug)]
    struct Fused;
    impl Lanes for Fused {
        const FUSED: bool = true;
        const ROWS: usize = 1;
        type Eight = <Plain as Lanes>::Eight;
        type Wide = <Plain as Lanes>::Wide;
    }
    type Case = (&'static str, [Function; 2], fn(f64) -> f64, f64);
    let cases: [Case; 5] = [
        ("exp", [functions::exp::<Plain>, functions::exp::<Fused>], f64::exp, 2.0),
        ("exp_m1", [functions::exp_m1::<Plain>, functions::exp_m1::<Fused>], f64::exp_m1, 3.0),
        ("ln", [functions::ln::<Plain>, functions::ln::<Fused>], f64::ln, 2.0),
        ("ln_1p", [functions::ln_1p::<Plain>, functions::ln_1p::<Fused>], f64::ln_1p, 3.0),
        ("tanh", [functions::tanh::<Plain>, functions::tanh::<Fused>], f64::tanh, 3.0),
    ];
    for (name, fast, exact, bar) in cases {
        let off = worst(name, fast, exact, 997);
        assert!(off <= bar, "{name}: {off} ULP, at most {bar}");
    }
}

#[test]
fn functions_keep_the_sign_of_zero() {
    for f in [functions::exp_m1::<Plain>, functions::ln_1p::<Plain>, functions::tanh::<Plain>] {
        assert_eq!(f(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(f(0.0).to_bits(), 0);
    }
}

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut random = Philox::new(seed, Purpose::Initializer, 0);
    (0..len).map(|_| random.uniform_f64() as f32 - 0.5).collect()
}

/// A caller who has as many members as it says, one after the other, the last part first.
struct Many(usize, Alone);

// SAFETY: each part is given to one member, once.
unsafe impl Team for Many {
    fn size(&self) -> usize {
        self.0
    }
    fn run(&mut self, parts: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        for part in (0..parts).rev() {
            self.1.run(1, &|_, scratch| work(part, scratch));
        }
    }
}

/// Operands by rows or turned, with a bias or not, extents on both sides of panels, tiles, blocks and chunks: against
/// plain sums, and the same bits from teams of all sizes.
#[test]
fn products_are_right_and_do_not_depend_on_the_team() {
    let extents = [
        [1, 1, 1],
        [5, 3, 8],
        [7, 0, 17],
        [33, 257, 31],
        [193, 300, 65],
        [64, 513, 16],
        [200, 17, 129],
        [400, 260, 70],
        [6, 2000, 100],
        [90, 96, 160],
        [400, 530, 140],
        [21, 37, 1],
        [70, 530, 1],
        [600, 1000, 1],
    ];
    for [m, terms, n] in extents {
        let (a, b, bias) = (numbers(m * terms, 1), numbers(terms * n, 2), numbers(n, 3));
        for (kind, level) in (0..8).flat_map(|kind| Level::all().map(move |level| (kind, level))) {
            let (turn_a, turn_b, bias) = (kind & 1 > 0, kind & 2 > 0, (kind & 4 > 0).then_some(&bias[..]));
            let a = if turn_a { Matrix::new(&a, m).transposed() } else { Matrix::new(&a, terms) };
            let b = if turn_b { Matrix::new(&b, terms).transposed() } else { Matrix::new(&b, n) };
            let product = Product { level, a, b, extents: [m, terms, n], bias };
            let run = |size: usize| {
                let mut c = vec![f32::NAN; m * n];
                product.run(&mut c, &mut Many(size, Alone::default()), &|at, part| {
                    part.iter_mut().enumerate().for_each(|(i, c)| *c += (at + i) as f32);
                });
                c
            };
            let alone = run(1);
            for (at, &got) in alone.iter().enumerate() {
                let (i, j) = (at / n, at % n);
                let term = |t| f64::from(a.data[i * a.rows + t * a.cols]) * f64::from(b.data[t * b.rows + j * b.cols]);
                let sum: f64 = (0..terms).map(term).sum();
                let want = sum + bias.map_or(0.0, |b| f64::from(b[j])) + at as f64;
                let off = (f64::from(got) - want).abs();
                assert!(
                    off < 1e-5 + 1e-7 * want.abs(),
                    "{level:?} {m} {terms} {n}, {kind}: {got} at {at}, want {want}"
                );
            }
            for size in [2, 3, 7] {
                assert_eq!(run(size), alone, "{level:?} {m} {terms} {n}, {kind}: {size} members");
            }
        }
    }
}

#[test]
fn sums_of_columns_and_what_is_too_large() {
    for level in Level::all() {
        let (rows, cols) = (700, 19);
        let x = numbers(rows * cols, 4);
        let (mut y, mut part) = (vec![f32::NAN; cols], vec![0.0; cols]);
        column_sums(level, &mut y, &x, rows - 5, &mut part);
        for (j, &y) in y.iter().enumerate() {
            let want: f64 = (0..rows - 5).map(|i| f64::from(x[i * cols + j])).sum();
            assert!((f64::from(y) - want).abs() < 1e-4, "{j}: {y}, want {want}");
        }
        let above = |x: &[f32], limit: f32| {
            let mut found = false;
            level.run(Above { x, limit, found: &mut found });
            found
        };
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -2.0] {
            let with = [&[0.5; 20][..], &[odd], &[0.25; 3]].concat();
            assert!(above(&with, 2.0) && !above(&with[..20], 2.0), "{odd}");
            assert_eq!(above(&with, f32::INFINITY), odd != -2.0);
        }
    }
    // One sum over all of them would be off by more than ten times that.
    let tenths = vec![0.1f32; 65_537];
    assert!((f64::from(chunked(&tenths)) - 6553.7).abs() < 0.1);
}
