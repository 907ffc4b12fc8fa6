//! Sigmoid loss: every pair for itself, in f64. Its cost is nothing beside the towers': 30 ns a
//! pair.

use super::targets::Pairs;
use super::{OfQuery, gradient, total};
use crate::cpu::isa::Isa;
use crate::{Device, Matrix, Result, SimilarityLoss, Targets};

/// `−weight · Σ log sigmoid(s · (scale · q · k + bias))`, `s` 1 for pairs, else −1.
#[allow(clippy::too_many_arguments, reason = "what the operation takes")]
pub(in crate::cpu) fn sigmoid_loss<D: Device<Rows = Matrix>>(
    isa: Isa,
    queries: &Matrix,
    keys: &Matrix,
    scale: f32,
    bias: f32,
    targets: Targets<'_, D>,
    weight: f64,
) -> Result<SimilarityLoss<D>> {
    let [of_queries, of_keys] = Pairs::of(targets, queries.rows(), keys.rows());
    let row = |pairs: &Pairs, row: usize, cosines: &mut [f32]| {
        let row = Row { scale: f64::from(scale), bias: f64::from(bias), weight, pairs, row };
        row.d_logits(cosines)
    };
    let mut results = vec![OfQuery::default(); queries.rows()];
    let sides = [queries, keys];
    let d_queries = gradient(isa, sides, None, &mut results, |result, query, cosines, _| {
        *result = row(&of_queries, query, cosines);
    })?;
    let mut nothing = vec![(); keys.rows()];
    let sides = [keys, queries];
    let d_keys = gradient(isa, sides, None, &mut nothing, |(), key, cosines, _| {
        row(&of_keys, key, cosines);
    })?;
    Ok(total(results.into_iter(), d_queries, d_keys))
}

/// A query with all keys, or a key with all queries.
struct Row<'a> {
    scale: f64,
    bias: f64,
    weight: f64,
    pairs: &'a Pairs,
    row: usize,
}

impl Row<'_> {
    /// Cosines to `scale` times the gradient of the logits.
    fn d_logits(&self, cosines: &mut [f32]) -> OfQuery {
        let mut sums = OfQuery::default();
        let (mut nearest, mut largest) = (None, f32::NEG_INFINITY);
        let mut pairs = self.pairs.of_row(self.row).iter().peekable();
        for (place, cosine) in cosines.iter_mut().enumerate() {
            if *cosine > largest {
                (nearest, largest) = (Some(place), *cosine);
            }
            let is_pair = pairs.next_if(|(pair, _)| *pair == place).is_some();
            let sign = if is_pair { 1.0 } else { -1.0 };
            let signed = sign * (self.scale * f64::from(*cosine) + self.bias);
            // log(1 + e^−x) and its derivative, from the same exponential on either side.
            let exponential = (-signed.abs()).exp();
            let share = if signed > 0.0 { exponential } else { 1.0 } / (1.0 + exponential);
            let d_logit = -self.weight * sign * share;
            sums.loss += self.weight * ((-signed).max(0.0) + exponential.ln_1p());
            sums.d_scale += d_logit * f64::from(*cosine);
            sums.d_bias += d_logit;
            *cosine = (self.scale * d_logit) as f32;
        }
        sums.is_correct = nearest.is_some_and(|place| self.pairs.contains(self.row, place));
        sums
    }
}
