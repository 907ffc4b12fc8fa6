//! **Defines** attention over segments (PROTOCOL 1.1, 1.3).

use super::precision::{dot, round_to_bf16};
use crate::{AttentionOptions, AttentionPlan, Matrix, Precision, Result};

/// `softmax(q · kᵀ / √head_width) · v` for every item, head and query. In bf16 the queries, keys,
/// values and exponentials are rounded before they are multiplied; the sum of exponentials is not.
pub(super) fn attention(
    queries: &Matrix,
    keys_values: &Matrix,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<Matrix> {
    let width = queries.width();
    let head_width = width / options.heads;
    let scale = 1.0 / (head_width as f64).sqrt();
    let rounded = |values: &[f32]| match options.precision {
        Precision::F32 => values.to_vec(),
        _ => values.iter().map(|&value| round_to_bf16(value)).collect(),
    };
    let round = |value: f64| match options.precision {
        Precision::F32 => value,
        _ => f64::from(round_to_bf16(value as f32)),
    };
    let mut out = Matrix::unwritten(queries.rows(), width)?;
    for (item, query_rows) in plan.queries.ranges().enumerate() {
        let keys: Vec<usize> = plan.keys.of(item).iter().cloned().flatten().collect();
        for (place, query_row) in query_rows.clone().enumerate() {
            let hidden = if options.causal { query_rows.len() - 1 - place } else { 0 };
            let seen = &keys[..keys.len() - hidden];
            for columns in (0..options.heads).map(|head| head * head_width..(head + 1) * head_width)
            {
                let q = rounded(&queries.row(query_row)[columns.clone()]);
                let key = |&key: &usize| rounded(&keys_values.row(key)[columns.clone()]);
                let scores = seen.iter().map(|row| scale * dot(&q, &key(row)));
                let exponentials = exponentials(scores.collect());
                let sum: f64 = exponentials.iter().sum();
                for column in columns.clone() {
                    let values: Vec<f32> =
                        seen.iter().map(|&key| keys_values.row(key)[width + column]).collect();
                    let terms = exponentials.iter().zip(rounded(&values));
                    let weighted: f64 = terms.map(|(&e, value)| round(e) * f64::from(value)).sum();
                    out.row_mut(query_row)[column] =
                        if seen.is_empty() { 0.0 } else { (weighted / sum) as f32 };
                }
            }
        }
    }
    Ok(out)
}

/// `exp(s − largest)`.
fn exponentials(scores: Vec<f64>) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter().map(|score| (score - largest).exp()).collect()
}
