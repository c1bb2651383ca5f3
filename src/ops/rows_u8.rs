//! Rows of a batch from resident data of bytes: a quarter of the memory of f32.

use crate::error::{Error, Result};
use crate::graph::{
    Args, Buffer, Builder, Float, Launch, Measure, Node, OpDef, Site, Tolerance, Value, Variant, shader,
};
use crate::ops::arity;
use crate::ops::case::{Case, Domain, EDGES};
use crate::ops::rows::{checked_permutation, gathering, row_of};
use crate::shape::{Dtype, Shape, Type};

/// Bytes in a word.
const PACKED: usize = 4;

/// The op `y[i] = bytes of the row permutation[step · batch + i] of data`, as f32 from 0 to 255, or as u32.
///
/// data u32 `[rows, ⌈row / 4⌉]`, four bytes in a word and the lowest first ([`pack_rows`]), permutation u32 `[n]`,
/// y `[batch, …row]`. Rows that do not count are 0; an index out of range sets the flag, and its row is 0.
#[derive(Clone, Debug)]
pub struct RowGatherU8 {
    /// Rows of a batch.
    pub batch: usize,
    /// A row of them, and whether it is f32 or u32.
    pub row: Type,
}

/// The type of the data for rows of bytes.
pub fn packed_rows(rows: usize, row: &Shape) -> Type {
    Type::u32([rows, row.len().div_ceil(PACKED)])
}

/// Rows of `width` bytes as [`RowGatherU8`] reads them: each begins with a word of its own.
pub fn pack_rows(bytes: &[u8], width: usize) -> Vec<u32> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
    bytes.chunks(width.max(1)).flat_map(|row| row.chunks(PACKED).map(word)).collect()
}

/// The rows of this step's batch, from data of type [`packed_rows`].
///
/// # Errors
/// [`Error::Shape`] where the data is not of that type, or the permutation is not u32 `[n]`.
pub fn row_gather_u8(g: &Builder, data: Value, permutation: Value, batch: usize, row: Type) -> Result<Value> {
    g.op1(RowGatherU8 { batch, row }, &[data, permutation])
}

impl OpDef for RowGatherU8 {
    fn name(&self) -> &str {
        "row_gather_u8"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Vec<Type>> {
        let [data, permutation] = arity("row_gather_u8", inputs)?;
        let rows = data.shape.dims().first().copied().unwrap_or(0);
        let wanted = packed_rows(rows, &self.row.shape);
        if *data != wanted {
            return Err(Error::shape("row_gather_u8", format!("data as {wanted}"), data));
        }
        checked_permutation("row_gather_u8", permutation)?;
        Ok(vec![Type { shape: self.row.shape.with_batch(self.batch), dtype: self.row.dtype, batched: true }])
    }

    fn gradient(&self, _: &Builder, _: &Node, _: &[Option<Value>]) -> Result<Vec<Option<Value>>> {
        Ok(vec![None, None])
    }

    fn cpu<F: Float>(&self, args: Args<'_, F>) -> Result<()> {
        let data = args.inputs.indices(0);
        let (width, words, rows) =
            (self.row.shape.len(), self.row.shape.len().div_ceil(PACKED), args.types[0].shape.dims()[0]);
        for i in 0..self.batch {
            let counts = i < args.step.rows();
            let row = if counts { row_of(args.step, args.inputs.indices(1), self.batch, rows, i) } else { None };
            for j in 0..width {
                let word = row.map_or(0, |row| data[row * words + j / PACKED]);
                let byte = word >> (8 * (j % PACKED)) & 0xff;
                match &mut args.outputs[0] {
                    Buffer::Float(y) => y[i * width + j] = F::of(f64::from(byte)),
                    Buffer::Index(y) => y[i * width + j] = byte,
                }
            }
        }
        Ok(())
    }

    fn measure(&self) -> Measure {
        Measure::Equal
    }

    fn tolerance(&self, case: &Tolerance<'_>) -> Vec<Vec<f64>> {
        case.equal()
    }

    fn variants(&self, site: &Site<'_>) -> Result<Vec<Variant>> {
        let launch = Launch::new(shader!("row_gather_u8.wgsl")).flag("INTEGERS", self.row.dtype == Dtype::U32);
        let launch = gathering(launch, site).size("words", site.inputs[0].shape.without_batch().len());
        Ok(Variant::only(launch))
    }
}

/// Cases of awkward widths, so that rows end anywhere in a word, with batches of fewer rows.
pub fn cases() -> Vec<Case> {
    let case = |row: Type, n: usize, batch: usize, rows: usize| {
        let data = packed_rows(n, &row.shape);
        Case::new(RowGatherU8 { batch, row }, [data, Type::u32([2 * batch])])
            .domain(0, Domain::Index(u32::MAX as usize))
            .domain(1, Domain::Index(n))
            .rows(rows, batch)
            .step(1)
    };
    let edges = EDGES.iter().filter(|&&n| n > 0).flat_map(|&n| {
        let images = [Type::f32([n]), Type::f32([3, n]), Type::u32([n])].map(|row| case(row, 5, 3, 2));
        images.into_iter().chain([case(Type::f32([5]), n, n, n - n / 3)])
    });
    // More than 65,535 workgroups.
    edges.chain([case(Type::f32([65_537]), 2, 65, 64).brief()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_begins_with_a_word_of_its_own() {
        let bytes: Vec<u8> = (1..=10).collect();
        assert_eq!(pack_rows(&bytes, 5), [0x0403_0201, 5, 0x0908_0706, 10]);
        assert_eq!(packed_rows(2, &Shape::from([5])), Type::u32([2, 2]));
        assert!(pack_rows(&[], 0).is_empty());
    }
}
