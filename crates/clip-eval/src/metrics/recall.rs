//! What retrieval is scored by.

use super::error::MetricError;

/// Figures of one direction of retrieval.
#[derive(Debug, Clone, PartialEq)]
pub struct Recalls {
    /// How many queries.
    pub queries: usize,
    /// Share of queries with a true match in first place.
    pub recall_at_1: f64,
    /// Among the first five.
    pub recall_at_5: f64,
    /// Among the first ten.
    pub recall_at_10: f64,
    /// Mean of 1 / rank.
    pub mean_reciprocal_rank: f64,
    /// Of an even number the mean of the middle two.
    pub median_rank: f64,
    /// Mean of the ranks.
    pub mean_rank: f64,
}

/// Share of queries whose best true match is among the first `k`.
///
/// - `ranks`: of the best true match of each query, from **1**
///
/// # Errors
/// There are no queries.
pub fn recall_at(ranks: &[u32], k: u32) -> Result<f64, MetricError> {
    match ranks.len() {
        0 => Err(MetricError::NoItems),
        queries => Ok(ranks.iter().filter(|&&rank| rank <= k).count() as f64 / queries as f64),
    }
}

/// All figures of one direction.
///
/// - `ranks`: of the best true match of each query, from **1**
///
/// # Errors
/// There are no queries.
pub fn recalls(ranks: &[u32]) -> Result<Recalls, MetricError> {
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let middle = |at: usize| sorted.get(at).copied().map(f64::from).ok_or(MetricError::NoItems);
    let median_rank =
        (middle(sorted.len().saturating_sub(1) / 2)? + middle(sorted.len() / 2)?) / 2.0;
    let mean = |value: fn(f64) -> f64| {
        sorted.iter().map(|&rank| value(f64::from(rank))).sum::<f64>() / sorted.len() as f64
    };
    Ok(Recalls {
        queries: ranks.len(),
        recall_at_1: recall_at(ranks, 1)?,
        recall_at_5: recall_at(ranks, 5)?,
        recall_at_10: recall_at(ranks, 10)?,
        mean_reciprocal_rank: mean(f64::recip),
        median_rank,
        mean_rank: mean(|rank| rank),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(recalls(&[9, 1, 4, 2]).unwrap().median_rank, 3.0);
        assert_eq!(recalls(&[9, 1, 4]).unwrap().median_rank, 4.0);
        assert_eq!(recalls(&[]), Err(MetricError::NoItems));
    }
}
