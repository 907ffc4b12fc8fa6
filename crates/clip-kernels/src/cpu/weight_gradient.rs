//! `dyᵀ · x`: the gradient of a weight. Columns of `dy` are the left rows, `x` is packed as the
//! right side, and rows of both are what is summed over.
//!
//! Order of every sum: blocks of at most [`KC`] words of rows, all about the same length, each one
//! chain from zero, added in order to what is there. It depends on the number of rows alone;
//! threads share the output.

use super::gemm::{KC, Lhs, PackedWeight, Rhs, TileEpilogue, count_words, inputs_of_word, product};
use super::isa::Isa;
use crate::{Matrix, Precision, Result};
use std::ops::Range;

/// Adds `dyᵀ · x`.
///
/// - `x`: as many rows as `dy` has, of `inputs` values
/// - `gradient`: `[width of dy, inputs]`
pub(super) fn weight_gradient(
    isa: Isa,
    dy: &Matrix,
    x: Lhs<'_>,
    inputs: usize,
    precision: Precision,
    gradient: &mut [f32],
) -> Result<()> {
    for block in blocks(dy.rows(), precision) {
        let columns = &dy.values()[block.start * dy.width()..];
        let x = Rhs { rows: x, inputs: block, outputs: inputs };
        let x = PackedWeight::pack_rows(isa, &x, precision)?;
        let lhs = Lhs::Columns { values: columns, stride: dy.width() };
        let epilogue = TileEpilogue { accumulate: true, ..TileEpilogue::NONE };
        product(isa, lhs, dy.width(), x.panels(), gradient, epilogue);
    }
    Ok(())
}

/// The rows that are summed up in registers, block after block.
fn blocks(rows: usize, precision: Precision) -> impl Iterator<Item = Range<usize>> {
    let (words, rows_of_word) = (count_words(precision, rows), inputs_of_word(precision));
    let blocks = words.div_ceil(KC);
    (0..blocks).map(move |block| {
        let (start, end) = (block * words / blocks, (block + 1) * words / blocks);
        start * rows_of_word..rows.min(end * rows_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_rows_and_begin_with_a_word() {
        for (rows, precision) in [0, 1, 1024, 1025, 2049, 5001]
            .into_iter()
            .flat_map(|rows| [(rows, Precision::F32), (rows, Precision::Bf16)])
        {
            let mut end = 0;
            for block in blocks(rows, precision) {
                assert_eq!(block.start, end);
                assert!(block.start.is_multiple_of(inputs_of_word(precision)));
                assert!((1..=KC).contains(&count_words(precision, block.len())));
                end = block.end;
            }
            assert_eq!(end, rows);
        }
    }
}
