//! Labels by how often each group gets them: dots with intervals by group, and the table.

use clip_audit::section::{AssociationRow, AssociationTable, Rate};
use clip_eval::results::Figure;

use super::words::{
    first_rows, images, intervals, p_entry, p_value, picture, rate_entry, rate_in_words,
};
use crate::markup::Markup;
use crate::numbers::{MISSING, count, number, percent};
use crate::plot::{Axis, Dot, DotPlot, Key, Kind, Row, Scale};
use crate::widgets::{entry, row_head, table as page_table};

/// Dots that a plot shows, about.
const MOST_DOTS: usize = 48;

/// The plot and the table.
pub(super) fn draw(page: &mut Markup, title: &str, table: &AssociationTable) {
    if !table.rows.is_empty() {
        plot(page, title, table);
    }
    first_rows(page, &table.rows, "labels", |page, shown| rows(page, table, shown));
}

/// The label at the head of the table.
pub(super) fn main_figures(table: &AssociationTable) -> String {
    let Some(first) = table.rows.first() else {
        return "no label is returned".to_owned();
    };
    let significant = table.rows.iter().filter(|row| row.test.p_holm < 0.05).count();
    format!(
        "{}: {}; {significant} of {} labels in the table differ between groups at p < 0.05, Holm",
        first.label,
        of_label(table, first),
        table.rows.len()
    )
}

/// How often each group gets a label; of many groups the one that gets it more often, and the
/// greatest of the others.
fn of_label(table: &AssociationTable, row: &AssociationRow) -> String {
    if table.groups.len() <= 3 {
        return by_group(table, row).join(", ");
    }
    let shares = || {
        table.groups.iter().zip(&row.returned).filter_map(|((name, _), rate)| {
            Some((name == &row.toward, rate.share.as_ref()?.value?))
        })
    };
    let greatest = |toward: bool| {
        let shares = shares().filter(|(is_toward, _)| *is_toward == toward);
        shares.map(|(_, share)| share).fold(f64::NAN, f64::max)
    };
    format!(
        "{} {} %, other groups at most {} %",
        row.toward,
        percent(greatest(true)),
        percent(greatest(false))
    )
}

/// `Female 12.3 % [..]`, …
fn by_group(table: &AssociationTable, row: &AssociationRow) -> Vec<String> {
    let said = |((name, _), rate): (&(String, usize), &Rate)| match &rate.share {
        Some(share) => format!("{name} {} %", percent(share.value.unwrap_or(f64::NAN))),
        None => format!("{name} {}", rate_in_words(rate)),
    };
    table.groups.iter().zip(&row.returned).map(said).collect()
}

/// What probabilities depend on.
fn setting(table: &AssociationTable) -> String {
    format!(
        "A label is returned where its probability among {} labels, at temperature {}, exceeds {} %; \
         thresholds compare only for the same list and temperature.",
        count(table.labels),
        number(table.scale),
        number(table.threshold * 100.0)
    )
}

fn plot(page: &mut Markup, title: &str, table: &AssociationTable) {
    let most = (MOST_DOTS / table.groups.len().max(1)).max(6);
    let shown = || table.rows.iter().take(most);
    let shares = || shown().flat_map(|row| &row.returned).filter_map(|rate| rate.share.as_ref());
    let ends = shares().flat_map(|share| {
        let (low, high) = share.interval().unzip();
        [share.value, low, high]
    });
    let scale = Scale::linear(ends.flatten().chain([0.0]), (0.0, 1.0));
    let axis = Axis::percent("images that get the label, %", scale);
    let keys: Vec<Key> = table
        .groups
        .iter()
        .enumerate()
        .map(|(series, (name, items))| {
            Key::new(series, Kind::Mark, &format!("{name} ({})", images(*items)))
        })
        .collect();
    let rows: Vec<Row> = shown().map(|row| dots(table, row)).collect();
    let plot = DotPlot {
        title,
        axis: &axis,
        keys: &keys,
        rows: &rows,
        note_head: "p, Holm",
        reference: None,
    };
    let said: Vec<String> =
        shown().map(|row| format!("{}: {}", row.label, by_group(table, row).join(", "))).collect();
    let part = match table.rows.len() > most {
        true => format!(" Drawn: the first {most} labels of {}.", count(table.rows.len())),
        false => String::new(),
    };
    let caption = format!("{}{}{part}", setting(table), intervals(shares()));
    picture(page, |page| plot.draw(page, &said.join("; ")), &caption);
}

fn dots(table: &AssociationTable, row: &AssociationRow) -> Row {
    let dot = |(series, ((name, _), rate)): (usize, (&(String, usize), &Rate))| Dot {
        series,
        kind: Kind::Mark,
        value: rate.share.as_ref().and_then(|share| share.value).unwrap_or(f64::NAN),
        interval: rate.share.as_ref().and_then(Figure::interval),
        tip: format!("{}, {name}: {}", row.label, rate_in_words(rate)),
    };
    Row {
        name: row.label.clone(),
        dots: table.groups.iter().zip(&row.returned).enumerate().map(dot).collect(),
        note: p_value(row.test.p_holm),
        apart: false,
        joined: false,
    }
}

fn rows(page: &mut Markup, table: &AssociationTable, shown: &[AssociationRow]) {
    let mut columns = vec!["label".to_owned(), "more often for".to_owned()];
    columns
        .extend(table.groups.iter().map(|(name, items)| format!("#{name} (n {})", count(*items))));
    columns.push("#p, Holm".to_owned());
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let test = table.rows.first().map_or_else(String::new, |row| {
        format!(" p: {}, corrected by Holm for {} tests.", row.test.name, row.test.family)
    });
    let caption = format!("Labels by {}. {}{test}", table.by, setting(table));
    page_table(page, &caption, &columns, |page| {
        for row in shown {
            page.element("tr", &[], |page| {
                row_head(page, &row.label);
                entry(page, if row.toward.is_empty() { MISSING } else { &row.toward });
                row.returned.iter().for_each(|rate| rate_entry(page, rate));
                p_entry(page, Some(&row.test));
            });
        }
    });
}
