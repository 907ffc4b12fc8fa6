//! Shares by group: one, before and after a change, of many labels.

use clip_audit::section::{
    AssociationTable, Disparity, PairedRow, PairedTable, Rate, RateRow, RateTable,
};
use clip_eval::results::Figure;

use super::table::{
    Column, PlainTable, cut, interval_heading, p_cell, points_cell, share_cells, test_text,
};
use crate::numbers::{count, figure_text, number, percent};

/// What is shown of a table with more groups than there is room for.
fn chosen<R>(
    rows: &[R],
    rate: impl Fn(&R) -> &Rate,
    most: usize,
    min_group: usize,
) -> (Vec<&R>, Option<String>) {
    if rows.len() <= most {
        return (rows.iter().collect(), None);
    }
    let with_figures: Vec<&R> = rows.iter().filter(|row| rate(row).share.is_some()).collect();
    let small = rows.len() - with_figures.len();
    let shown: Vec<&R> = with_figures.iter().copied().take(most).collect();
    let mut said = Vec::new();
    if small > 0 {
        said.push(format!("{} groups of fewer than {min_group} images", count(small)));
    }
    if with_figures.len() > shown.len() {
        said.push(format!("{} more groups", count(with_figures.len() - shown.len())));
    }
    (shown, Some(format!("Not shown: {}; the result file has them.", said.join(" and "))))
}

fn group_columns(by: &[String]) -> Vec<Column> {
    match by {
        [] => vec![Column::text("images")],
        by => by.iter().map(Column::text).collect(),
    }
}

/// The levels of a group; of all images the word, in the first column.
fn group_cells(group: &[String], by: &[String]) -> Vec<String> {
    if group.is_empty() {
        let blank = by.len().max(1) - 1;
        return [vec!["all".to_owned()], vec![String::new(); blank]].concat();
    }
    group.to_vec()
}

pub(super) fn rates(table: &RateTable, most: usize) -> PlainTable {
    let shares = table.rows.iter().filter_map(|row| row.rate.share.as_ref());
    let heading = interval_heading(shares.chain(&table.all.share));
    let is_published = table.rows.iter().any(|row| row.published.is_some());
    let mut columns = group_columns(&table.by);
    columns.extend([Column::number("n"), Column::number("%"), Column::text(heading)]);
    columns.extend(is_published.then(|| Column::number("published, %")));
    let row = |group: &[String], rate: &Rate, published: Option<f64>| {
        let mut cells = group_cells(group, &table.by);
        cells.push(count(rate.items));
        cells.extend(share_cells(rate));
        cells.extend(is_published.then(|| published.map_or_else(String::new, percent)));
        cells
    };
    let (shown, left_out) = chosen(&table.rows, |row: &RateRow| &row.rate, most, table.min_group);
    let mut rows: Vec<Vec<String>> =
        shown.iter().map(|shown| row(&shown.group, &shown.rate, shown.published)).collect();
    rows.push(row(&[], &table.all, None));
    let mut sentences: Vec<String> = left_out.into_iter().collect();
    match &table.disparity {
        Some(disparity) => sentences.extend(apart(disparity, &table.rows)),
        None => sentences
            .push(format!("No comparison: fewer than two groups have {} images.", table.min_group)),
    }
    PlainTable { columns, rows, sentences }
}

/// Of groups of which none is served worst, and none best.
const EVEN: &str = "All groups with a figure have the same share.";

/// Worst and best group, gap, ratio and test.
fn apart(disparity: &Disparity, rows: &[RateRow]) -> Vec<String> {
    let of = |group: &Vec<String>| {
        let rate = rows.iter().find(|row| row.group == *group).map(|row| &row.rate);
        let share = rate.and_then(|rate| rate.share.as_ref()?.value);
        let share = share.map_or_else(String::new, |share| format!(", {} %", percent(share)));
        let items = rate.map_or(0, |rate| rate.items);
        format!("{}{share} (n = {})", group.join(", "), count(items))
    };
    let (worst, best) = (of(&disparity.worst), of(&disparity.best));
    let gap = figure_text(&disparity.gap).replace('+', ""); // a distance has no sign
    let ratio = ratio_text(&disparity.ratio);
    let extremes = match disparity.is_even() {
        true => EVEN.to_owned(),
        false => format!("Worst: {worst}. Best: {best}."),
    };
    vec![
        extremes,
        format!("Gap {gap}; ratio {ratio}."),
        format!("Test of no difference, {}.", test_text(&disparity.test)),
    ]
}

/// `0.38 [0.21, 0.55]`
fn ratio_text(ratio: &Figure) -> String {
    let value = ratio.value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.2}"));
    match ratio.interval() {
        Some((low, high)) => format!("{value} [{low:.2}, {high:.2}]"),
        None => value,
    }
}

pub(super) fn paired(table: &PairedTable, most: usize) -> PlainTable {
    let rates = table.rows.iter().chain([&table.all]).flat_map(|row| [&row.before, &row.after]);
    let heading = interval_heading(rates.filter_map(|rate| rate.share.as_ref()));
    let is_published = table.rows.iter().any(|row| row.published.is_some());
    let mut columns = group_columns(&table.by);
    columns.push(Column::number("n"));
    for name in [&table.before, &table.after] {
        columns.push(Column::number(format!("{name}, %")));
        columns.push(Column::text(&heading).spare());
    }
    columns.extend([
        Column::number("change, points"),
        Column::number("only before").spare(),
        Column::number("only after").spare(),
        Column::number("p (Holm)"),
    ]);
    columns.extend(is_published.then(|| Column::number("published, %").spare()));
    let row = |row: &PairedRow| {
        let mut cells = group_cells(&row.group, &table.by);
        cells.push(count(row.before.items));
        cells.extend(share_cells(&row.before));
        cells.extend(share_cells(&row.after));
        cells.extend(row.change.as_ref().map_or_else(<[String; 4]>::default, |change| {
            [
                points_cell(&change.difference),
                count(change.only_before),
                count(change.only_after),
                p_cell(change.test.p_holm),
            ]
        }));
        let both = |(before, after)| format!("{} to {}", percent(before), percent(after));
        cells.extend(is_published.then(|| row.published.map_or_else(String::new, both)));
        cells
    };
    let (shown, left_out) =
        chosen(&table.rows, |row: &PairedRow| &row.before, most, table.min_group);
    let all = (!table.by.is_empty() || table.rows.is_empty()).then_some(&table.all);
    let rows = shown.into_iter().chain(all).map(row).collect();
    let mut sentences: Vec<String> = left_out.into_iter().collect();
    let tests = table.rows.iter().chain([&table.all]).filter_map(|row| row.change.as_ref());
    if let Some(change) = tests.into_iter().next() {
        let (name, family) = (&change.test.name, change.test.family);
        sentences.push(format!("p: {name}, corrected by Holm over {family} tests."));
    }
    PlainTable { columns, rows, sentences }
}

pub(super) fn associations(table: &AssociationTable, most: usize) -> PlainTable {
    let mut columns = vec![Column::text("label")];
    columns.extend(
        table
            .groups
            .iter()
            .map(|(name, size)| Column::number(format!("{name} (n = {}), %", count(*size)))),
    );
    columns.extend([Column::text("more for"), Column::number("p (Holm)")]);
    let rows = table.rows.iter().map(|row| {
        let mut cells = vec![row.label.clone()];
        cells.extend(row.returned.iter().map(|rate| share_cells(rate).join(" ").trim().to_owned()));
        cells.extend([row.toward.clone(), p_cell(row.test.p_holm)]);
        cells
    });
    let mut plain = PlainTable { columns, rows: rows.collect(), sentences: Vec::new() };
    cut(&mut plain, most, "labels; the result file has them");
    plain.sentences.push(format!(
        "Returned: probability over {} % in a softmax over {} labels at scale {}; comparable only with the same list \
         and scale.",
        number(table.threshold * 100.0),
        count(table.labels),
        number(table.scale),
    ));
    if let Some(row) = table.rows.first() {
        let (name, family) = (&row.test.name, row.test.family);
        plain.sentences.push(format!("p: {name}, corrected by Holm over {family} tests."));
    }
    plain
}
