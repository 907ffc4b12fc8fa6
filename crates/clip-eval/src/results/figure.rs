//! A figure of a result: its value in its unit, and how sure it is or why nobody can say.

use serde::{Deserialize, Serialize};

use crate::statistics::Interval;

/// Ends of an interval that are closer than this came from resamples that are all alike: sums of
/// the same items in another order differ by rounding.
const SAME: f64 = 1e-9;

/// What a value is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share 0..1, which people read in per cent.
    Share,
    /// A difference of shares, which people read in points.
    Points,
    /// A number by itself: a loss, an error relative to another model's.
    Number,
    /// A place in a list, from 1.
    Rank,
    /// Kilometres.
    Kilometre,
}

impl Unit {
    /// Of a figure of which only the name is known: an earlier program's, or one among
    /// CLIP_benchmark's names.
    pub fn of_name(name: &str) -> Unit {
        const NUMBERS: [&str; 6] = ["nll", "loss", "brier", "reciprocal", "likelihood", "lambda"];
        let has = |word: &str| name.split(['_', '@', ' ', '-', ':']).any(|part| part == word);
        match name {
            _ if name.starts_with("effective_robustness") || name.starts_with("robustness_gap") => {
                Unit::Points
            }
            "mean_corruption_error" | "c" => Unit::Number,
            _ if name.starts_with("corruption_error") => Unit::Number,
            _ if NUMBERS.iter().any(|word| has(word)) => Unit::Number,
            _ if has("rank") => Unit::Rank,
            _ if has("distance") => Unit::Kilometre,
            _ => Unit::Share,
        }
    }

    /// Values that the unit can have.
    fn range(self) -> (f64, f64) {
        match self {
            Unit::Share => (0.0, 1.0),
            Unit::Points => (-1.0, 1.0),
            Unit::Number => (f64::NEG_INFINITY, f64::INFINITY),
            Unit::Rank => (1.0, f64::INFINITY),
            Unit::Kilometre => (0.0, f64::INFINITY),
        }
    }
}

/// A figure and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Figure {
    /// `accuracy`, `mean_per_class`, `map_11_point`, `roc_auc`, `mean_top1_top5`,
    /// `image_retrieval_recall@1`, …
    pub name: String,
    /// In its unit; none where it is undefined, and `note` says why.
    pub value: Option<f64>,
    /// What the value and the interval are measured in.
    pub unit: Unit,
    /// Lower end of the interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Its level: 0.95, or 0.995 as in the paper.
    pub level: Option<f64>,
    /// `Clopper-Pearson`, `MOVER`, `bootstrap`, `t`.
    pub method: Option<String>,
    /// What the interval draws: `images`, `images within their class`,
    /// `photos with their captions`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Why there is no value, or no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// As it stands in a file; earlier programs wrote no units.
#[derive(Deserialize)]
struct Written {
    name: String,
    value: Option<f64>,
    unit: Option<Unit>,
    low: Option<f64>,
    high: Option<f64>,
    level: Option<f64>,
    method: Option<String>,
    over: Option<String>,
    note: Option<String>,
}

impl From<Written> for Figure {
    fn from(written: Written) -> Figure {
        let Written { name, value, unit, low, high, level, method, over, note } = written;
        let unit = unit.unwrap_or_else(|| Unit::of_name(&name));
        Figure { name, value, unit, low, high, level, method, over, note }
    }
}

impl Figure {
    /// A figure of which nothing more is said; one that is no number is undefined.
    pub fn plain(name: &str, unit: Unit, value: f64) -> Figure {
        let (value, note) = match value.is_finite() {
            true => (Some(value), None),
            false => (None, Some(format!("undefined: {value}"))),
        };
        let (low, high, level, method, over) = (None, None, None, None, None);
        Figure { name: name.to_owned(), value, unit, low, high, level, method, over, note }
    }

    /// A share.
    pub fn share(name: &str, value: f64) -> Figure {
        Figure::plain(name, Unit::Share, value)
    }

    /// A figure that these items do not define.
    pub fn undefined(name: &str, unit: Unit, reason: &str) -> Figure {
        Figure { value: None, ..Figure::plain(name, unit, 0.0) }.without(reason)
    }

    /// With the interval that drawing `over` anew gives, cut to what the unit allows. Draws that
    /// are all alike know nothing of others: then there is none, and the note says so.
    #[must_use]
    pub fn within(self, interval: Option<Interval>, over: &str) -> Figure {
        if self.value.is_none() {
            return self;
        }
        let Some(interval) = interval else {
            return self.without("no interval: no resample has this figure");
        };
        let (least, most) = self.unit.range();
        let (low, high) = (interval.low.clamp(least, most), interval.high.clamp(least, most));
        if !(low.is_finite() && high.is_finite()) {
            return self.without("no interval: it has no end");
        }
        if interval.method.draws() && high - low < SAME {
            let reason = format!(
                "no interval: every draw of the {over} has the same figure, they are too few or too much alike"
            );
            return self.without(&reason);
        }
        Figure {
            low: Some(low),
            high: Some(high),
            level: Some(interval.level),
            method: Some(interval.method.name().to_owned()),
            over: Some(over.to_owned()),
            ..self
        }
    }

    /// Without an interval, and why.
    #[must_use]
    pub fn without(self, reason: &str) -> Figure {
        Figure { note: Some(self.note.unwrap_or_else(|| reason.to_owned())), ..self }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, name: &str) -> Figure {
        Figure { name: name.to_owned(), ..self }
    }

    /// Both ends of the interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.low.zip(self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Method;

    fn interval(low: f64, high: f64, method: Method) -> Option<Interval> {
        Some(Interval { level: 0.95, low, high, method })
    }

    const BOOTSTRAP: Method = Method::Bootstrap { resamples: 1000, seed: 0 };

    #[test]
    fn draws_that_are_alike_have_no_interval_and_a_reason() {
        // The sum of shares of 31 classes in another order.
        let alike = interval(1.0 - 1e-15, 1.0, BOOTSTRAP);
        let figure =
            Figure::share("mean_per_class", 1.0).within(alike, "images within their class");
        assert_eq!((figure.interval(), &figure.method, &figure.level), (None, &None, &None));
        assert!(figure.note.is_some_and(|note| note.contains("too much alike")));
        let exact = Figure::share("accuracy", 1.0)
            .within(interval(0.9, 1.0, Method::ClopperPearson), "images");
        assert_eq!((exact.interval(), exact.note), (Some((0.9, 1.0)), None));
    }

    #[test]
    fn an_interval_stays_in_what_its_unit_allows() {
        let wide = interval(-0.29, 1.57, Method::Student { draws: 3 });
        assert_eq!(
            Figure::share("accuracy", 0.14).within(wide, "draws").interval(),
            Some((0.0, 1.0))
        );
        let points = Figure::plain("effective", Unit::Points, 0.1).within(wide, "images");
        assert_eq!(points.interval(), Some((-0.29, 1.0)));
    }

    #[test]
    fn what_is_no_number_is_undefined_and_reads_back_so() {
        let figure = Figure::plain("negative_log_likelihood", Unit::Number, f64::INFINITY);
        assert_eq!((figure.value, figure.note.as_deref()), (None, Some("undefined: inf")));
        let json = serde_json::to_string(&figure).expect("JSON");
        assert_eq!(serde_json::from_str::<Figure>(&json).expect("read back"), figure);
        let reason = Figure::undefined("roc_auc", Unit::Share, "one class alone");
        assert_eq!((reason.value, reason.note.as_deref()), (None, Some("one class alone")));
    }

    #[test]
    fn figures_of_earlier_programs_get_the_unit_of_their_name() {
        let read = |name: &str| {
            let text = format!(
                r#"{{"name":"{name}","value":0.98,"low":null,"high":null,"level":null,"method":null}}"#
            );
            serde_json::from_str::<Figure>(&text).expect("a figure").unit
        };
        assert_eq!(read("mean_corruption_error"), Unit::Number);
        assert_eq!(read("accuracy_at_16_shots"), Unit::Share);
        assert_eq!(read("image_retrieval_mean_reciprocal_rank"), Unit::Number);
        assert_eq!(read("image_retrieval_median_rank"), Unit::Rank);
        assert_eq!(read("effective_robustness: imagenet-a"), Unit::Points);
        assert_eq!(read("negative_log_likelihood"), Unit::Number);
        assert_eq!(read("expected_calibration_error"), Unit::Share);
        assert_eq!(read("within_25_km"), Unit::Share);
        assert_eq!(read("median_distance_km"), Unit::Kilometre);
    }
}
