//! The greatest scores.

/// Positions of the `k` greatest scores, greatest first, of equal ones the lower position first.
pub fn top_k(scores: &[f32], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // Stable: of equal scores the lower position stays first. Adding 0.0 makes -0.0 equal to 0.0.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    order.truncate(k);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_scores_the_lowest_position_is_first() {
        assert_eq!(top_k(&[0.5, 0.7, 0.7, 0.5, 0.7, 0.1], 4), [1, 2, 4, 0]);
        assert_eq!(top_k(&[0.0, -0.0, 0.0], 3), [0, 1, 2]);
    }
}
