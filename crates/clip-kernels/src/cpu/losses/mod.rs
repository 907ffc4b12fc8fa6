//! Losses over similarities and their gradients: never all similarities at once.
//!
//! ```text
//! some queries   cosines with all keys ─▶ loss, what a softmax needs ─▶ d_logits ─▶ d_queries
//! some keys      cosines with all queries, once more ─────────────────▶ d_logits ─▶ d_keys
//! ```
//!
//! That is one product more than if `d_keys` were gathered from the blocks of queries, but each row
//! of both gradients is a product of its own: no order of sums depends on blocks or threads.

mod cross_entropy;
mod sigmoid;
mod targets;

pub(super) use cross_entropy::cross_entropy;
pub(super) use sigmoid::sigmoid_loss;

use super::gemm::{Lhs, PackedWeight, Rhs, TileEpilogue, Use, product};
use super::isa::Isa;
use super::rows_of;
use super::target::Target;
use super::thread_team;
use crate::{Device, Matrix, MatrixView, Precision, Result, SimilarityLoss};

/// Rows whose similarities exist at a time.
const ROWS: usize = 192;

/// What a query gives to the loss.
#[derive(Debug, Clone, Copy, Default)]
struct OfQuery {
    loss: f64,
    d_scale: f64,
    d_bias: f64,
    is_correct: bool,
}

/// Sums of all queries, in order.
fn total<D: Device<Rows = Matrix>>(
    queries: impl Iterator<Item = OfQuery>,
    d_queries: Matrix,
    d_keys: Matrix,
) -> SimilarityLoss<D> {
    let (mut loss, mut d_scale, mut d_bias, mut correct) = (0.0, 0.0, 0.0, 0);
    for query in queries {
        loss += query.loss;
        d_scale += query.d_scale;
        d_bias += query.d_bias;
        correct += usize::from(query.is_correct);
    }
    SimilarityLoss { loss, d_queries, d_keys, d_scale, d_bias, correct }
}

/// `d_logits · right`, `[rows of left, width]`, for a block of rows of `left` after the other.
///
/// - `others`: two more matrices with as many rows, whose cosines are wanted as well
/// - `of_rows`: a result for each row of `left`
/// - `d_logits`: turns a row's cosines with all rows of `right` into `scale` times the gradient of
///   its logits; gets the row's result, its place, its cosines and those of the others
fn gradient<T: Send>(
    isa: Isa,
    [left, right]: [&Matrix; 2],
    others: Option<[&Matrix; 2]>,
    of_rows: &mut [T],
    d_logits: impl Fn(&mut T, usize, &mut [f32], &mut [f32]) + Sync,
) -> Result<Matrix> {
    let (width, count) = (left.width(), right.rows());
    if count == 0 {
        return Matrix::zeros(left.rows(), width);
    }
    let of_right = columns_of(isa, right)?;
    let of_others = others.map(|[_, right]| columns_of(isa, right)).transpose()?;
    let values = Rhs { rows: rows_of(right), inputs: 0..count, outputs: width };
    let values = PackedWeight::pack_rows(isa, &values, Precision::F32)?;
    let mut out = Matrix::unwritten(left.rows(), width)?;
    for (block, of_rows) in of_rows.chunks_mut(ROWS).enumerate() {
        let (first, rows) = (block * ROWS, of_rows.len());
        let mut cosines = cosines(isa, left, first, rows, &of_right)?;
        let mut more = match (others, &of_others) {
            (Some([left, _]), Some(right)) => Some(self::cosines(isa, left, first, rows, right)?),
            _ => None,
        };
        let results = Target::new(of_rows, rows);
        let targets = [Some(&mut cosines), more.as_mut()]
            .map(|matrix| matrix.map(|matrix| Target::new(matrix.values_mut(), count)));
        thread_team::for_each(rows, |row| {
            // SAFETY: each row is one task's.
            let (result, [cosines, more]) = unsafe {
                (
                    results.part(0, row..row + 1),
                    targets.map(|target| match target {
                        Some(target) => target.part(row, 0..count),
                        None => &mut [],
                    }),
                )
            };
            d_logits(&mut result[0], first + row, cosines, more);
        });
        let out = &mut out.values_mut()[first * width..(first + rows) * width];
        product(isa, rows_of(&cosines), rows, values.panels(), out, TileEpilogue::NONE);
    }
    Ok(out)
}

/// The rows of a matrix as outputs of a product.
fn columns_of(isa: Isa, rows: &Matrix) -> Result<PackedWeight> {
    let view = MatrixView::output_major(rows.values(), rows.rows(), rows.width());
    PackedWeight::pack(isa, view, Precision::F32, Use::Once)
}

/// Some rows times all rows of another matrix.
fn cosines(
    isa: Isa,
    left: &Matrix,
    first: usize,
    rows: usize,
    right: &PackedWeight,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(rows, right.outputs())?;
    let values = &left.values()[first * left.width()..];
    let lhs = Lhs::Rows { values, stride: left.width(), column: 0 };
    product(isa, lhs, rows, right.panels(), out.values_mut(), TileEpilogue::NONE);
    Ok(out)
}
