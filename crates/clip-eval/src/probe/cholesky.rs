//! The inverse of the Cholesky factor of a small symmetric matrix, in f64 on all threads.

use rayon::prelude::*;

/// Columns whose entries above are done before the rows below begin.
const BLOCK: usize = 48;
const LANES: usize = 8;

/// The transposed inverse of `L`, where `L·Lᵀ` is this matrix `[side, side]`: row `j` holds column
/// `j` of `L⁻¹`. None where the matrix is not positive definite.
pub(super) fn inverse_factor(mut matrix: Vec<f64>, side: usize) -> Option<Vec<f64>> {
    for start in (0..side).step_by(BLOCK) {
        let end = side.min(start + BLOCK);
        let (done, below) = matrix.split_at_mut(end * side);
        for row in start..end {
            let (above, this) = done.split_at_mut(row * side);
            finish_row(above, &mut this[..side], start..row, side);
            let rest = this[row] - dot(&this[..row], &this[..row]);
            this[row] = (rest > 0.0).then(|| rest.sqrt())?;
        }
        below.par_chunks_mut(side).for_each(|row| finish_row(done, row, start..end, side));
    }
    Some(invert(&matrix, side))
}

/// The entries of some columns of a row of `L`, from the rows above it.
fn finish_row(above: &[f64], row: &mut [f64], columns: std::ops::Range<usize>, side: usize) {
    for column in columns {
        let pivot = &above[column * side..column * side + column + 1];
        row[column] = (row[column] - dot(&row[..column], &pivot[..column])) / pivot[column];
    }
}

/// Solves `L · v = e_j` for every `j`.
fn invert(factor: &[f64], side: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; side * side];
    inverse.par_chunks_mut(side).enumerate().for_each(|(start, v)| {
        v[start] = 1.0 / factor[start * side + start];
        for row in start + 1..side {
            let left = &factor[row * side..];
            v[row] = -dot(&left[start..row], &v[start..row]) / left[row];
        }
    });
    inverse
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    let (left_chunks, left_rest) = left.as_chunks::<LANES>();
    let (right_chunks, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_factor_turns_its_matrix_into_the_identity() {
        for side in [1, 2, 7, 48, 49, 131] {
            let entry = |row: usize, column: usize| {
                ((row * 7919 + column * 104_729) % 2003) as f64 / 2003.0
            };
            let mut matrix = vec![0.0; side * side];
            for row in 0..side {
                for column in 0..side {
                    let sum: f64 = (0..side).map(|k| entry(row, k) * entry(column, k)).sum();
                    matrix[row * side + column] = sum + if row == column { 1.0 } else { 0.0 };
                }
            }
            let columns = inverse_factor(matrix.clone(), side).unwrap();
            let inverse = |row: usize, column: usize| columns[column * side + row];
            for row in 0..side {
                for column in 0..=row {
                    let value: f64 = (0..side)
                        .flat_map(|k| (0..side).map(move |l| (k, l)))
                        .map(|(k, l)| inverse(row, k) * matrix[k * side + l] * inverse(column, l))
                        .sum();
                    let expected = if row == column { 1.0 } else { 0.0 };
                    assert!(
                        (value - expected).abs() < 1e-9,
                        "side {side}, {row}, {column}: {value}"
                    );
                }
            }
        }
        assert!(inverse_factor(vec![1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
