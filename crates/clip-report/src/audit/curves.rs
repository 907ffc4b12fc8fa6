//! Figures along a scale: lines with their intervals, and the table.

use clip_audit::section::{CurvePoint, Curves};
use clip_eval::results::Unit;

use super::words::{figure_entry, first_rows, in_words, intervals, picture};
use crate::curves as plots;
use crate::markup::Markup;
use crate::numbers::{MISSING, capital, number};
use crate::widgets::{numeric, row_head, table};

/// The plot and the table.
pub(super) fn draw(page: &mut Markup, title: &str, curves: &Curves) {
    let figures = || curves.curves.iter().flat_map(|(_, points)| points).map(|point| &point.y);
    if figures().any(|figure| figure.value.is_some()) {
        let caption = format!(
            "{} over {}; bands are intervals.{}",
            capital(&curves.y),
            curves.x,
            intervals(figures())
        );
        picture(page, |page| plot(title, curves).draw(page), &caption);
    }
    first_rows(page, &places(curves), "points", |page, shown| rows(page, curves, shown));
}

/// Where each curve begins and ends.
pub(super) fn main_figures(curves: &Curves) -> String {
    let said = |(name, points): &(String, Vec<CurvePoint>)| {
        let (first, last) = (points.first()?, points.last()?);
        Some(format!(
            "{name}: {} at {}, {} at {}",
            in_words(&first.y),
            number(first.x),
            in_words(&last.y),
            number(last.x)
        ))
    };
    let shown: Vec<String> = curves.curves.iter().filter_map(said).take(3).collect();
    if shown.is_empty() { "no points".to_owned() } else { shown.join("; ") }
}

fn plot(title: &str, curves: &Curves) -> plots::Curves {
    let is_share = (curves.curves.iter())
        .flat_map(|(_, points)| points)
        .all(|point| matches!(point.y.unit, Unit::Share | Unit::Points));
    let point = |point: &CurvePoint| {
        Some(plots::CurvePoint { x: point.x, y: point.y.value?, interval: point.y.interval() })
    };
    let curve = |(name, points): &(String, Vec<CurvePoint>)| plots::Curve {
        name: name.clone(),
        points: points.iter().filter_map(point).collect(),
    };
    plots::Curves {
        title: title.to_owned(),
        across: curves.x.clone(),
        up: if is_share { format!("{}, %", curves.y) } else { curves.y.clone() },
        is_share,
        curves: curves.curves.iter().map(curve).collect(),
    }
}

/// All places on the scale, in order.
fn places(curves: &Curves) -> Vec<f64> {
    let points = curves.curves.iter().flat_map(|(_, points)| points);
    let mut places: Vec<f64> = points.map(|point| point.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    places
}

fn rows(page: &mut Markup, curves: &Curves, places: &[f64]) {
    let heads: Vec<String> = curves.curves.iter().map(|(name, _)| format!("#{name}")).collect();
    let mut columns = vec![curves.x.as_str()];
    columns.extend(heads.iter().map(String::as_str));
    let caption = format!("{} by {}", capital(&curves.y), curves.x);
    table(page, &caption, &columns, |page| {
        for place in places {
            page.element("tr", &[], |page| {
                row_head(page, number(*place));
                for (_, points) in &curves.curves {
                    match points.iter().find(|point| point.x.total_cmp(place).is_eq()) {
                        Some(point) => figure_entry(page, &point.y),
                        None => numeric(page, MISSING),
                    }
                }
            });
        }
    });
}
