//! **Defines** the losses over similarities (PROTOCOL 2.3) and their gradients.

use super::precision::dot;
use super::rows::add_to;
use crate::{Device, Matrix, Result, SimilarityLoss, Targets};

/// `weight · Σ` over the queries of `−Σ t · log softmax(scale · q · kᵀ)`, `t` the query's share of
/// each key. With respect to a logit: `weight · (softmax − t)`.
pub(super) fn cross_entropy<D: Device<Rows = Matrix>>(
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    targets: Targets<'_, D>,
    weight: f64,
) -> Result<SimilarityLoss<D>> {
    similarity_loss(queries, keys, scale, targets, |cosines, shares| {
        let logits: Vec<f64> = cosines.iter().map(|cosine| f64::from(scale) * cosine).collect();
        let log_sum = log_sum_exp(&logits);
        let pairs = logits.iter().zip(shares);
        let loss: f64 = pairs.clone().map(|(logit, share)| share * (log_sum - logit)).sum();
        let d_logit = |(logit, share): (&f64, &f64)| weight * ((logit - log_sum).exp() - share);
        (weight * loss, pairs.map(d_logit).collect())
    })
}

/// `−weight · Σ log sigmoid(s · (scale · q · k + bias))` over all pairs, `s` 1 where the query
/// belongs to the key, else −1. With respect to a logit: `−weight · s · sigmoid(−s · logit)`.
pub(super) fn sigmoid_loss<D: Device<Rows = Matrix>>(
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    bias: f32,
    targets: Targets<'_, D>,
    weight: f64,
) -> Result<SimilarityLoss<D>> {
    similarity_loss(queries, keys, scale, targets, |cosines, shares| {
        let mut loss = 0.0;
        let d_logits = cosines.iter().zip(shares).map(|(cosine, &share)| {
            let sign = if share > 0.0 { 1.0 } else { -1.0 };
            let signed = sign * (f64::from(scale) * cosine + f64::from(bias));
            loss += weight * softplus(-signed);
            -weight * sign / (1.0 + signed.exp())
        });
        let d_logits = d_logits.collect();
        (loss, d_logits)
    })
}

/// - `of_query`: from a query's cosines and its shares of the keys to its loss and the gradient of
///   its logits `scale · cosine + bias`
fn similarity_loss<D: Device<Rows = Matrix>>(
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    targets: Targets<'_, D>,
    of_query: impl Fn(&[f64], &[f64]) -> (f64, Vec<f64>),
) -> Result<SimilarityLoss<D>> {
    let (scale, width) = (f64::from(scale), queries.width());
    let (mut loss, mut d_scale, mut d_bias, mut correct) = (0.0, 0.0, 0.0, 0);
    let mut d_queries = vec![0.0; queries.values().len()];
    let mut d_keys = vec![0.0; keys.values().len()];
    for query in 0..queries.rows() {
        let row = queries.row(query);
        let cosines: Vec<f64> = (0..keys.rows()).map(|key| dot(row, keys.row(key))).collect();
        let shares = shares(targets, query, keys.rows());
        let (loss_of_query, d_logits) = of_query(&cosines, &shares);
        loss += loss_of_query;
        correct += usize::from(finds_its_key(targets, &cosines, &shares));
        for (key, (d_logit, cosine)) in d_logits.iter().zip(&cosines).enumerate() {
            d_scale += d_logit * cosine;
            d_bias += d_logit;
            for column in 0..width {
                d_queries[query * width + column] +=
                    scale * d_logit * f64::from(keys.row(key)[column]);
                d_keys[key * width + column] += scale * d_logit * f64::from(row[column]);
            }
        }
    }
    let (mut out_queries, mut out_keys) =
        (Matrix::zeros(queries.rows(), width)?, Matrix::zeros(keys.rows(), width)?);
    add_to(out_queries.values_mut(), &d_queries);
    add_to(out_keys.values_mut(), &d_keys);
    Ok(SimilarityLoss { loss, d_queries: out_queries, d_keys: out_keys, d_scale, d_bias, correct })
}

/// How much of a query belongs to each key; the sum is 1.
fn shares<D: Device<Rows = Matrix>>(
    targets: Targets<'_, D>,
    query: usize,
    keys: usize,
) -> Vec<f64> {
    let mut shares = vec![0.0; keys];
    match targets {
        Targets::Diagonal { first } => shares[first + query] = 1.0,
        Targets::Positives(positives) => {
            for &key in &positives[query] {
                shares[key] = 1.0 / positives[query].len() as f64;
            }
        }
        Targets::Teacher { queries, keys, scale } => {
            let row = queries.row(query);
            for (key, share) in shares.iter_mut().enumerate() {
                *share = f64::from(scale) * dot(row, keys.row(key));
            }
            let log_sum = log_sum_exp(&shares);
            shares.iter_mut().for_each(|share| *share = (*share - log_sum).exp());
        }
    }
    shares
}

/// Whether the nearest key is one that the query belongs to: for a teacher its own nearest.
fn finds_its_key<D: Device>(targets: Targets<'_, D>, cosines: &[f64], shares: &[f64]) -> bool {
    let Some(nearest) = first_largest(cosines) else { return false };
    match targets {
        Targets::Teacher { .. } => first_largest(shares) == Some(nearest),
        _ => shares[nearest] > 0.0,
    }
}

/// The place of the largest value, of equals the first; nothing where none is a number.
fn first_largest(values: &[f64]) -> Option<usize> {
    let numbers = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    numbers.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(place, _)| place)
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// `log(1 + eˣ)`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
