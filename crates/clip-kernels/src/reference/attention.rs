//! **Defines** attention over segments (PROTOCOL 1.1, 1.3).

use super::linear::dot;
use crate::{AttentionShape, Matrix};

/// `softmax(q · kᵀ / √head_width) · v` for every item, head and query.
pub(super) fn attention(queries: &Matrix, keys_values: &Matrix, shape: AttentionShape<'_>) -> Matrix {
    let width = queries.width();
    let head_width = width / shape.heads;
    let scale = 1.0 / (head_width as f64).sqrt();
    let mut out = Matrix::zeros(queries.rows(), width);
    for (query_rows, key_rows) in shape.queries.ranges().zip(shape.keys.ranges()) {
        for (place, query_row) in query_rows.clone().enumerate() {
            let hidden = if shape.causal { query_rows.len() - 1 - place } else { 0 };
            let seen = key_rows.start..key_rows.end - hidden;
            for head in 0..shape.heads {
                let columns = head * head_width..(head + 1) * head_width;
                let q = &queries.row(query_row)[columns.clone()];
                let scores = seen.clone().map(|key| scale * dot(q, &keys_values.row(key)[columns.clone()]));
                let probabilities = softmax(scores.collect());
                for column in columns {
                    let values = seen.clone().map(|key| f64::from(keys_values.row(key)[width + column]));
                    let mean: f64 = probabilities.iter().zip(values).map(|(p, v)| p * v).sum();
                    out.row_mut(query_row)[column] = mean as f32;
                }
            }
        }
    }
    out
}

/// `exp(s) / Σ exp(s)`, the largest score taken off first.
fn softmax(scores: Vec<f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}
