//! Ranks of the true class, hits, predictions, accuracy.

use super::error::{MetricError, check_scores, check_targets};

/// Rank of the true class of every item, from 0: how many classes score higher, or the same at a
/// lower index.
///
/// - `scores`: `[items, classes]`
/// - `truth`: `[items]`
///
/// # Errors
/// A score that is no number, a target that is no class, no items.
///
/// # Panics
/// When the shapes do not fit together.
pub fn ranks(scores: &[f32], classes: usize, truth: &[u32]) -> Result<Vec<u32>, MetricError> {
    let items = check_scores(scores, classes)?;
    assert_eq!(truth.len(), items, "targets of {items} items");
    check_targets(truth, classes)?;
    let rows = scores.chunks_exact(classes).zip(truth);
    Ok(rows.map(|(row, &class)| rank(row, class as usize)).collect())
}

fn rank(row: &[f32], class: usize) -> u32 {
    let own = row[class];
    let (before, after) = row.split_at(class);
    let ahead = before.iter().filter(|&&score| score >= own).count();
    (ahead + after.iter().filter(|&&score| score > own).count()) as u32
}

/// Which items have their true class among the first `k`.
pub fn hits(ranks: &[u32], k: usize) -> Vec<bool> {
    ranks.iter().map(|&rank| (rank as usize) < k).collect()
}

/// Which items have their true class among the `k` best scores; of equal scores the lower index is
/// better.
///
/// - `scores`: `[items, classes]`
/// - `truth`: `[items]`
///
/// # Errors
/// As [`ranks`]; `k` is more than there are classes.
///
/// # Panics
/// When the shapes do not fit together.
pub fn top_k(
    scores: &[f32],
    classes: usize,
    truth: &[u32],
    k: usize,
) -> Result<Vec<bool>, MetricError> {
    if k > classes {
        return Err(MetricError::TooFewClasses { k, classes });
    }
    Ok(hits(&ranks(scores, classes, truth)?, k))
}

/// The class with the highest score of every item, the lowest index of equal ones.
///
/// - `scores`: `[items, classes]`
///
/// # Errors
/// A score that is no number, no items.
///
/// # Panics
/// When `scores` are no rows of `classes`.
pub fn predictions(scores: &[f32], classes: usize) -> Result<Vec<u32>, MetricError> {
    check_scores(scores, classes)?;
    Ok(scores.chunks_exact(classes).map(|row| first_best(row) as u32).collect())
}

/// Position of the highest score, the first of equal ones.
pub(super) fn first_best(row: &[f32]) -> usize {
    let better = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (1..row.len()).fold(0, better)
}

/// Which predictions are one of the classes accepted for their item.
///
/// # Panics
/// When the numbers of items differ.
pub fn hits_of_any(predictions: &[u32], accepted: &[&[u32]]) -> Vec<bool> {
    assert_eq!(
        predictions.len(),
        accepted.len(),
        "accepted classes of {} items",
        predictions.len()
    );
    predictions
        .iter()
        .zip(accepted)
        .map(|(prediction, accepted)| accepted.contains(prediction))
        .collect()
}

/// Share of hits.
///
/// # Errors
/// There are none to count.
pub fn accuracy(hits: &[bool]) -> Result<f64, MetricError> {
    match hits.len() {
        0 => Err(MetricError::NoItems),
        items => Ok(hits.iter().filter(|&&hit| hit).count() as f64 / items as f64),
    }
}

/// Mean of top-1 and top-5 accuracy, Kinetics700's metric.
///
/// - `ranks`: of the true classes, from 0
///
/// # Errors
/// There are none.
pub fn mean_top1_top5(ranks: &[u32]) -> Result<f64, MetricError> {
    Ok((accuracy(&hits(ranks, 1))? + accuracy(&hits(ranks, 5))?) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_scores_the_lowest_index_wins() {
        let scores = [0.5, 0.7, 0.7, 0.5, 0.7, 0.1];
        assert_eq!(predictions(&scores, 6), Ok(vec![1]));
        assert_eq!(ranks(&scores, 6, &[4]), Ok(vec![2]));
        assert_eq!(ranks(&scores, 6, &[3]), Ok(vec![4]));
    }

    #[test]
    fn a_score_that_is_no_number_is_named() {
        let error = ranks(&[0.0, 0.1, 0.2, f32::NAN], 2, &[0, 0]).unwrap_err();
        assert_eq!(error.to_string(), "the score of item 1 for class 1 is NaN");
        assert!(predictions(&[f32::INFINITY], 1).is_err());
        assert_eq!(predictions(&[f32::NEG_INFINITY, -3.0], 2), Ok(vec![1]));
    }

    #[test]
    fn a_target_that_is_no_class_is_named() {
        let error = top_k(&[0.0, 0.1], 2, &[2], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "item 0 is of class 2, but there are 2 classes (the first is 0)"
        );
    }

    #[test]
    fn top_5_of_4_classes_and_the_accuracy_of_nothing_are_errors() {
        assert_eq!(
            top_k(&[0.0; 4], 4, &[0], 5),
            Err(MetricError::TooFewClasses { k: 5, classes: 4 })
        );
        assert_eq!(accuracy(&[]), Err(MetricError::NoItems));
        assert_eq!(predictions(&[], 3), Err(MetricError::NoItems));
    }
}
