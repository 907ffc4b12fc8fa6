//! Some classes of many, and one score for several classes (PROTOCOL_EVAL 7.4).

use super::error::{MetricError, check_scores};

/// The scores of some classes alone, in the order asked for, `[items, chosen]`.
///
/// - `scores`: `[items, classes]`
/// - `chosen`: classes, at least one
///
/// # Errors
/// A score that is no number, no items.
///
/// # Panics
/// When `scores` are no rows of `classes`, or a class is not among them.
pub fn select(scores: &[f32], classes: usize, chosen: &[u32]) -> Result<Vec<f32>, MetricError> {
    check_scores(scores, classes)?;
    let row = |row: &[f32]| chosen.iter().map(|&class| row[class as usize]).collect::<Vec<_>>();
    Ok(scores.chunks_exact(classes).flat_map(row).collect())
}

/// The greatest score of each group of classes, `[items, groups]`; `-inf` for a group without classes.
///
/// - `scores`: `[items, classes]`, before any softmax
///
/// # Errors
/// A score that is no number, no items.
///
/// # Panics
/// When `scores` are no rows of `classes`, or a class is not among them.
pub fn pool(scores: &[f32], classes: usize, groups: &[Vec<u32>]) -> Result<Vec<f32>, MetricError> {
    check_scores(scores, classes)?;
    let greatest = |row: &[f32], group: &[u32]| {
        group.iter().map(|&class| row[class as usize]).fold(f32::NEG_INFINITY, f32::max)
    };
    let row = |row: &[f32]| groups.iter().map(|group| greatest(row, group)).collect::<Vec<_>>();
    Ok(scores.chunks_exact(classes).flat_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::predictions;

    const SCORES: [f32; 8] = [0.1, 0.9, 0.3, 0.4, 0.8, 0.7, 0.2, 0.0];

    #[test]
    fn selecting_hides_the_other_classes() {
        let chosen = select(&SCORES, 4, &[0, 2, 3]).unwrap();
        assert_eq!(chosen, [0.1, 0.3, 0.4, 0.8, 0.2, 0.0]);
        assert_eq!(predictions(&chosen, 3), Ok(vec![2, 0]));
    }

    #[test]
    fn a_group_has_its_greatest_score_and_an_empty_one_never_wins() {
        let groups = [vec![], vec![0, 2], vec![3]];
        let pooled = pool(&SCORES, 4, &groups).unwrap();
        assert_eq!(pooled, [f32::NEG_INFINITY, 0.3, 0.4, f32::NEG_INFINITY, 0.8, 0.0]);
        assert_eq!(predictions(&pooled, 3), Ok(vec![2, 1]));
    }
}
