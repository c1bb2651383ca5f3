//! Arrays of NumPy: `.npy` files.

use std::path::Path;

use crate::data::file;
use crate::error::{Error, Result, shown};
use crate::shape::Shape;
use crate::tensor::Tensor;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Axes at most.
const MOST_AXES: usize = 32;

/// The array in a `.npy` file: see [`parse_npy`].
///
/// # Errors
/// [`Error::Io`] where the file cannot be read, and those of [`parse_npy`].
pub fn read_npy(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    parse_npy(&file::read(path)?, path)
}

/// The array of a `.npy` file's bytes, as NumPy's `save` writes it: little-endian numbers (`f4`, `f8`, `i1` to `i8`, `u1` to
/// `u8`, `b1`) in C order. `f8` and integers of four bytes and more become f64, `u1` and `b1` stay bytes, the others become f32. `name` stands for the file in
/// errors. Source: NumPy's description of the format, versions 1.0 to 3.0.
///
/// # Errors
/// [`Error::Format`] for another file, other numbers or another order, and for more or fewer bytes than the shape needs.
///
/// ```
/// let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }\n";
/// let mut npy = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
/// npy.extend([1, 2, 3, 255]);
/// let tensor = wgrad::data::parse_npy(&npy, "x.npy")?;
/// assert_eq!((tensor.shape().dims(), &*tensor.to_f32()), (&[2, 2][..], &[1.0, 2.0, 3.0, 255.0][..]));
/// # Ok::<(), wgrad::Error>(())
/// ```
pub fn parse_npy(bytes: &[u8], name: impl AsRef<Path>) -> Result<Tensor> {
    let wrong = |position: &str, reason: String| Error::Format {
        path: name.as_ref().into(),
        position: position.into(),
        reason,
    };
    let (header, data) = parts(bytes).map_err(|reason| wrong("header", reason))?;
    let Header { kind, shape } = Header::parse(header).map_err(|reason| wrong("header", reason))?;
    let need = shape.iter().try_fold(kind.bytes(), |all, &extent| all.checked_mul(extent));
    if need != Some(data.len()) {
        let need = need.map_or("more than there can be".into(), |need| need.to_string());
        return Err(wrong("data", format!("expected {need} bytes for its shape, got {}", data.len())));
    }
    let shape = Shape::from(shape);
    match kind {
        Kind::F4 => Tensor::new(shape, numbers(data, f32::from_le_bytes)),
        Kind::F8 => Tensor::from_f64(shape, numbers(data, f64::from_le_bytes)),
        Kind::I1 => Tensor::new(shape, numbers(data, |b| f32::from(i8::from_le_bytes(b)))),
        Kind::I2 => Tensor::new(shape, numbers(data, |b| f32::from(i16::from_le_bytes(b)))),
        Kind::I4 => Tensor::from_f64(shape, numbers(data, |b| f64::from(i32::from_le_bytes(b)))),
        Kind::I8 => Tensor::from_f64(shape, numbers(data, |b| i64::from_le_bytes(b) as f64)),
        Kind::U1 => Tensor::from_u8(shape, data.to_vec()),
        Kind::U2 => Tensor::new(shape, numbers(data, |b| f32::from(u16::from_le_bytes(b)))),
        Kind::U4 => Tensor::from_f64(shape, numbers(data, |b| f64::from(u32::from_le_bytes(b)))),
        Kind::U8 => Tensor::from_f64(shape, numbers(data, |b| u64::from_le_bytes(b) as f64)),
    }
}

/// The header and the data behind it.
fn parts(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("expected an array of NumPy (`.npy`), got something else")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or("expected a version, got the end of the file")?;
    let cut = "expected a header, got the end of the file";
    let (len, rest) = match version[0] {
        1 => {
            rest.split_first_chunk::<2>().map(|(len, rest)| (usize::from(u16::from_le_bytes(*len)), rest)).ok_or(cut)?
        }
        2 | 3 => {
            rest.split_first_chunk::<4>().map(|(len, rest)| (u32::from_le_bytes(*len) as usize, rest)).ok_or(cut)?
        }
        other => return Err(format!("expected version 1, 2 or 3 of the format, got {other}")),
    };
    let (header, data) = rest.split_at_checked(len).ok_or(cut)?;
    Ok((std::str::from_utf8(header).map_err(|_| "expected a header of text, got other bytes")?, data))
}

/// The numbers of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    F4,
    F8,
    I1,
    I2,
    I4,
    I8,
    U1,
    U2,
    U4,
    U8,
}

impl Kind {
    fn of(descr: &str) -> Result<Self, String> {
        Ok(match descr {
            "<f4" => Self::F4,
            "<f8" => Self::F8,
            "|i1" => Self::I1,
            "<i2" => Self::I2,
            "<i4" => Self::I4,
            "<i8" => Self::I8,
            "|u1" | "|b1" => Self::U1,
            "<u2" => Self::U2,
            "<u4" => Self::U4,
            "<u8" => Self::U8,
            other => {
                let other = shown(other);
                return Err(format!("expected little-endian numbers, as `<f4`, got `{other}`; save `x.astype('<f4')`"));
            }
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I1 | Self::U1 => 1,
            Self::I2 | Self::U2 => 2,
            Self::F4 | Self::I4 | Self::U4 => 4,
            Self::F8 | Self::I8 | Self::U8 => 8,
        }
    }
}

fn numbers<const N: usize, T>(data: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
}

/// What the header's dictionary says.
struct Header {
    kind: Kind,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let found = text.split_once(&format!("'{key}':")).map(|(_, rest)| rest.trim_start());
            found.ok_or_else(|| format!("expected `{key}`, got nothing of that name"))
        };
        let descr = value("descr")?.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let kind = Kind::of(descr.ok_or("expected one kind of numbers, got a structure")?.0)?;
        if !value("fortran_order")?.starts_with("False") {
            return Err("expected C order, got Fortran order; save `np.ascontiguousarray(x)`".into());
        }
        let shape = value("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let shape = shape.ok_or("expected a shape in brackets")?.0;
        let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
        let shape: Vec<usize> =
            extents.map(|e| e.parse().map_err(|_| "expected whole numbers as a shape")).collect::<Result<_, _>>()?;
        if shape.len() > MOST_AXES {
            return Err(format!("expected at most {MOST_AXES} axes, got {}", shape.len()));
        }
        Ok(Self { kind, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let text = format!("{text:<117}\n");
        [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), data].concat()
    }

    #[test]
    fn numbers_of_all_kinds_are_read() {
        let read = |descr: &str, data: &[u8]| parse_npy(&npy(descr, "(2,)", data), "x").unwrap().to_f64().to_vec();
        assert_eq!(read("<f4", &[1.5f32, -2.0].map(f32::to_le_bytes).concat()), [1.5, -2.0]);
        assert_eq!(read("<f8", &[0.1f64, -2.0].map(f64::to_le_bytes).concat()), [0.1, -2.0]);
        assert_eq!(read("|i1", &[255, 1]), [-1.0, 1.0]);
        assert_eq!(read("|u1", &[255, 1]), [255.0, 1.0]);
        assert_eq!(read("|b1", &[0, 1]), [0.0, 1.0]);
        assert_eq!(read("<i2", &[-300i16, 7].map(i16::to_le_bytes).concat()), [-300.0, 7.0]);
        assert_eq!(read("<u2", &[65_535u16, 7].map(u16::to_le_bytes).concat()), [65_535.0, 7.0]);
        assert_eq!(read("<i4", &[-16_777_217i32, 7].map(i32::to_le_bytes).concat()), [-16_777_217.0, 7.0]);
        assert_eq!(read("<u4", &[u32::MAX, 7].map(u32::to_le_bytes).concat()), [4_294_967_295.0, 7.0]);
        assert_eq!(read("<i8", &[-(1i64 << 53), 7].map(i64::to_le_bytes).concat()), [-9_007_199_254_740_992.0, 7.0]);
        assert_eq!(read("<u8", &[1u64 << 53, 7].map(u64::to_le_bytes).concat()), [9_007_199_254_740_992.0, 7.0]);
        let scalar = parse_npy(&npy("|u1", "()", &[7]), "x").unwrap();
        assert_eq!((scalar.shape().rank(), scalar.to_f32()[0]), (0, 7.0));
        assert_eq!(parse_npy(&npy("|u1", "(0, 3)", &[]), "x").unwrap().shape().dims(), [0, 3]);
    }

    #[test]
    fn what_is_no_such_array_is_refused() {
        let good = npy("|u1", "(2, 2)", &[1, 2, 3, 4]);
        let mut version = good.clone();
        version[6] = 9;
        let order = String::from_utf8_lossy(&good[10..]).replace("False", "True ");
        let order = [&good[..10], order.as_bytes()].concat();
        for (bytes, reason) in [
            (vec![], "expected an array of NumPy"),
            (b"a,b\n1,2\n".to_vec(), "expected an array of NumPy"),
            (good[..7].to_vec(), "expected a version"),
            (good[..9].to_vec(), "expected a header"),
            (good[..50].to_vec(), "expected a header"),
            (good[..good.len() - 1].to_vec(), "expected 4 bytes for its shape, got 3"),
            ([&good[..], &[0]].concat(), "expected 4 bytes for its shape, got 5"),
            (version, "expected version 1, 2 or 3"),
            (order, "expected C order"),
            (npy(">f4", "(1,)", &[0; 4]), "expected little-endian numbers"),
            (npy("<c8", "(1,)", &[0; 8]), "expected little-endian numbers"),
            (npy("|O", "(1,)", &[0; 8]), "expected little-endian numbers"),
            (npy("|u1", "(-1,)", &[0]), "expected whole numbers"),
            (npy("|u1", "(99999999999999999999,)", &[0]), "expected whole numbers"),
            (npy("<f8", "(4611686018427387904, 4)", &[0]), "expected more than there can be"),
            (npy("|u1", &format!("({})", "1, ".repeat(33)), &[0]), "expected at most 32 axes"),
        ] {
            let error = parse_npy(&bytes, "x.npy").unwrap_err();
            assert!(matches!(error, Error::Format { .. }) && error.to_string().contains(reason), "{reason}: {error}");
        }
    }
}
