//! Comparisons: 1 where they hold, 0 where not. They have no gradient. NaN is unequal to everything.

use crate::error::Result;
use crate::graph::{Builder, Float, Value};
use crate::ops::binary::{Binary, BinaryDef, Slope, binary, binary_row};

/// The rows of this file.
pub(super) static ROWS: &[Binary] = &[
    binary_row::<Equal>(),
    binary_row::<NotEqual>(),
    binary_row::<Less>(),
    binary_row::<LessEqual>(),
    binary_row::<Greater>(),
    binary_row::<GreaterEqual>(),
];

macro_rules! comparison {
    ($row:ident, $name:ident, $sign:tt, $nan:literal, [$below:literal, $at:literal, $above:literal]) => {
        #[doc = concat!("`f(a, b) = 1` where `a ", stringify!($sign), " b`, else 0; ", stringify!($nan),
            " where either is NaN; -0 equals 0. Source: numpy's `", stringify!($name), "`.")]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $row;

        impl BinaryDef for $row {
            const NAME: &'static str = stringify!($name);
            const WGSL: &'static str = include_str!(concat!("../../../shaders/binary/", stringify!($name), ".wgsl"));
            const SLOPES: [Slope; 2] = [Slope::Nothing; 2];
            const SAMPLES: &'static [[f64; 5]] = &[
                [-1.5, 2.0, $below, 0.0, 0.0],
                [0.25, 0.25, $at, 0.0, 0.0],
                [-0.0, 0.0, $at, 0.0, 0.0],
                [3.0, -4.0, $above, 0.0, 0.0],
                [f64::NAN, f64::NAN, $nan, 0.0, 0.0],
                [0.0, f64::NAN, $nan, 0.0, 0.0],
            ];
            const ULPS: [f64; 2] = [0.0; 2];
            fn f<F: Float>(a: F, b: F) -> F {
                if a $sign b { F::ONE } else { F::ZERO }
            }
        }

        #[doc = concat!("1 where `a ", stringify!($sign), " b`, else 0; the shapes may stretch.")]
        ///
        /// # Errors
        /// Those of [`binary`].
        pub fn $name(g: &Builder, a: Value, b: Value) -> Result<Value> {
            binary(g, $row, a, b)
        }
    };
}

comparison!(Equal, equal, ==, 0.0, [0.0, 1.0, 0.0]);
comparison!(NotEqual, not_equal, !=, 1.0, [1.0, 0.0, 1.0]);
comparison!(Less, less, <, 0.0, [1.0, 0.0, 0.0]);
comparison!(LessEqual, less_equal, <=, 0.0, [1.0, 1.0, 0.0]);
comparison!(Greater, greater, >, 0.0, [0.0, 0.0, 1.0]);
comparison!(GreaterEqual, greater_equal, >=, 0.0, [0.0, 1.0, 1.0]);
