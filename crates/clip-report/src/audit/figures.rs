//! Figures of several things in columns, and a plot for each column of shares.

use clip_audit::section::FigureTable;
use clip_eval::results::{Figure, Unit};

use super::words::{figure_entry, first_rows, in_words, intervals, picture};
use crate::markup::Markup;
use crate::numbers::{MISSING, capital, display_name, figure_value};
use crate::plot::{Axis, Dot, DotPlot, Key, Kind, Row, Scale};
use crate::widgets::{note, numeric, row_head, table as page_table};

/// Columns that are drawn, at most; fewer of a table of many rows.
const MOST_PLOTS: usize = 4;
/// Rows of all plots together, about.
const MOST_DRAWN: usize = 32;
/// Colour and shape of figures without an interval, as published ones.
const WITHOUT: usize = 3;
/// Rows of a plot, at most.
const MOST_ROWS: usize = 24;

/// Plots and table.
pub(super) fn draw(page: &mut Markup, title: &str, table: &FigureTable) {
    let possible: Vec<&str> =
        names(table).into_iter().filter(|name| is_drawn(table, name)).collect();
    let room = (MOST_DRAWN / table.rows.len().max(1)).clamp(1, MOST_PLOTS);
    let drawn = possible.iter().take(room);
    if !possible.is_empty() {
        let class = if possible.len() > 1 { "figures whole" } else { "figures" };
        page.element("div", &[("class", &class)], |page| {
            drawn.for_each(|name| plot(page, title, table, name));
        });
        if possible.len() > room {
            page.element("div", &[("class", &"whole")], |page| {
                note(page, format_args!("Drawn: the first {room} of {} columns.", possible.len()));
            });
        }
    }
    let class = if possible.len() > 1 { "whole" } else { "" };
    page.element("div", &[("class", &class)], |page| {
        first_rows(page, &table.rows, "rows", |page, shown| rows(page, table, shown));
    });
}

/// The first column of the first rows.
pub(super) fn main_figures(table: &FigureTable) -> String {
    let first = names(table).first().copied().unwrap_or_default();
    let said = |(row, figures): &(String, Vec<Figure>)| {
        let figure = figures.iter().find(|figure| figure.name == first)?;
        Some(format!("{row} {}", in_words(figure)))
    };
    let shown: Vec<String> = table.rows.iter().filter_map(said).take(3).collect();
    match shown.is_empty() {
        true => "no figures".to_owned(),
        false => format!("{}: {}", display_name(first), shown.join(", ")),
    }
}

/// Columns in the order in which they first occur.
fn names(table: &FigureTable) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for figure in table.rows.iter().flat_map(|(_, figures)| figures) {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    names
}

/// The figure of a column in each row that has a value of it.
fn column<'a>(
    table: &'a FigureTable,
    name: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Figure)> {
    table.rows.iter().filter_map(move |(row, figures)| {
        let figure = figures.iter().find(|figure| figure.name == name)?;
        figure.value.is_some().then_some((row.as_str(), figure))
    })
}

/// Shares of at least two things, with an interval.
fn is_drawn(table: &FigureTable, name: &str) -> bool {
    let known = || column(table, name);
    (2..=MOST_ROWS).contains(&known().count())
        && known().all(|(_, figure)| figure.unit == Unit::Share)
        && known().any(|(_, figure)| figure.interval().is_some())
}

fn plot(page: &mut Markup, title: &str, table: &FigureTable, name: &str) {
    let ends = column(table, name).flat_map(|(_, figure)| {
        let (low, high) = figure.interval().unzip();
        [figure.value, low, high]
    });
    let called = display_name(name);
    let axis = Axis::percent(&format!("{called}, %"), Scale::linear(ends.flatten(), (0.0, 1.0)));
    let rows: Vec<Row> = column(table, name)
        .map(|(row, figure)| Row {
            name: row.to_owned(),
            dots: vec![Dot {
                series: if figure.interval().is_some() { 0 } else { WITHOUT },
                kind: if figure.interval().is_some() { Kind::Mark } else { Kind::Hollow },
                value: figure.value.unwrap_or(f64::NAN),
                interval: figure.interval(),
                tip: format!("{row}: {}", in_words(figure)),
            }],
            note: figure_value(figure),
            apart: false,
            joined: false,
        })
        .collect();
    let mut keys = Vec::new();
    if column(table, name).any(|(_, figure)| figure.interval().is_none()) {
        keys.push(Key::new(0, Kind::Mark, "with its interval"));
        keys.push(Key::new(WITHOUT, Kind::Hollow, "without one"));
    }
    let title = format!("{title}: {called}");
    let plot = DotPlot {
        title: &title,
        axis: &axis,
        keys: &keys,
        rows: &rows,
        note_head: "",
        reference: None,
    };
    let said: Vec<String> =
        column(table, name).map(|(row, figure)| format!("{row}: {}", in_words(figure))).collect();
    let caption = format!(
        "{} by {}.{}",
        capital(&called),
        table.of,
        intervals(column(table, name).map(|(_, figure)| figure))
    );
    picture(page, |page| plot.draw(page, &said.join("; ")), &caption);
}

fn rows(page: &mut Markup, table: &FigureTable, shown: &[(String, Vec<Figure>)]) {
    let names = names(table);
    let heads: Vec<String> = names.iter().map(|name| format!("#{}", display_name(name))).collect();
    let mut columns = vec![table.of.as_str()];
    columns.extend(heads.iter().map(String::as_str));
    let all = || table.rows.iter().flat_map(|(_, figures)| figures);
    let caption =
        format!("Figures by {}, with intervals where there are.{}", table.of, notes(all()));
    page_table(page, &caption, &columns, |page| {
        for (row, figures) in shown {
            page.element("tr", &[], |page| {
                row_head(page, row);
                for name in &names {
                    match figures.iter().find(|figure| figure.name == *name) {
                        Some(figure) => figure_entry(page, figure),
                        None => numeric(page, MISSING),
                    }
                }
            });
        }
    });
}

/// Why figures have no value or no interval: each reason once, with whose it is.
fn notes<'f>(figures: impl Iterator<Item = &'f Figure>) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for figure in figures {
        let Some(note) = &figure.note else { continue };
        let name = display_name(&figure.name);
        match reasons.iter_mut().find(|(reason, _)| reason == note) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => reasons.push((note, vec![name])),
        }
    }
    let said = |(reason, names): &(&str, Vec<String>)| {
        let whose = if names.len() <= 4 { names.join(", ") } else { "several".to_owned() };
        format!(" {}: {reason}.", capital(&whose))
    };
    reasons.iter().take(4).map(said).collect()
}
