//! Figures of several things, along a scale, and by probability.

use clip_audit::section::{Curves, FigureTable};
use clip_eval::results::{Figure, ReliabilityBin};

use super::table::{Column, PlainTable, cut};
use crate::numbers::{count, display_name, figure_text, number, percent};

/// Figures by name in columns; where there are more figures than things, things stand in columns.
pub(super) fn figures(table: &FigureTable, most: usize) -> PlainTable {
    let mut names: Vec<&str> = Vec::new();
    for figure in table.rows.iter().flat_map(|(_, figures)| figures) {
        if !names.contains(&&*figure.name) {
            names.push(&figure.name);
        }
    }
    let cell = |figures: &[Figure], name: &str| {
        let figure = figures.iter().find(|figure| figure.name == name);
        figure.map_or_else(String::new, figure_text)
    };
    let things = || table.rows.iter().map(|(name, figures)| (name, figures));
    let (columns, rows): (Vec<Column>, Vec<Vec<String>>) = if names.len() > table.rows.len() {
        let columns = things().map(|(name, _)| Column::number(name));
        let row = |name: &&str| {
            let cells = things().map(|(_, figures)| cell(figures, name));
            std::iter::once(display_name(name)).chain(cells).collect()
        };
        let first = Column::text("figure");
        (std::iter::once(first).chain(columns).collect(), names.iter().map(row).collect())
    } else {
        let columns = names.iter().map(|name| Column::number(display_name(name)));
        let row = |(thing, figures): (&String, &Vec<Figure>)| {
            let cells = names.iter().map(|name| cell(figures, name));
            std::iter::once(thing.clone()).chain(cells).collect()
        };
        let first = Column::text(&table.of);
        (std::iter::once(first).chain(columns).collect(), things().map(row).collect())
    };
    let mut plain = PlainTable { columns, rows, sentences: reasons(table) };
    cut(&mut plain, most, "rows; the result file has them");
    plain
}

/// Why figures have no value, or no interval: each reason once, with whom it concerns.
fn reasons(table: &FigureTable) -> Vec<String> {
    let mut said: Vec<(&str, Vec<String>)> = Vec::new();
    for figure in table.rows.iter().flat_map(|(_, figures)| figures) {
        let Some(note) = &figure.note else { continue };
        let name = display_name(&figure.name);
        match said.iter_mut().find(|(reason, _)| reason == note) {
            None => said.push((note, vec![name])),
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
        }
    }
    said.into_iter().map(|(note, names)| format!("{}: {note}.", names.join(", "))).collect()
}

/// A row for each place on the scale.
pub(super) fn curves(curves: &Curves, most: usize) -> PlainTable {
    let mut places: Vec<f64> =
        curves.curves.iter().flat_map(|(_, points)| points).map(|point| point.x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let row = |x: &f64| {
        let cells = curves.curves.iter().map(|(_, points)| {
            let point = points.iter().find(|point| point.x == *x);
            point.map_or_else(String::new, |point| figure_text(&point.y))
        });
        std::iter::once(number(*x)).chain(cells).collect()
    };
    let columns = curves.curves.iter().map(|(name, _)| Column::number(name));
    let mut plain = PlainTable {
        columns: std::iter::once(Column::number(&curves.x)).chain(columns).collect(),
        rows: places.iter().map(row).collect(),
        sentences: vec![format!("In the cells: {}.", curves.y)],
    };
    cut(&mut plain, most, "places; the result file has them");
    plain
}

/// Bins that have images.
pub(super) fn reliability(bins: &[ReliabilityBin], most: usize) -> PlainTable {
    let row = |bin: &ReliabilityBin| {
        vec![
            format!("{} to {}", percent(bin.low), percent(bin.high)),
            count(bin.items),
            percent(bin.confidence),
            percent(bin.accuracy),
        ]
    };
    let mut plain = PlainTable {
        columns: vec![
            Column::text("top-1 probability, %"),
            Column::number("n"),
            Column::number("mean probability, %"),
            Column::number("right, %"),
        ],
        rows: bins.iter().filter(|bin| bin.items > 0).map(row).collect(),
        sentences: Vec::new(),
    };
    cut(&mut plain, most, "bins; the result file has them");
    plain
}
