//! How many labelled examples a zero-shot score is worth.

/// Labelled examples per class at which a probe meets the zero-shot score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelsToMatch {
    /// Fewer than the fewest measured.
    Below(f64),
    /// So many, between two points of the curve.
    At(f64),
    /// More than the most measured.
    Above(f64),
}

impl std::fmt::Display for LabelsToMatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Below(labels) => write!(formatter, "< {labels:.0}"),
            Self::At(labels) => write!(formatter, "{labels:.1}"),
            Self::Above(labels) => write!(formatter, "> {labels:.0}"),
        }
    }
}

/// Where the curve first meets a score: linear in the score and the logarithm of the labels, within
/// the first two neighbouring points that have it between them. None for an empty curve.
///
/// - `curve`: labels per class, ascending, and score
pub fn labels_to_match(curve: &[(f64, f64)], score: f64) -> Option<LabelsToMatch> {
    let (&(fewest, first), &(most, _)) = (curve.first()?, curve.last()?);
    if score < first {
        return Some(LabelsToMatch::Below(fewest));
    }
    let crossing = curve.windows(2).find(|pair| pair[0].1 <= score && score <= pair[1].1);
    let Some(&[(few, low), (many, high)]) = crossing else {
        return Some(if score == first {
            LabelsToMatch::At(fewest)
        } else {
            LabelsToMatch::Above(most)
        });
    };
    let share = if high > low { (score - low) / (high - low) } else { 0.0 };
    Some(LabelsToMatch::At((few.ln() + share * (many.ln() - few.ln())).exp()))
}
