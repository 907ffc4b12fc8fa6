//! Which class is taken for which.

use std::cmp::Reverse;

/// Items of one class taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfusedPair {
    /// What they are.
    pub truth: u32,
    /// What they were taken for.
    pub prediction: u32,
    /// How many.
    pub count: usize,
    /// Items of class `truth` in all.
    pub of: usize,
}

/// The pairs of different classes that are confused most often, worst first; equal ones by class.
/// At most `limit`.
///
/// # Panics
/// When the numbers of items differ.
pub fn worst_confusions(predictions: &[u32], truth: &[u32], limit: usize) -> Vec<ConfusedPair> {
    assert_eq!(predictions.len(), truth.len(), "targets of {} items", predictions.len());
    let mut items: Vec<(u32, u32)> =
        truth.iter().copied().zip(predictions.iter().copied()).collect();
    items.sort_unstable();
    let mut pairs = Vec::new();
    for of_class in items.chunk_by(|a, b| a.0 == b.0) {
        for same in of_class.chunk_by(|a, b| a.1 == b.1).filter(|same| same[0].0 != same[0].1) {
            let (truth, prediction) = same[0];
            pairs.push(ConfusedPair { truth, prediction, count: same.len(), of: of_class.len() });
        }
    }
    pairs.sort_by_key(|pair| Reverse(pair.count)); // stable: equal ones stay in order of their classes
    pairs.truncate(limit);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_pairs_come_first_and_right_answers_are_none() {
        let (truth, predictions) = ([3, 3, 3, 1, 1, 0], [3, 1, 1, 0, 3, 0]);
        let worst = worst_confusions(&predictions, &truth, 2);
        assert_eq!(worst[0], ConfusedPair { truth: 3, prediction: 1, count: 2, of: 3 });
        assert_eq!(worst[1], ConfusedPair { truth: 1, prediction: 0, count: 1, of: 2 });
        assert_eq!(worst.len(), 2);
        assert_eq!(worst_confusions(&[], &[], 5), []);
    }
}
