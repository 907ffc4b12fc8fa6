//! **Defines** attention over segments (PROTOCOL 1.1, 1.3).

use super::precision::{dot, round, rounded};
use super::rows::add_to;
use crate::{AttentionOptions, AttentionPlan, Matrix, Projections, Result};
use std::ops::Range;

/// `softmax(q · kᵀ / √head_width) · v` for every item, head and query. In bf16 the queries, keys,
/// values and exponentials are rounded before they are multiplied; the sum of exponentials is not.
pub(super) fn attention(
    projections: Projections<'_>,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<Matrix> {
    let Projections { queries, keys_values, width } = projections;
    let head_width = width / options.heads;
    let scale = 1.0 / (head_width as f64).sqrt();
    let rounded = |values: &[f32]| rounded(options.precision, values);
    let round = |value: f64| round(options.precision, value);
    let mut out = Matrix::unwritten(queries.rows(), width)?;
    for (item, query_rows) in plan.queries.ranges().enumerate() {
        let keys: Vec<usize> = plan.keys.of(item).iter().cloned().flatten().collect();
        for (place, query_row) in query_rows.clone().enumerate() {
            let hidden = if options.causal { query_rows.len() - 1 - place } else { 0 };
            let seen = &keys[..keys.len() - hidden];
            for columns in (0..options.heads).map(|head| head * head_width..(head + 1) * head_width)
            {
                let q = rounded(&queries.row(query_row)[columns.clone()]);
                let key = |&key: &usize| {
                    rounded(&keys_values.row(key)[projections.first_key()..][columns.clone()])
                };
                let scores = seen.iter().map(|row| scale * dot(&q, &key(row)));
                let exponentials = exponentials(scores.collect());
                let sum: f64 = exponentials.iter().sum();
                for column in columns.clone() {
                    let values: Vec<f32> = seen
                        .iter()
                        .map(|&key| keys_values.row(key)[projections.first_value() + column])
                        .collect();
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

/// With `p` the probabilities and `scale = 1 / √head_width`, of every item and head:
///
/// `d_v = pᵀ · d_out`, `d_p = d_out · vᵀ`, `d_s = scale · p ∘ (d_p − Σ p ∘ d_p)` (the sum of each
/// query), `d_q = d_s · k`, `d_k = d_sᵀ · q`.
///
/// In bf16 both sides of each of these products are rounded, and those of the scores as in
/// [`attention`]; `p` and `d_p` are not where they are multiplied value by value.
pub(super) fn attention_backward(
    queries: &Matrix,
    keys_values: &Matrix,
    d_output: &Matrix,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<(Matrix, Matrix)> {
    let width = queries.width();
    let head_width = width / options.heads;
    let mut d_queries = vec![0.0; queries.values().len()];
    let mut d_keys_values = vec![0.0; keys_values.values().len()];
    for (item, query_rows) in plan.queries.ranges().enumerate() {
        let keys: Vec<usize> = plan.keys.of(item).iter().cloned().flatten().collect();
        for (place, query_row) in query_rows.clone().enumerate() {
            let hidden = if options.causal { query_rows.len() - 1 - place } else { 0 };
            for head in 0..options.heads {
                let query = Query {
                    row: query_row,
                    seen: &keys[..keys.len() - hidden],
                    columns: head * head_width..(head + 1) * head_width,
                    options,
                };
                query.backward(
                    [queries, keys_values, d_output],
                    &mut d_queries,
                    &mut d_keys_values,
                );
            }
        }
    }
    let mut out =
        (Matrix::zeros(queries.rows(), width)?, Matrix::zeros(keys_values.rows(), 2 * width)?);
    add_to(out.0.values_mut(), &d_queries);
    add_to(out.1.values_mut(), &d_keys_values);
    Ok(out)
}

/// One head of one query.
struct Query<'a> {
    row: usize,
    seen: &'a [usize],
    columns: Range<usize>,
    options: AttentionOptions,
}

impl Query<'_> {
    /// Adds what this query gives to the sums, `[query rows, width]` and `[key rows, 2 · width]`.
    fn backward(
        &self,
        [queries, keys_values, d_output]: [&Matrix; 3],
        d_queries: &mut [f64],
        d_keys_values: &mut [f64],
    ) {
        let width = queries.width();
        let value_columns = width + self.columns.start..width + self.columns.end;
        let rounded = |values: &[f32]| rounded(self.options.precision, values);
        let round = |value: f64| round(self.options.precision, value);
        let key = |row: usize| rounded(&keys_values.row(row)[self.columns.clone()]);
        let value = |row: usize| rounded(&keys_values.row(row)[value_columns.clone()]);
        let scale = 1.0 / (self.columns.len() as f64).sqrt();
        let q = rounded(&queries.row(self.row)[self.columns.clone()]);
        let d_out = rounded(&d_output.row(self.row)[self.columns.clone()]);

        let scores = self.seen.iter().map(|&row| scale * dot(&q, &key(row))).collect();
        let exponentials = exponentials(scores);
        let sum: f64 = exponentials.iter().sum();
        let p: Vec<f64> = exponentials.iter().map(|e| e / sum).collect();
        let d_p: Vec<f64> = self.seen.iter().map(|&row| dot(&d_out, &value(row))).collect();
        let mean: f64 = p.iter().zip(&d_p).map(|(p, d_p)| p * d_p).sum();
        for ((&row, p), d_p) in self.seen.iter().zip(&p).zip(&d_p) {
            let d_s = round(scale * p * (d_p - mean));
            let k = key(row);
            for (place, column) in self.columns.clone().enumerate() {
                let key_place = row * 2 * width + column;
                d_queries[self.row * width + column] += d_s * f64::from(k[place]);
                d_keys_values[key_place] += d_s * f64::from(q[place]);
                d_keys_values[key_place + width] += round(*p) * f64::from(d_out[place]);
            }
        }
    }
}
