//! Whether probabilities mean what they say: a reliability diagram above a histogram.
//! PROTOCOL_EVAL 7.9.

use crate::markup::Markup;
use crate::numbers::{count, percent, total};
use crate::plot::{Axis, HEIGHT, Key, Kind, Mark, Plot, Scale, figure};
use clip_eval::results::{Record, ReliabilityBin};

const TITLE: &str = "Reliability";

/// Both pictures under a heading, if there are bins with items.
pub(super) fn draw(page: &mut Markup, record: &Record) {
    let bins = filled(&record.details.reliability);
    if !bins.is_empty() {
        figure(page, TITLE, |page| pictures(page, &bins), &caption(&bins));
    }
}

/// Bins with items.
pub(super) fn filled(bins: &[ReliabilityBin]) -> Vec<&ReliabilityBin> {
    bins.iter().filter(|bin| bin.items > 0 && bin.accuracy.is_finite()).collect()
}

/// The diagram above its histogram.
pub(super) fn pictures(page: &mut Markup, bins: &[&ReliabilityBin]) {
    let x = Axis::percent("top-1 probability, %", Scale::fixed(0.0, 1.0));
    let description = format!(
        "Expected calibration error {} %. {}",
        percent(expected_error(bins)),
        bins.iter().map(|bin| said(bin)).collect::<Vec<_>>().join("; ")
    );
    diagram(bins, &x).svg(page, &description);
    histogram(bins, &x).svg(page, "How many items have which probability.");
}

/// What there is to know about both.
pub(super) fn caption(bins: &[&ReliabilityBin]) -> String {
    format!(
        "Expected calibration error {} % in {} bins of equal width (lowest, highest], {} of them with items; n = {} \
         items, no intervals: bins of few items scatter. Above the dashed line: right more often than the probability says; below it: less often.",
        percent(expected_error(bins)),
        number_of_bins(bins),
        bins.len(),
        count(total(bins.iter().map(|bin| bin.items)))
    )
}

fn diagram(bins: &[&ReliabilityBin], x: &Axis) -> Plot {
    let y = Axis::percent("share that is right, %", Scale::fixed(0.0, 1.0));
    let keys = [
        Key::new(0, Kind::Bar, "right in a bin"),
        Key::new(1, Kind::Mark, "against mean probability"),
        Key::new(8, Kind::Dashed, "calibrated"),
    ];
    let mut plot = Plot::new("Reliability diagram", HEIGHT, x, &y, &keys);
    plot.columns(0, bins.iter().map(|bin| (bin.low, bin.high, bin.accuracy)));
    plot.line(8, Kind::Dashed, [(0.0, 0.0), (1.0, 1.0)]);
    let mark = |bin: &&ReliabilityBin| Mark {
        x: bin.confidence,
        y: bin.accuracy,
        interval: None,
        tip: said(bin),
    };
    plot.marks(1, Kind::Mark, &bins.iter().map(mark).collect::<Vec<_>>());
    plot
}

fn histogram(bins: &[&ReliabilityBin], x: &Axis) -> Plot {
    let most = bins.iter().map(|bin| bin.items).max().unwrap_or(1) as f64;
    let scale = Scale::linear([0.0, most], (0.0, f64::MAX));
    let ticks = scale.ticks(3).into_iter().map(|value| (value, count(value as usize))).collect();
    let y = Axis::with_ticks("items", scale, ticks);
    let mut plot = Plot::new("Histogram of probabilities", 56.0, x, &y, &[]);
    plot.columns(0, bins.iter().map(|bin| (bin.low, bin.high, bin.items as f64)));
    plot
}

/// On the whole axis: results keep those that hold items.
fn number_of_bins(bins: &[&ReliabilityBin]) -> usize {
    let width = bins.iter().map(|bin| bin.high - bin.low).fold(0.0, f64::max);
    if width > 1e-3 { (1.0 / width).round() as usize } else { bins.len() }
}

fn said(bin: &ReliabilityBin) -> String {
    let (low, high) = (percent(bin.low), percent(bin.high));
    format!("{low}–{high} %: {} items, {} % right", count(bin.items), percent(bin.accuracy))
}

/// Σ share of items · |right - probability|
pub(super) fn expected_error(bins: &[&ReliabilityBin]) -> f64 {
    let gaps = bins.iter().map(|bin| bin.items as f64 * (bin.accuracy - bin.confidence).abs());
    gaps.sum::<f64>() / total(bins.iter().map(|bin| bin.items)).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_the_mean_gap_weighted_by_items() {
        let bin = |items, accuracy, confidence| ReliabilityBin {
            low: 0.0,
            high: 1.0,
            items,
            confidence,
            accuracy,
        };
        let bins = [bin(30, 0.5, 0.6), bin(10, 1.0, 0.8)];
        let error = expected_error(&bins.iter().collect::<Vec<_>>());
        assert!((error - 0.125).abs() < 1e-12, "{error}");
    }

    #[test]
    fn bins_without_items_are_bins_too() {
        let bin = |index: usize| ReliabilityBin {
            low: index as f64 / 15.0,
            high: (index + 1) as f64 / 15.0,
            items: 3,
            confidence: 0.5,
            accuracy: 0.5,
        };
        let bins: Vec<ReliabilityBin> = (1..15).map(bin).collect();
        assert_eq!(number_of_bins(&bins.iter().collect::<Vec<_>>()), 15);
    }
}
