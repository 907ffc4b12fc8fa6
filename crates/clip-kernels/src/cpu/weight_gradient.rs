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
        let x = PackedWeight::pack_rows_once(isa, &x, precision)?;
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
    use crate::reference::round_to_bf16;
    use clip_testing::values;

    fn matrix(rows: usize, width: usize, seed: u32) -> Matrix {
        Matrix::new(values(rows * width, seed), width)
    }

    /// Sums in f64, added to the gradient that is there.
    fn expected(dy: &Matrix, x: &Matrix, precision: Precision, gradient: &[f32]) -> Vec<f32> {
        let read = |value: f32| match precision {
            Precision::Bf16 => f64::from(round_to_bf16(value)),
            _ => f64::from(value),
        };
        let sum = |place: usize| {
            let (output, input) = (place / x.width(), place % x.width());
            let products =
                (0..x.rows()).map(|row| read(dy.row(row)[output]) * read(x.row(row)[input]));
            (f64::from(gradient[place]) + products.sum::<f64>()) as f32
        };
        (0..gradient.len()).map(sum).collect()
    }

    #[test]
    fn equals_its_definition_with_the_same_bits_on_any_number_of_threads() {
        let shapes = [
            (0, 3, 5),
            (1, 1, 1),
            (7, 33, 31),
            (50, 100, 65),
            (33, 16, 64),
            (1030, 20, 40),
            (4099, 5, 3),
        ];
        for ((rows, outputs, inputs), precision) in
            shapes.into_iter().flat_map(|s| [Precision::F32, Precision::Bf16].map(|p| (s, p)))
        {
            let (dy, x) = (matrix(rows, outputs, 1), matrix(rows, inputs, 2));
            let before = values(outputs * inputs, 3);
            let expected = expected(&dy, &x, precision, &before);
            for isa in Isa::available() {
                let case = format!("{} {precision:?} {rows} {outputs} {inputs}", isa.name());
                let found = [1, 2, 3].map(|threads| {
                    let pool =
                        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let mut gradient = before.clone();
                    let rows = Lhs::Rows { values: x.values(), stride: inputs, column: 0 };
                    pool.install(|| {
                        weight_gradient(isa, &dy, rows, inputs, precision, &mut gradient).unwrap();
                    });
                    gradient
                });
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&found[0]), bits(&found[1]), "{case}");
                assert_eq!(bits(&found[0]), bits(&found[2]), "{case}");
                let tolerance = 1e-6 * (rows as f32).sqrt().max(4.0);
                for (place, (a, b)) in found[0].iter().zip(&expected).enumerate() {
                    assert!((a - b).abs() <= tolerance, "{case}, {place}: {a} against {b}");
                }
            }
        }
    }
}
