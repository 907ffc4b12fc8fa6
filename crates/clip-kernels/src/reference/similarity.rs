//! **Defines** similarity and the order of its best (PROTOCOL 1.4).

use super::linear::dot;
use crate::{Match, Matrix};
use std::cmp::Ordering;

/// `scale · left · rightᵀ`.
pub(super) fn similarity(left: &Matrix, right: &Matrix, scale: f32) -> Matrix {
    let mut out = Matrix::zeros(left.rows(), right.rows());
    for row in 0..left.rows() {
        for column in 0..right.rows() {
            let cosine = dot(left.row(row), right.row(column));
            out.row_mut(row)[column] = (f64::from(scale) * cosine) as f32;
        }
    }
    out
}

/// The `k` best scores of one row: higher first, then lower index; NaN last.
pub(super) fn top_k(scores: &[f32], k: usize) -> Vec<Match> {
    let mut matches: Vec<Match> =
        scores.iter().enumerate().map(|(index, &score)| Match { index, score }).collect();
    matches.sort_by(better_first);
    matches.truncate(k);
    matches
}

/// The order of [`top_k`]: total, so that every way to select gives the same answer.
pub(crate) fn better_first(a: &Match, b: &Match) -> Ordering {
    let nan_last = a.score.is_nan().cmp(&b.score.is_nan());
    let higher = b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal);
    nan_last.then(higher).then(a.index.cmp(&b.index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_go_by_index_and_nan_comes_last() {
        let best = top_k(&[0.5, f32::NAN, 0.7, 0.5], 9);
        assert_eq!(best.iter().map(|m| m.index).collect::<Vec<_>>(), [2, 0, 3, 1]);
        assert_eq!(top_k(&[], 3), []);
    }
}
