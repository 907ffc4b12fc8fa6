//! Accuracy under a natural shift against accuracy on the matching part of ImageNet. Figure 13 of
//! the paper; PROTOCOL_EVAL 7.4.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::{count, how, percent, points};
use crate::plot::{Axis, Key, Kind, Mark, Plot, Scale, logistic, logit, overview};
use crate::suite::Suite;
use clip_eval::results::{Record, RobustnessPoint};
use clip_eval::robustness::{LogitFit, TestbedModel, ordinary_points, setting, testbed};
use clip_eval::statistics::Bootstrap;

/// A square plot: both axes are accuracies.
const SIDE: f64 = 290.0;

/// Whether there is anything to draw.
pub(super) fn is_possible(suite: &Suite<'_>) -> bool {
    suite.records.iter().any(|record| record.details.robustness.is_some())
}

/// One plot for each shift.
pub(super) fn figures(page: &mut Markup, suite: &Suite<'_>) {
    let mut shifts: BTreeMap<&str, Vec<(&Record, &RobustnessPoint)>> = BTreeMap::new();
    for record in &suite.records {
        if let Some(point) = &record.details.robustness {
            shifts.entry(&point.setting).or_default().push((record, point));
        }
    }
    for (setting, ours) in shifts {
        draw(page, suite, setting, &ours);
    }
}

/// The line through ordinary models, in logits, and the models themselves: (accuracy, accuracy
/// under the shift).
struct Line {
    fit: LogitFit,
    /// Those that the line is fitted to.
    ordinary: Vec<(f64, f64)>,
    others: Vec<(f64, f64)>,
}

/// Steps of the band along the line.
const BAND: usize = 16;

impl Line {
    /// The band of the line at accuracies: x, and both ends of the 95 % interval over resamples of
    /// its models.
    fn band(&self, at: &[f64]) -> Vec<(f64, f64, f64)> {
        let (x, y): (Vec<f64>, Vec<f64>) = self.ordinary.iter().copied().unzip();
        let ends =
            LogitFit::band(&x, &y, at, &Bootstrap { resamples: 1000, ..Bootstrap::new(0.95) });
        at.iter()
            .zip(ends)
            .filter_map(|(&x, ends)| ends.map(|ends| (x, ends.low, ends.high)))
            .collect()
    }

    /// By the testbed's name of the shift; none for one that it does not have.
    fn of(shift: &str) -> Option<Line> {
        let setting = setting(shift)?;
        let points = ordinary_points(setting);
        let fit = LogitFit::new(&points.x, &points.y)?;
        let is_other = |model: &&TestbedModel| !points.models.contains(&model.name.as_str());
        let place =
            |model: &TestbedModel| Some((model.accuracy(setting.x)?, model.accuracy(setting.y)?));
        let others = testbed().iter().filter(is_other).filter_map(place).collect();
        Some(Line { fit, ordinary: points.x.into_iter().zip(points.y).collect(), others })
    }
}

fn draw(page: &mut Markup, suite: &Suite<'_>, setting: &str, ours: &[(&Record, &RobustnessPoint)]) {
    let line = Line::of(setting);
    let (x, y) = axes(line.as_ref(), ours);
    let mut keys: Vec<Key> = ours
        .iter()
        .map(|(record, _)| Key::new(suite.series(&record.model), Kind::Mark, &record.model))
        .collect();
    if line.is_some() {
        keys.push(Key::new(0, Kind::Dots, "ordinary ImageNet models"));
        keys.push(Key::new(0, Kind::FaintDots, "other models"));
        keys.push(Key::new(8, Kind::Line, "their line"));
    }
    keys.push(Key::new(8, Kind::Dashed, "no loss: y = x"));

    let title = format!("Robustness: {setting}");
    let mut plot = Plot::new(&title, SIDE, &x, &y, &keys);
    let (low, high) = x.scale.ends();
    let along =
        |step: usize| logistic(logit(low) + (logit(high) - logit(low)) * step as f64 / 64.0);
    if let Some(line) = &line {
        plot.dots(Kind::FaintDots, line.others.iter().copied());
        plot.dots(Kind::Dots, line.ordinary.iter().copied());
        let of_band: Vec<f64> = (0..=BAND).map(|step| along(64 / BAND * step)).collect();
        plot.band(8, &line.band(&of_band));
        let fitted = |x: f64| (x, line.fit.predict(x));
        plot.line(8, Kind::Line, (0..=64).map(|step| fitted(along(step))));
    }
    plot.line(8, Kind::Dashed, (0..=64).map(|step| (along(step), along(step))));
    let said = marks(&mut plot, suite, ours);
    overview(page, &title, |page| plot.svg(page, &said), &caption(line.as_ref(), ours));
}

/// Scales that hold the ordinary models and ours.
fn axes(line: Option<&Line>, ours: &[(&Record, &RobustnessPoint)]) -> (Axis, Axis) {
    let ordinary: &[(f64, f64)] = line.map_or(&[], |line| &line.ordinary);
    let reached = |(record, point): &(&Record, &RobustnessPoint)| {
        [Some(point.y), interval(record, point).map(|ends| ends.1)]
    };
    let x = Scale::logit(
        ordinary.iter().map(|point| point.0).chain(ours.iter().map(|(_, point)| point.x)),
    );
    let measured =
        ordinary.iter().map(|point| point.1).filter(|share| (0.005..1.0).contains(share));
    let ours_reached = ours.iter().flat_map(reached).flatten();
    // The beginning of y = x is in sight however much is lost.
    let beginning = logistic(logit(x.ends().0) + 0.4);
    let y = Scale::logit(measured.chain(ours_reached).chain([beginning]));
    (
        Axis::percent("top-1 on the matching part of ImageNet, %", x),
        Axis::percent("top-1 under the shift, %", y),
    )
}

/// Draws our models with their names; says in words where they are.
fn marks(plot: &mut Plot, suite: &Suite<'_>, ours: &[(&Record, &RobustnessPoint)]) -> String {
    let mut said = Vec::new();
    for (record, point) in ours {
        let tip = format!(
            "{}: {} % against {} %, {} points above the line",
            record.model,
            percent(point.y),
            percent(point.x),
            points(point.effective)
        );
        said.push(tip.clone());
        let mark = Mark { x: point.x, y: point.y, interval: interval(record, point), tip };
        plot.marks(suite.series(&record.model), Kind::Mark, &[mark]);
    }
    let places: Vec<(f64, f64)> = ours.iter().map(|(_, point)| (point.x, point.y)).collect();
    let names: Vec<&str> = ours.iter().map(|(record, _)| record.model.as_str()).collect();
    plot.names(&places, &names);
    said.join("; ")
}

/// The interval of a record's score, where the score is the accuracy under the shift.
fn interval(record: &Record, point: &RobustnessPoint) -> Option<(f64, f64)> {
    let same = record.score.value.is_some_and(|value| (value - point.y).abs() < 1e-9);
    same.then(|| record.score.low.zip(record.score.high)).flatten()
}

fn caption(line: Option<&Line>, ours: &[(&Record, &RobustnessPoint)]) -> String {
    let scored = ours.iter().map(|(record, _)| record.counts.scored).max().unwrap_or(0);
    let whisker = ours.iter().find(|(record, point)| interval(record, point).is_some());
    let whisker = whisker.map_or("none".to_owned(), |(record, _)| how(&record.score));
    let testbed = match line {
        Some(line) => format!(
            "Grey: the ImageNet testbed's models; the line is fitted to the {} of type STANDARD above 55 % \
             (R² {:.3}), its band is the 95 % interval over 1,000 resamples of them. ",
            line.fit.models, line.fit.r_squared
        ),
        None => "The testbed has no models for this shift. ".to_owned(),
    };
    format!("{testbed}Both axes are logits. n = {} items; intervals: {whisker}.", count(scored))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_eval::robustness::{SETTINGS, Setting};

    #[test]
    fn testbed_has_nine_shifts_with_their_models() {
        assert_eq!(SETTINGS.len(), 9);
        for Setting { y: setting, .. } in &SETTINGS {
            let line = Line::of(setting).expect("models");
            // A few of the 338 were not measured on every shift.
            assert!((300..=338).contains(&(line.ordinary.len() + line.others.len())), "{setting}");
            assert!((80..=87).contains(&line.ordinary.len()), "{setting}");
            assert!(
                line.ordinary
                    .iter()
                    .all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y))
            );
        }
    }

    #[test]
    fn line_gives_the_published_prediction() {
        let line = Line::of("imagenetv2-matched-frequency-format-val").expect("models");
        let predicted = line.fit.predict(0.63302);
        assert!((predicted - 0.50141).abs() < 5e-5, "{predicted}");
    }
}
