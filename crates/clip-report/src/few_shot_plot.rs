//! Accuracy against the number of labelled examples. Figures 6 and 15 of the paper.

use std::collections::BTreeMap;

use crate::markup::Markup;
use crate::numbers::{count, number, percent};
use crate::plot::{Axis, HEIGHT, Key, Kind, Mark, Plot, Scale, overview};
use crate::suite::Suite;
use crate::widgets::title;
use clip_eval::results::{Record, ShotPoint};

/// Whether there is anything to draw.
pub(super) fn is_possible(suite: &Suite<'_>) -> bool {
    suite.of_task("few_shot").any(|record| !record.details.shots.is_empty())
}

/// One plot for each data set, one line for each model.
pub(super) fn figures(page: &mut Markup, suite: &Suite<'_>) {
    let mut sets: BTreeMap<(String, &str), Vec<&Record>> = BTreeMap::new();
    for record in suite.of_task("few_shot").filter(|record| !record.details.shots.is_empty()) {
        sets.entry((title(record).to_lowercase(), &record.dataset)).or_default().push(record);
    }
    for records in sets.values() {
        draw(page, suite, records);
    }
}

/// Where a number of examples stands: the whole training split one doubling and a half behind the
/// last number.
fn place(shots: Option<usize>, most: f64) -> f64 {
    shots.map_or(most * 2.8, |shots| shots as f64)
}

fn draw(page: &mut Markup, suite: &Suite<'_>, records: &[&Record]) {
    let Some(first) = records.first() else { return };
    let points = || records.iter().flat_map(|record| &record.details.shots);
    let most = points().filter_map(|point| point.shots).max().unwrap_or(1).max(1) as f64;
    let y = y_axis(suite, records);
    let x = x_axis(points(), most);

    let mut keys: Vec<Key> = records
        .iter()
        .map(|record| Key::new(suite.series(&record.model), Kind::Mark, &record.model))
        .collect();
    let zero_shot = records.iter().find(|record| suite.zero_shot(record).is_some());
    keys.extend(
        zero_shot.map(|record| Key::new(suite.series(&record.model), Kind::Dashed, "zero-shot")),
    );
    let interval = points().any(|point| point.interval.is_some());
    let band = format!("{}interval of the mean", level(records));
    keys.extend(interval.then(|| Key::new(suite.series(&first.model), Kind::Band, &band)));

    let heading = format!("Few-shot: {}", title(first));
    let mut plot = Plot::new(&heading, HEIGHT, &x, &y, &keys);
    let mut said = Vec::new();
    for record in records {
        let series = suite.series(&record.model);
        if let Some(value) = suite.zero_shot(record) {
            let (low, high) = x.scale.ends();
            plot.line(series, Kind::Dashed, [(low, value), (high, value)]);
        }
        let mut shots: Vec<&ShotPoint> = record.details.shots.iter().collect();
        shots.sort_by_key(|point| point.shots.unwrap_or(usize::MAX));
        let (drawn, whole): (Vec<&ShotPoint>, Vec<&ShotPoint>) =
            shots.iter().partition(|point| point.shots.is_some());
        let band = |point: &&ShotPoint| {
            let (low, high) = point.interval?;
            Some((place(point.shots, most), low, high))
        };
        plot.band(series, &drawn.iter().filter_map(band).collect::<Vec<_>>());
        plot.line(
            series,
            Kind::Line,
            drawn.iter().map(|point| (place(point.shots, most), point.mean)),
        );
        let joint = drawn.last().into_iter().chain(whole.first());
        plot.line(series, Kind::Dashed, joint.map(|point| (place(point.shots, most), point.mean)));
        let marks: Vec<Mark> = shots.iter().map(|point| mark(record, point, most)).collect();
        said.extend(marks.iter().map(|mark| mark.tip.clone()));
        plot.marks(series, Kind::Mark, &marks);
    }
    overview(page, &heading, |page| plot.svg(page, &said.join("; ")), &caption(records));
}

fn mark(record: &Record, point: &ShotPoint, most: f64) -> Mark {
    let shots = point.shots.map_or("all examples".to_owned(), |shots| format!("{shots} a class"));
    // A single draw beyond the band carries its own whisker.
    let interval = if point.shots.is_none() { point.interval } else { None };
    let tip = format!("{}, {shots}: {} %", record.model, percent(point.mean));
    Mark { x: place(point.shots, most), y: point.mean, interval, tip }
}

fn y_axis(suite: &Suite<'_>, records: &[&Record]) -> Axis {
    let points = records.iter().flat_map(|record| &record.details.shots);
    let ends = points.flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.mean, point.mean));
        [point.mean, low, high]
    });
    let values = ends.chain(records.iter().filter_map(|record| suite.zero_shot(record)));
    Axis::percent("score, %", Scale::linear(values, (0.0, 1.0)))
}

fn x_axis<'p>(points: impl Iterator<Item = &'p ShotPoint>, most: f64) -> Axis {
    let mut shots: Vec<Option<usize>> = points.map(|point| point.shots).collect();
    shots.sort_by_key(|shots| shots.unwrap_or(usize::MAX));
    shots.dedup();
    let text = |shots: &Option<usize>| shots.map_or("all".to_owned(), count);
    let ticks = shots.iter().map(|shots| (place(*shots, most), text(shots))).collect();
    let scale = Scale::log(2.0, shots.iter().map(|shots| place(*shots, most)));
    Axis::with_ticks("labelled examples a class", scale, ticks)
}

/// `99.5 % `: of all the records, if they have one.
fn level(records: &[&Record]) -> String {
    let of = |record: &&Record| {
        let chosen = record.provenance.options.get("level").and_then(serde_json::Value::as_f64);
        record.score.level.or(chosen)
    };
    let levels: Vec<f64> = records.iter().filter_map(of).collect();
    match levels.as_slice() {
        [first, rest @ ..] if rest.iter().all(|level| level == first) => {
            format!("{} % ", number(first * 100.0))
        }
        _ => String::new(),
    }
}

fn caption(records: &[&Record]) -> String {
    let draws = records
        .iter()
        .flat_map(|record| &record.details.shots)
        .filter(|point| point.shots.is_some());
    let draws: Vec<usize> = draws.map(|point| point.values.len()).collect();
    let draws = match (draws.iter().min(), draws.iter().max()) {
        (Some(least), Some(most)) if least == most => format!("{least} draws"),
        (Some(least), Some(most)) => format!("{least} to {most} draws"),
        _ => "no draws".to_owned(),
    };
    let scored = records.iter().map(|record| record.counts.scored).max().unwrap_or(0);
    let method = records.iter().find_map(|record| record.score.method.as_deref()).unwrap_or("t");
    format!(
        "Mean over {draws} of the examples, n = {} test items; band: {}interval of the mean over draws ({method}), none \
         where all draws have the same. The doubling axis ends with the whole training split (all).",
        count(scored),
        level(records)
    )
}
