//! How a probe's strength of regularisation was chosen. PROTOCOL_EVAL 7.2.

use crate::markup::Markup;
use crate::numbers::{number, percent};
use crate::plot::{Axis, HEIGHT, Key, Kind, Mark, Plot, Scale, figure};
use clip_eval::results::{Record, SearchPoint};

/// Score on the validation split against λ.
pub(super) fn draw(page: &mut Markup, record: &Record) {
    let mut points: Vec<Scored> = record.details.search.iter().filter_map(Scored::of).collect();
    points.sort_by_key(|point| point.index);
    // The rule of ties: the first, which is the smallest λ.
    let Some(best) = points
        .iter()
        .copied()
        .reduce(|best, point| if point.score > best.score { point } else { best })
    else {
        return;
    };
    let x = Axis::powers("λ = 1 / C", Scale::log(10.0, points.iter().map(lambda)));
    let y = Axis::percent(
        "validation score, %",
        Scale::linear(points.iter().map(|point| point.score), (0.0, 1.0)),
    );
    let stopped = points.iter().filter(|point| !point.converged).count();
    let mut keys = vec![Key::new(0, Kind::Mark, "fit"), Key::new(1, Kind::Mark, "best")];
    keys.extend((stopped > 0).then(|| Key::new(0, Kind::Hollow, "fit stopped early")));
    let mut plot = Plot::new("Search of the probe", HEIGHT, &x, &y, &keys);
    plot.line(0, Kind::Line, points.iter().map(|point| (lambda(point), point.score)));
    // The best one last: its neighbours are a hair away.
    for point in points.iter().filter(|point| point.index != best.index).chain([&best]) {
        let series = usize::from(point.index == best.index);
        let kind = if point.converged { Kind::Mark } else { Kind::Hollow };
        let tip = format!("C = {}: {} %", number(point.c), percent(point.score));
        plot.marks(series, kind, &[Mark { x: lambda(point), y: point.score, interval: None, tip }]);
    }
    let said = format!("Best: {} % at C = {}.", percent(best.score), number(best.c));
    let caption = format!(
        "{} fits on the grid of 1/8 decade; best {} % at C = {}. Scores on the validation split, no intervals: the \
         choice, not the result.{}",
        points.len(),
        percent(best.score),
        number(best.c),
        if stopped > 0 {
            format!(" {stopped} fits reached their limit of iterations.")
        } else {
            String::new()
        }
    );
    figure(page, "Search of the probe", |page| plot.svg(page, &said), &caption);
}

/// A point that has a score.
#[derive(Clone, Copy)]
struct Scored {
    index: usize,
    c: f64,
    score: f64,
    converged: bool,
}

impl Scored {
    fn of(point: &SearchPoint) -> Option<Scored> {
        let score = point.score.filter(|score| score.is_finite())?;
        Some(Scored { index: point.index, c: point.c, score, converged: point.converged })
    }
}

fn lambda(point: &Scored) -> f64 {
    10f64.powf(point.index as f64 / 8.0 - 6.0)
}
