//! Our figures beside published ones: how far they are apart, and how sure that is.

use clip_rs::model::registry;

use crate::published::{Origin, Protocol, measured_by};
use clip_eval::results::{Figure, Record};

/// A value that others measured for the same figure of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Who.
    pub origin: Origin,
    /// A fraction 0..1.
    pub value: f64,
    /// Half a unit of its last printed digit: 0.0005 for `63.2 %`; 0 where it is printed in full.
    pub rounding: f64,
    /// Why it cannot be expected to agree.
    pub caution: Option<String>,
}

/// Half of the last digit of the paper's tables, which print per cent with one decimal.
const PAPER_ROUNDING: f64 = 0.0005;

/// What the tables of [`crate::published`] have of a record's figure; for the nine released models
/// only.
pub fn measured(record: &Record, figure: &Figure) -> Vec<Measured> {
    let protocol = match record.task.as_str() {
        "zeroshot_classification" | "zeroshot_retrieval" => Protocol::ZeroShot,
        "linear_probe" => Protocol::LinearProbe,
        _ => return Vec::new(),
    };
    let by_weights = registry::find_digest(&record.provenance.weights_sha256);
    let Some(model) = by_weights.or_else(|| registry::find(&record.model).ok()) else {
        return Vec::new();
    };
    let of = |origin| {
        let found = measured_by(origin, &model.name, &record.dataset, protocol, &figure.name)?;
        let rounding = if origin == Origin::Paper { PAPER_ROUNDING } else { 0.0 };
        Some(Measured { origin, value: found.value, rounding, caution: found.caution.clone() })
    };
    [Origin::Paper, Origin::OpenClip, Origin::ClipBenchmark].into_iter().filter_map(of).collect()
}

/// Ours minus published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    pub(crate) value: f64,
    /// Our interval minus the published value.
    pub(crate) interval: Option<(f64, f64)>,
    /// Whether our interval reaches a value that rounds to the published one; none without an
    /// interval.
    pub(crate) is_covered: Option<bool>,
}

impl Difference {
    /// None where one of the two is not a number.
    pub(crate) fn between(figure: &Figure, published: &Measured) -> Option<Difference> {
        let value =
            figure.value.filter(|value| value.is_finite() && published.value.is_finite())?;
        let interval = figure.interval().filter(|(low, high)| low.is_finite() && high.is_finite());
        let slack = published.rounding.max(0.0) + 1e-9; // per cent of a file to a fraction is not exact
        let covered = |(low, high): (f64, f64)| {
            low - slack <= published.value && published.value <= high + slack
        };
        Some(Difference {
            value: value - published.value,
            interval: interval.map(|(low, high)| (low - published.value, high - published.value)),
            is_covered: interval.map(covered),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, interval: Option<(f64, f64)>) -> Figure {
        let (low, high) = interval.unzip();
        Figure { low, high, level: Some(0.95), ..Figure::share("accuracy", value) }
    }

    fn paper(value: f64) -> Measured {
        Measured { origin: Origin::Paper, value, rounding: 0.0005, caution: None }
    }

    #[test]
    fn interval_covers_what_rounds_to_a_value_inside() {
        let covered = |low, high| {
            Difference::between(&figure(0.63, Some((low, high))), &paper(0.632))
                .and_then(|found| found.is_covered)
        };
        assert_eq!(covered(0.62, 0.64), Some(true));
        assert_eq!(covered(0.632, 0.64), Some(true));
        assert_eq!(covered(0.6324, 0.64), Some(true)); // 63.24 prints as 63.2
        assert_eq!(covered(0.6326, 0.64), Some(false));
        assert_eq!(covered(0.60, 0.6314), Some(false));
    }

    #[test]
    fn difference_has_the_interval_of_our_figure() {
        let found =
            Difference::between(&figure(0.64, Some((0.63, 0.65))), &paper(0.60)).expect("numbers");
        assert!((found.value - 0.04).abs() < 1e-12);
        let (low, high) = found.interval.expect("given");
        assert!((low - 0.03).abs() < 1e-12 && (high - 0.05).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_said_of_values_that_are_none() {
        assert_eq!(Difference::between(&figure(f64::NAN, None), &paper(0.6)), None);
        assert_eq!(Difference::between(&figure(0.6, None), &paper(f64::NAN)), None);
        let without = Difference::between(&figure(0.6, None), &paper(0.6)).expect("numbers");
        assert_eq!((without.interval, without.is_covered), (None, None));
        let broken =
            Difference::between(&figure(0.6, Some((f64::NAN, 0.7))), &paper(0.6)).expect("numbers");
        assert_eq!(broken.is_covered, None);
    }
}
