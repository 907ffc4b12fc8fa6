//! Whether a probability means what it says.

use clip_rs::joint_space::exponentials;

use super::error::{MetricError, check_scores, check_targets};
use super::top_k::first_best;

/// Items whose top-1 probability is in `(low, high]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Lower edge, outside.
    pub low: f64,
    /// Upper edge, inside.
    pub high: f64,
    /// How many.
    pub items: usize,
    /// Their mean top-1 probability; none without items.
    pub confidence: Option<f64>,
    /// Share of them that is right; none without items.
    pub accuracy: Option<f64>,
}

/// What probabilities are worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Σ share of items · |accuracy − confidence| over 15 bins of equal width.
    pub expected_calibration_error: f64,
    /// The greatest |accuracy − confidence| of a bin.
    pub max_calibration_error: f64,
    /// Mean −ln p of the true class; infinite where one has probability 0.
    pub negative_log_likelihood: f64,
    /// Mean over items of Σ over classes of (p − y)², in 0..2.
    pub brier: f64,
    /// The 15 bins in order.
    pub bins: Vec<Bin>,
    /// `[items]`: −ln p of the true class.
    pub losses: Vec<f64>,
    /// `[items]`: Σ over classes of (p − y)².
    pub squares: Vec<f64>,
}

/// Calibration of softmax probabilities, 15 bins.
///
/// - `logits`: `[items, classes]`, at the temperature of the checkpoint; softmax in f64
/// - `truth`: `[items]`
///
/// # Errors
/// A logit that is no number, an item whose logits are all `-inf`, a target that is no class, no
/// items.
///
/// # Panics
/// When the shapes do not fit together.
pub fn calibration(
    logits: &[f32],
    classes: usize,
    truth: &[u32],
) -> Result<Calibration, MetricError> {
    calibration_at(logits, classes, truth, 1.0)
}

/// The same of logits / `temperature`.
///
/// # Errors
/// As [`calibration`].
///
/// # Panics
/// When the shapes do not fit together, or the temperature is not above 0.
pub fn calibration_at(
    logits: &[f32],
    classes: usize,
    truth: &[u32],
    temperature: f64,
) -> Result<Calibration, MetricError> {
    assert!(temperature > 0.0, "a temperature is above 0, not {temperature}");
    let items = check_scores(logits, classes)?;
    assert_eq!(truth.len(), items, "targets of {items} items");
    check_targets(truth, classes)?;
    let (mut confidence, mut correct) = (Vec::with_capacity(items), Vec::with_capacity(items));
    let (mut losses, mut squares) = (Vec::with_capacity(items), Vec::with_capacity(items));
    for (item, (row, &truth)) in logits.chunks_exact(classes).zip(truth).enumerate() {
        let (best, truth) = (first_best(row), truth as usize);
        if row[best].is_infinite() {
            return Err(MetricError::NotAScore { item, class: best, value: row[best] });
        }
        let logit = |class: usize| f64::from(row[class]) / temperature;
        let (exponentials, sum) = exponentials((0..classes).map(logit));
        confidence.push(1.0 / sum);
        correct.push(best == truth);
        losses.push(sum.ln() - (logit(truth) - logit(best)));
        let probability = |class: usize| exponentials[class] / sum;
        let square =
            |class: usize| (probability(class) - f64::from(u8::from(class == truth))).powi(2);
        squares.push((0..classes).map(square).sum::<f64>());
    }
    let bins = reliability(&confidence, &correct, 15)?;
    let gap = |bin: &Bin| Some((bin.accuracy? - bin.confidence?).abs());
    Ok(Calibration {
        expected_calibration_error: expected_calibration_error(&bins),
        max_calibration_error: bins.iter().filter_map(gap).fold(0.0, f64::max),
        negative_log_likelihood: losses.iter().sum::<f64>() / items as f64,
        brier: squares.iter().sum::<f64>() / items as f64,
        bins,
        losses,
        squares,
    })
}

/// The reliability diagram: items by their top-1 probability in `bins` bins of equal width,
/// `(low, high]`; 0 is in the first.
///
/// # Errors
/// There are no items.
///
/// # Panics
/// When the numbers of items differ, or there are no bins.
pub fn reliability(
    confidence: &[f64],
    correct: &[bool],
    bins: usize,
) -> Result<Vec<Bin>, MetricError> {
    assert_eq!(confidence.len(), correct.len(), "items");
    assert!(bins > 0, "a diagram needs a bin");
    if confidence.is_empty() {
        return Err(MetricError::NoItems);
    }
    let edge = |index: usize| index as f64 / bins as f64;
    let edges: Vec<f64> = (1..bins).map(edge).collect();
    let mut sums = vec![(0_usize, 0.0, 0_usize); bins];
    for (&confidence, &correct) in confidence.iter().zip(correct) {
        let (items, confidences, hits) =
            &mut sums[edges.partition_point(|&high| high < confidence)];
        *items += 1;
        *confidences += confidence;
        *hits += usize::from(correct);
    }
    let bin = |(index, (items, confidences, hits)): (usize, (usize, f64, usize))| Bin {
        low: edge(index),
        high: edge(index + 1),
        items,
        confidence: (items > 0).then(|| confidences / items as f64),
        accuracy: (items > 0).then(|| hits as f64 / items as f64),
    };
    Ok(sums.into_iter().enumerate().map(bin).collect())
}

/// Σ share of items · |accuracy − confidence|.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.items).sum();
    let part =
        |bin: &Bin| Some(bin.items as f64 / all as f64 * (bin.accuracy? - bin.confidence?).abs());
    bins.iter().filter_map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_below_it() {
        let bins = reliability(&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 0.61], &[true; 7], 5).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.items).collect::<Vec<_>>(), [2, 1, 1, 2, 1]);
    }

    #[test]
    fn a_certain_right_answer_costs_nothing_and_a_certain_wrong_one_everything() {
        let sure = [200.0, -800.0];
        let right = calibration(&sure, 2, &[0]).unwrap();
        assert_eq!((right.brier, right.negative_log_likelihood), (0.0, 0.0));
        assert_eq!(right.expected_calibration_error, 0.0);
        let wrong = calibration(&sure, 2, &[1]).unwrap();
        assert_eq!((wrong.brier, wrong.negative_log_likelihood), (2.0, 1000.0));
        assert_eq!(wrong.max_calibration_error, 1.0);
    }

    #[test]
    fn an_item_without_any_class_is_an_error() {
        let nowhere = [f32::NEG_INFINITY; 2];
        assert!(matches!(
            calibration(&nowhere, 2, &[0]),
            Err(MetricError::NotAScore { item: 0, .. })
        ));
    }
}
