//! pm-0 and pm-k: whether an answer survives the frames beside it (Shankar et al.,
//! PROTOCOL_EVAL 7.4).

use super::error::MetricError;

/// Shares of anchor frames.
#[derive(Debug, Clone, PartialEq)]
pub struct PerturbationScores {
    /// How many anchors.
    pub anchors: usize,
    /// Share of anchors that are right.
    pub pm0: f64,
    /// Share of anchors that are right together with every frame beside them.
    pub pm_k: f64,
    /// For each anchor in order of items, whether it is right, and whether all its frames are.
    pub per_anchor: Vec<(bool, bool)>,
}

impl PerturbationScores {
    /// The figure the paper averages: the mean of pm-0 and pm-k.
    pub fn mean(&self) -> f64 {
        (self.pm0 + self.pm_k) / 2.0
    }
}

/// Scores of anchors and the frames beside them.
///
/// - `right`: `[frames]`, whether the prediction is one of the labels accepted for the frame
/// - `anchor`: `[frames]`, position of each frame's anchor; an anchor is its own
///
/// # Errors
/// There are no anchors.
///
/// # Panics
/// When the numbers of frames differ, or a frame names one that is no anchor.
pub fn perturbation_scores(
    right: &[bool],
    anchor: &[usize],
) -> Result<PerturbationScores, MetricError> {
    assert_eq!(right.len(), anchor.len(), "anchors of {} frames", right.len());
    let mut all_right = right.to_vec();
    for (frame, &anchor_of) in anchor.iter().enumerate() {
        assert_eq!(
            anchor.get(anchor_of),
            Some(&anchor_of),
            "frame {frame} is beside one that is no anchor"
        );
        all_right[anchor_of] &= right[frame];
    }
    let is_anchor = |frame: &usize| anchor[*frame] == *frame;
    let per_anchor: Vec<(bool, bool)> =
        (0..right.len()).filter(is_anchor).map(|frame| (right[frame], all_right[frame])).collect();
    let anchors = per_anchor.len();
    if anchors == 0 {
        return Err(MetricError::NoItems);
    }
    let share = |counts: fn(&(bool, bool)) -> bool| {
        per_anchor.iter().filter(|anchor| counts(anchor)).count() as f64 / anchors as f64
    };
    Ok(PerturbationScores {
        anchors,
        pm0: share(|anchor| anchor.0),
        pm_k: share(|anchor| anchor.1),
        per_anchor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_frame_spoils_its_anchor_alone() {
        let scores =
            perturbation_scores(&[true, true, false, true, true], &[0, 0, 0, 3, 3]).unwrap();
        assert_eq!((scores.pm0, scores.pm_k), (1.0, 0.5));
        assert_eq!(scores.mean(), 0.75);
    }

    #[test]
    fn a_wrong_anchor_counts_as_wrong_whatever_is_beside_it() {
        let scores = perturbation_scores(&[true, false, true], &[1, 1, 1]).unwrap();
        assert_eq!((scores.pm0, scores.pm_k), (0.0, 0.0));
        assert_eq!(perturbation_scores(&[], &[]), Err(MetricError::NoItems));
    }
}
